# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames by hand, for what no real client would send. Header blocks are literals that touch no table, unless a
test writes its own bytes."""
import os
import socket
import ssl
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITISED, ACK = 1, 4, 8, 32, 1
ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
          "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
          "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    return struct.pack(">I", len(payload) if length is None else length)[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def integer(n, bits, first=0):
    top = (1 << bits) - 1
    if n < top:
        return bytes([first | n])
    out, n = [first | top], n - top
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + [n])


def text(s):
    s = s if isinstance(s, bytes) else s.encode("latin-1")
    return integer(len(s), 7) + s


def block(fields):
    return b"".join(b"\0" + text(n) + text(v) for n, v in fields)


def fields(path="/x", method="GET", host="a.example", scheme="http", more=()):
    return [(":method", method), (":scheme", scheme), (":authority", host), (":path", path)] + list(more)


def head(stream=1, lines=None, end=True, flags=END_HEADERS, payload=None, **how):
    flags |= END_STREAM if end else 0
    return frame(HEADERS, flags, stream, block(fields(**how) if lines is None else lines) if payload is None else payload)


def data(stream=1, content=b"", end=True):
    return frame(DATA, END_STREAM if end else 0, stream, content)


def settings(*pairs, flags=0, stream=0):
    return frame(SETTINGS, flags, stream, b"".join(struct.pack(">HI", *p) for p in pairs))


def window(stream, n):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", n))


def reset(stream, code=8):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def ping(payload=b"01234567", flags=0, stream=0):
    return frame(PING, flags, stream, payload)


def priority(stream, on=0, weight=15, exclusive=False):
    return frame(PRIORITY, 0, stream, struct.pack(">IB", on | (1 << 31 if exclusive else 0), weight))


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def code(self):
        at = 4 if self.kind == GOAWAY else 0
        n = struct.unpack(">I", self.payload[at:at + 4])[0]
        return ERRORS[n] if n < len(ERRORS) else n

    def __repr__(self):
        return "Frame(%d, %d, %d, %r)" % (self.kind, self.flags, self.stream, self.payload[:60])


class Answer:
    def __init__(self):
        self.status, self.headers, self.body, self.trailers, self.interim = 0, [], b"", [], []
        self.reset, self.ended = None, False

    def header(self, name):
        return [v for n, v in self.headers if n == name]


class H2:
    """A connection. It acknowledges settings and gives windows back unless told not to."""

    def __init__(self, port, pki=None, sni="a.example", cert=None, start=True, ours=(), windows=True, seconds=10,
                 before=b""):
        seconds *= float(os.environ.get("USHER_PATIENCE") or 1)
        sock = socket.create_connection(("127.0.0.1", port), seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.sendall(before)
        if pki is not None:
            context = ssl.create_default_context(cafile=str(pki / "root.pem"))
            context.check_hostname = False
            context.set_alpn_protocols(["h2"])
            if cert:
                chain = pki / (cert + "-chain.pem")
                context.load_cert_chain(str(chain if chain.exists() else pki / (cert + ".pem")), str(pki / (cert + ".key")))
            sock = context.wrap_socket(sock, server_hostname=sni)
            assert sock.selected_alpn_protocol() == "h2"
        self.sock, self.buffer, self.windows = sock, b"", windows
        self.decoder = hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 24
        self.closed, self.goaway, self.answers, self.settings, self.block = False, [], {}, None, None
        self.pings, self.seen = 0, []
        if start:
            self.send(PREFACE + settings(*ours))

    def send(self, *parts):
        """False: the peer does not take it any more."""
        try:
            self.sock.sendall(b"".join(parts))
            return True
        except (ConnectionError, ssl.SSLError):
            return False

    def frame(self):
        """The next one; None at the end of the connection."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            try:
                got = self.sock.recv(65536)
            except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
                got = b""
            if not got:
                self.closed = True
                return None
            self.buffer += got
        n = int.from_bytes(self.buffer[:3], "big")
        f = Frame(self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big") & 0x7FFFFFFF, self.buffer[9:9 + n])
        self.buffer = self.buffer[9 + n:]
        self.note(f)
        return f

    def answer(self, stream):
        return self.answers.setdefault(stream, Answer())

    def section(self, f, payload):
        a, lines = self.answer(f.stream), self.decoder.decode(payload)
        if not (a.status >= 200):
            status = int(dict(lines)[":status"])
            if status < 200:
                a.interim.append((status, lines))
            else:
                a.status, a.headers = status, lines
        else:
            a.trailers = lines

    def note(self, f):
        self.seen.append(f.kind)
        if f.kind == SETTINGS and not f.flags & ACK:
            self.settings = {int.from_bytes(f.payload[i:i + 2], "big"): int.from_bytes(f.payload[i + 2:i + 6], "big")
                             for i in range(0, len(f.payload), 6)}
            self.send(settings(flags=ACK))
        elif f.kind == PING:
            if f.flags & ACK:
                self.pings += 1
            else:
                self.send(ping(f.payload, ACK))
        elif f.kind == GOAWAY:
            self.goaway.append(f)
        elif f.kind == RST_STREAM:
            self.answer(f.stream).reset = f.code
        elif f.kind in (HEADERS, CONTINUATION):
            if f.kind == HEADERS:
                self.block = [f, f.payload]
            else:
                self.block[1] += f.payload
            if f.flags & END_HEADERS:
                self.section(f, self.block[1])
                self.answer(f.stream).ended |= bool(self.block[0].flags & END_STREAM)
        elif f.kind == DATA:
            a = self.answer(f.stream)
            a.body += f.payload
            a.ended |= bool(f.flags & END_STREAM)
            if self.windows and f.payload:
                self.send(window(0, len(f.payload)), b"" if a.ended else window(f.stream, len(f.payload)))

    def wait(self, stream=1):
        """The whole answer on a stream, or what there is when it was reset or the connection ended."""
        a = self.answer(stream)
        while not a.ended and a.reset is None and self.frame() is not None:
            pass
        return a

    def until(self, wanted):
        while not wanted(self):
            if self.frame() is None:
                return False
        return True

    def alive(self):
        """Whether a PING is still answered."""
        before = self.pings
        return self.send(ping()) and self.until(lambda h: h.pings > before)

    def end(self):
        """Reads to the end of the connection: the code of the last GOAWAY, or None."""
        try:
            while self.frame() is not None:
                pass
        except socket.timeout:
            raise AssertionError("the connection is still open: %r" % self.seen)
        return self.goaway[-1].code if self.goaway else None

    def close(self):
        self.sock.close()
