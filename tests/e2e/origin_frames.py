# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 origin whose every frame a test decides on."""
import ssl
import threading

import hpack

import h2raw
from h2raw import ACK, END_HEADERS, END_STREAM, PREFACE, frame, settings
from listening import Listening


class Peer:
    """One connection of usher's."""

    def __init__(self, sock, number):
        self.sock, self.number, self.buffer, self.decoder = sock, number, b"", hpack.Decoder()
        self.first, self.windows, self.waiting = 65535, {0: 65535}, []

    def exactly(self, n):
        while len(self.buffer) < n:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError
            self.buffer += got
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def frame(self):
        head = self.exactly(9)
        payload = self.exactly(int.from_bytes(head[:3], "big"))
        return h2raw.Frame(head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload)

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def put(self, stream, content):
        """Content, as soon as its windows allow."""
        self.waiting.append((stream, content))
        self.flow()

    def flow(self):
        waiting, self.waiting = self.waiting, []
        for stream, content in waiting:
            while content and (n := min(len(content), 16384, self.windows[0], self.windows.setdefault(stream, self.first))) > 0:
                self.windows[0] -= n
                self.windows[stream] -= n
                self.send(h2raw.data(stream, content[:n], False))
                content = content[n:]
            if content:
                self.waiting.append((stream, content))

    def note(self, f):
        if f.kind == h2raw.SETTINGS:
            for i in range(0, len(f.payload), 6):
                if f.payload[i:i + 2] == b"\0\4":
                    self.first = int.from_bytes(f.payload[i + 2:i + 6], "big")
        elif f.kind == h2raw.WINDOW_UPDATE:
            self.windows[f.stream] = self.windows.get(f.stream, self.first) + int.from_bytes(f.payload, "big")
            self.flow()

    def answer(self, stream, status=200, content=b"", more=(), end=True):
        lines = h2raw.block([(":status", str(status))] + list(more))
        self.send(frame(h2raw.HEADERS, END_HEADERS | (END_STREAM if end and not content else 0), stream, lines))
        if content:
            self.send(h2raw.data(stream, content, end))


class FramesOrigin(Listening):
    """Notes (connection, stream, pseudo-headers and lines) of each request, and (connection, stream, bytes) of DATA;
    on_request(peer, frame, lines) and on_frame(peer, frame) are the test's. tls: certificate and key."""

    def __init__(self, on_request=None, on_frame=None, first=settings(), tls=None):
        self.requests, self.content, self.on_request, self.on_frame, self.first = [], [], on_request, on_frame, first
        self.lock, self.connections, self.context = threading.Lock(), 0, None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*map(str, tls))
            self.context.set_alpn_protocols(["h2"])
        super().__init__()

    def serve(self, sock):
        with self.lock:
            self.connections += 1
            number = self.connections
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
        peer = Peer(sock, number)
        if peer.exactly(len(PREFACE)) != PREFACE:
            return
        peer.send(self.first)
        while True:
            f = peer.frame()
            peer.note(f)
            if f.kind == h2raw.SETTINGS and not f.flags & ACK and self.first:
                peer.send(settings(flags=ACK))
            elif f.kind == h2raw.PING and not f.flags & ACK:
                peer.send(h2raw.ping(f.payload, ACK))
            elif f.kind == h2raw.HEADERS:
                lines = peer.decoder.decode(f.payload)
                with self.lock:
                    self.requests.append((number, f.stream, dict(lines)))
                if self.on_request:
                    self.on_request(peer, f, dict(lines))
            elif f.kind == h2raw.DATA:
                with self.lock:
                    self.content.append((number, f.stream, f.payload))
            if self.on_frame:
                self.on_frame(peer, f)
