#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 origin that tells what it received, and misbehaves when asked to.

    origin_h2.py [CERTIFICATE KEY]      prints "listening ADDRESS" once it does; with TLS it insists on ALPN h2

Every request is answered with a JSON object as by origin.py. The last path segment names a behaviour, see serve().
"""
import hashlib
import json
import select
import socket
import ssl
import sys
import threading
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings


class Connection:
    def __init__(self, sock, number):
        self.sock, self.number, self.count = sock, number, 0
        self.h = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8",
                                                                      validate_outbound_headers=False,
                                                                      normalize_outbound_headers=False))
        self.requests, self.pending, self.timers = {}, {}, []

    def answer(self, stream, status, body=b"", lines=(), trailers=None):
        self.h.send_headers(stream, [(":status", str(status))] + list(lines), end_stream=not body and trailers is None)
        if body or trailers is not None:
            self.pending[stream] = [body, 0, trailers]

    def pump(self):
        for stream in list(self.pending):
            body, at, trailers = self.pending[stream]
            try:
                while at < len(body):
                    n = min(self.h.local_flow_control_window(stream), self.h.max_outbound_frame_size, len(body) - at)
                    if n <= 0:
                        break
                    at += n
                    self.h.send_data(stream, body[at - n:at], end_stream=at == len(body) and trailers is None)
                    if self.h.outbound_flow_control_window < 0:
                        break
                self.pending[stream][1] = at
                if at == len(body):
                    if trailers is not None:
                        self.h.send_headers(stream, trailers, end_stream=True)
                    del self.pending[stream]
            except h2.exceptions.ProtocolError:
                self.pending.pop(stream, None)
        out = self.h.data_to_send()
        if out:
            self.sock.setblocking(True)
            self.sock.sendall(out)

    def later(self, seconds, what):
        self.timers.append((time.monotonic() + seconds, what))

    def serve(self, stream, r):
        self.count += 1
        path, _, query = r["path"].partition("?")
        name, args = path.rsplit("/", 1)[-1], dict(p.partition("=")[::2] for p in query.split("&") if p)
        if name == "big":
            self.answer(stream, 200, b"x" * int(args.get("n", "1000000")))
        elif name == "slow":
            self.later(float(args.get("s", "1")), lambda: self.answer(stream, 200, b"slow"))
        elif name == "hang":
            pass
        elif name == "status":
            self.answer(stream, int(args["code"]), b"as asked\n")
        elif name == "hints":
            self.h.send_headers(stream, [(":status", "103"), ("link", "</a.css>")])
            self.answer(stream, 200, b"after hints")
        elif name == "trailers":
            self.answer(stream, 200, b"content", [("content-type", "application/grpc")],
                        [("grpc-status", "0"), ("grpc-message", "fine")])
        elif name == "only":
            self.answer(stream, 200, b"", [("content-type", "application/grpc"), ("grpc-status", "12")])
        elif name == "reset":
            self.h.reset_stream(stream, int(args.get("code", "2")))
        elif name == "midway":
            self.h.send_headers(stream, [(":status", "200"), ("content-length", "100")])
            self.h.send_data(stream, b"only this")
            self.h.reset_stream(stream, 2)
        elif name == "goaway":
            self.answer(stream, 200, b"last")
            self.later(0.02, self.h.close_connection)
        elif name == "close":
            raise ConnectionError
        elif name == "short":
            self.answer(stream, 200, b"short", [("content-length", "100")])
        elif name == "long":
            self.answer(stream, 200, b"too long", [("content-length", "4")])
        elif name == "upper":
            self.answer(stream, 200, b"x", [("X-Upper", "1")])
        elif name == "badvalue":
            self.answer(stream, 200, b"x", [("x-bad", "a\nb")])
        elif name == "nostatus":
            self.h.send_headers(stream, [("x-a", "b")], end_stream=True)
        elif name == "large":
            self.answer(stream, 200, b"x", [("x-%d" % i, "v" * 4000) for i in range(20)])
        elif name == "connection":
            self.answer(stream, 200, b"x", [("connection", "close"), ("keep-alive", "5"), ("server", "h2")])
        else:
            text = json.dumps({
                "method": r["method"], "target": r["path"], "scheme": r["scheme"], "authority": r["authority"],
                "version": "HTTP/2", "headers": r["headers"], "body_size": r["size"],
                "body_sha256": r["hash"].hexdigest(), "body": r["text"].decode("latin-1") if r["size"] <= 4096 else None,
                "trailers": r["trailers"], "connection": self.number, "request": self.count, "stream": stream,
            }).encode() + b"\n"
            self.answer(stream, 200, b"" if r["method"] == "HEAD" else text,
                        [("content-type", "application/json"), ("content-length", str(len(text)))])

    def event(self, e):
        if isinstance(e, h2.events.RequestReceived):
            pseudo = {n[1:]: v for n, v in e.headers if n.startswith(":")}
            self.requests[e.stream_id] = dict(pseudo, headers=[[n, v] for n, v in e.headers if not n.startswith(":")],
                                              size=0, hash=hashlib.sha256(), text=b"", trailers=[])
            if pseudo["path"].startswith("/bidi"):
                self.h.send_headers(e.stream_id, [(":status", "200")])
        elif isinstance(e, h2.events.DataReceived):
            r = self.requests[e.stream_id]
            if r["path"].startswith("/deaf"):
                return
            self.h.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
            r["size"] += len(e.data)
            r["hash"].update(e.data)
            r["text"] = (r["text"] + e.data)[:4096]
            if r["path"].startswith("/bidi"):
                self.h.send_data(e.stream_id, e.data.upper())
        elif isinstance(e, h2.events.TrailersReceived):
            self.requests[e.stream_id]["trailers"] = [[n, v] for n, v in e.headers]
        elif isinstance(e, h2.events.StreamEnded):
            r = self.requests.pop(e.stream_id)
            if r["path"].startswith("/bidi"):
                self.h.send_headers(e.stream_id, [("grpc-status", "0")], end_stream=True)
            elif not r["path"].startswith("/deaf"):
                self.serve(e.stream_id, r)
        elif isinstance(e, h2.events.StreamReset):
            self.pending.pop(e.stream_id, None)
            self.requests.pop(e.stream_id, None)

    def run(self):
        try:
            codes = h2.settings.SettingCodes
            self.h.local_settings = h2.settings.Settings(client=False, initial_values={
                codes.MAX_CONCURRENT_STREAMS: 50, codes.MAX_HEADER_LIST_SIZE: 65536})
            self.h.initiate_connection()
            while True:
                self.pump()
                wait = max(0, min([t for t, _ in self.timers], default=time.monotonic() + 60) - time.monotonic())
                tls = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()
                if tls or select.select([self.sock], [], [], wait)[0]:
                    data = self.sock.recv(65536)
                    if not data:
                        return
                    for e in self.h.receive_data(data):
                        self.event(e)
                now = time.monotonic()
                due, self.timers = [w for t, w in self.timers if t <= now], [x for x in self.timers if x[0] > now]
                for what in due:
                    try:
                        what()
                    except h2.exceptions.ProtocolError:
                        pass
        except (ConnectionError, OSError, h2.exceptions.ProtocolError):
            pass
        finally:
            self.sock.close()


def accepted(sock, context, number):
    try:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True)
            if sock.selected_alpn_protocol() != "h2":
                return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Connection(sock, number).run()
    except (OSError, ssl.SSLError):
        pass
    finally:
        sock.close()


def main():
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        context.set_alpn_protocols(["h2"])
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    print("listening", "127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    number = 0
    while True:
        sock, _ = listener.accept()
        number += 1
        threading.Thread(target=accepted, args=(sock, context, number), daemon=True).start()


if __name__ == "__main__":
    main()
