# SPDX-License-Identifier: Apache-2.0
"""Servers that others wrote, as origins: Node's http (llhttp), Python's http.server, and nginx, which passes what it
read to a server of Python's. Each answers with what it understood, in JSON, and counts the requests it read whole."""
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import socketserver
import subprocess
import threading

from conftest import free_port, stop

NODE = r"""
const http = require('http'), crypto = require('crypto');
let number = 0;
const server = http.createServer((req, res) => {
    const hash = crypto.createHash('sha256');
    let size = 0;
    req.on('error', () => {});
    req.on('data', (d) => { hash.update(d); size += d.length; });
    req.on('end', () => {
        const headers = [];
        for (let i = 0; i < req.rawHeaders.length; i += 2)
            headers.push([req.rawHeaders[i], req.rawHeaders[i + 1]]);
        number++;
        const body = JSON.stringify({ number, method: req.method, target: req.url, version: 'HTTP/' + req.httpVersion,
                                      headers, size, sha256: hash.digest('hex') });
        res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
        res.end(body);
    });
});
server.on('clientError', (e, socket) => socket.end('HTTP/1.1 400 Node refused it\r\nContent-Length: 0\r\n\r\n'));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""

NGINX = """
daemon off; master_process off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u;
    scgi_temp_path {dir}/s;
    underscores_in_headers on;
    ignore_invalid_headers off;
    large_client_header_buffers 8 64k;
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests 100000;
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "close";
            proxy_pass_request_headers on;
        }}
    }}
}}
"""


class Python:
    """http.server, which leaves chunked content to its user."""

    name = "python"

    def __init__(self, directory):
        origin, self.number = self, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, wbufsize = "HTTP/1.1", -1

            def log_message(self, *args):
                pass

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.echo
                raise AttributeError(name)

            def content(self):
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    parts = b""
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        parts += self.rfile.read(size)
                        if self.rfile.readline() != b"\r\n":
                            raise ValueError
                    while self.rfile.readline() not in (b"\r\n", b""):
                        pass
                    return parts
                size = int(self.headers.get("Content-Length", 0))
                data = self.rfile.read(size)
                if len(data) != size:
                    raise ValueError
                return data

            def echo(self):
                try:
                    data = self.content()
                except ValueError:
                    self.close_connection = True
                    return
                origin.number += 1
                body = json.dumps({
                    "number": origin.number, "method": self.command, "target": self.raw_requestline.decode("latin-1").split(" ")[1],
                    "version": self.request_version, "headers": [list(x) for x in self.headers.raw_items()],
                    "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address = True, True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Node:
    name, tool = "node", "node"

    def __init__(self, directory):
        self.process = subprocess.Popen(["node", "--max-http-header-size=131072", "-e", NODE], stdout=subprocess.PIPE)
        self.url = "http://127.0.0.1:%d" % int(self.process.stdout.readline())

    def stop(self):
        stop(self.process)


class Nginx:
    name, tool = "nginx", "nginx"

    def __init__(self, directory):
        where, self.behind, port = pathlib.Path(directory) / "nginx", Python(directory), free_port()
        where.mkdir()
        (where / "conf").write_text(NGINX.format(dir=where, port=port, behind=self.behind.url.rsplit(":", 1)[1]))
        self.process = subprocess.Popen([self.find(), "-p", str(where), "-c", str(where / "conf"), "-e", str(where / "error.log")],
                                        stderr=subprocess.DEVNULL)
        self.url = "http://127.0.0.1:%d" % port

    @staticmethod
    def find():
        return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    def stop(self):
        stop(self.process)
        self.behind.stop()


def there():
    """The origins that this machine can run."""
    return [Python] + ([Node] if shutil.which("node") else []) + ([Nginx] if Nginx.find() else [])
