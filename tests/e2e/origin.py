#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small origin that tells what it received, byte for byte, and misbehaves when asked to.

    origin.py [PORT|unix:PATH] [CERT KEY [CLIENT-CA]]      prints "listening ADDRESS" once it does; TLS with a certificate

Every request is answered with a JSON object: method, target, version, headers (pairs in order), body (its length
and SHA-256, and the text when it is short), trailers, connection (which of the origin's connections it came by).
The last path segment before '?' may ask for a behaviour: see BEHAVIOURS.
"""
import hashlib
import json
import os
import socket
import ssl
import sys
import threading
import time


class Closed(EOFError):
    pass


class Reader:
    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise Closed
        self.data += got

    def until(self, end):
        while end not in self.data:
            self.more()
        out, self.data = self.data.split(end, 1)
        return out

    def exactly(self, n):
        while len(self.data) < n:
            self.more()
        out, self.data = self.data[:n], self.data[n:]
        return out


def lines_of(block):
    out = []
    for line in block.split(b"\r\n"):
        if line:
            name, _, value = line.partition(b":")
            out.append([name.decode("latin-1"), value.strip(b" \t").decode("latin-1")])
    return out


def value(headers, name):
    for n, v in headers:
        if n.lower() == name:
            return v
    return None


class Body:
    """Content as it arrives: counted and hashed, kept while it is short."""

    def __init__(self):
        self.size, self.hash, self.text, self.trailers = 0, hashlib.sha256(), b"", []

    def add(self, data):
        self.size += len(data)
        self.hash.update(data)
        if len(self.text) < 4096:
            self.text += data[: 4096 - len(self.text)]

    def read(self, reader, headers):
        if (value(headers, "transfer-encoding") or "").lower() == "chunked":
            while True:
                size = int(reader.until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    break
                while size:
                    if not reader.data:
                        reader.more()
                    part = reader.data[:size]
                    reader.data = reader.data[size:]
                    size -= len(part)
                    self.add(part)
                reader.exactly(2)
            tail = b""
            while True:
                line = reader.until(b"\r\n")
                if not line:
                    break
                tail += line + b"\r\n"
            self.trailers = lines_of(tail)
        else:
            left = int(value(headers, "content-length") or 0)
            while left:
                if not reader.data:
                    reader.more()
                part = reader.data[:left]
                reader.data = reader.data[left:]
                left -= len(part)
                self.add(part)


def answer(status, body, *lines, head=False):
    text = "HTTP/1.1 %s\r\n" % status
    for line in lines:
        text += line + "\r\n"
    text += "Content-Length: %d\r\n\r\n" % len(body)
    return text.encode("latin-1") + (b"" if head else body)


# ---- behaviours: name → function(sock, request, args); return False to close the connection ------------------------

def hang(sock, request, args):
    time.sleep(float(args.get("s", "3600")))
    return False


def slow(sock, request, args):
    time.sleep(float(args.get("s", "1")))
    sock.sendall(answer("200 OK", b"slow", "Content-Type: text/plain"))
    return True


def reset(sock, request, args):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


def close(sock, request, args):
    return False


def short(sock, request, args):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
    return False


def long(sock, request, args):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour and more")
    return True


def garbage(sock, request, args):
    sock.sendall(b"\x00\x01 this is not HTTP\r\n\r\n")
    return False


def big(sock, request, args):
    left = int(args.get("n", "1048576"))
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
    block = b"x" * 65536
    while left:
        part = block[: min(left, len(block))]
        sock.sendall(part)
        left -= len(part)
    return True


def chunked(sock, request, args):
    sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                 b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n")
    return True


def drip(sock, request, args):
    sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(int(args.get("n", "20"))):
        sock.sendall(b"4\r\ndrip\r\n")
        time.sleep(float(args.get("s", "0.1")))
    sock.sendall(b"0\r\n\r\n")
    return True


def stall(sock, request, args):
    sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
    time.sleep(float(args.get("s", "3600")))
    return False


def until_close(sock, request, args):
    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
    return False


def hints(sock, request, args):
    sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
    sock.sendall(answer("200 OK", b"after hints"))
    return True


def endless_hints(sock, request, args):
    for _ in range(2000):
        sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
    sock.sendall(answer("200 OK", b"after hints"))
    return True


def no_content(sock, request, args):
    sock.sendall(b"HTTP/1.1 204 No Content\r\nX-Powered-By: origin\r\n\r\n")
    return True


def status(sock, request, args):
    sock.sendall(answer("%s Asked" % args.get("code", "500"), b"as asked\n", "Content-Type: text/plain"))
    return True


def dated(sock, request, args):
    sock.sendall(answer("200 OK", b"dated", "Date: Sun, 06 Nov 1994 08:49:37 GMT"))
    return True


def leaky(sock, request, args):
    sock.sendall(answer("200 OK", b"leaky", "Server: origin/1.0", "X-Powered-By: origin", "Set-Cookie: a=1",
                        "Set-Cookie: b=2"))
    return True




BEHAVIOURS = {f.__name__: f for f in (hang, slow, reset, close, short, long, garbage, big, chunked, drip, until_close, hints, endless_hints,
                                      no_content, status, leaky, stall, dated)}


def split(target):
    path, _, query = target.partition("?")
    args = dict(p.partition("=")[::2] for p in query.split("&") if p)
    return path.rsplit("/", 1)[-1], args


def context(certificate, key, client_ca=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(certificate, key)
    if client_ca:
        c.load_verify_locations(client_ca)
        c.verify_mode = ssl.CERT_REQUIRED
    return c


def serve(sock, number, tls=None):
    count, peer = 0, None
    try:
        if tls:
            sock = tls.wrap_socket(sock, server_side=True)
            peer = sock.getpeercert()
        reader = Reader(sock)
        while True:
            head = reader.until(b"\r\n\r\n")
            first, _, rest = head.partition(b"\r\n")
            method, target, version = first.decode("latin-1").split(" ")
            headers = lines_of(rest)
            name, args = split(target)
            if name == "early":
                sock.sendall(answer("413 Content Too Large", b"no", "Connection: close"))
                return
            if name == "deaf":
                time.sleep(float(args.get("s", "3600")))
                return
            if (value(headers, "expect") or "").lower() == "100-continue":
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = Body()
            body.read(reader, headers)
            count += 1
            request = {
                "method": method, "target": target, "version": version, "headers": headers, "body_size": body.size,
                "body_sha256": body.hash.hexdigest(), "body": body.text.decode("latin-1") if body.size <= 4096 else None,
                "trailers": body.trailers, "connection": number, "request": count,
                "tls": sock.version() if tls else None,
                "peer": dict(x[0] for x in peer["subject"]).get("commonName") if peer else None,
            }
            if name in BEHAVIOURS:
                if not BEHAVIOURS[name](sock, request, args):
                    return
                continue
            text = json.dumps(request).encode() + b"\n"
            sock.sendall(answer("200 OK", text, "Content-Type: application/json", head=method == "HEAD"))
    except (Closed, ConnectionError, ValueError, OSError):
        pass
    finally:
        sock.close()


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else "0"
    if where.startswith("unix:"):
        listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(where[5:]):
            os.unlink(where[5:])
        listener.bind(where[5:])
        name = where
    else:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(where)))
        name = "127.0.0.1:%d" % listener.getsockname()[1]
    tls = context(*sys.argv[2:]) if len(sys.argv) > 3 else None
    listener.listen(512)
    print("listening", name, flush=True)
    number = 0
    while True:
        sock, _ = listener.accept()
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number += 1
        threading.Thread(target=serve, args=(sock, number, tls), daemon=True).start()


if __name__ == "__main__":
    main()
