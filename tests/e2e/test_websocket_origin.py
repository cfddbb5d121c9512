# SPDX-License-Identifier: Apache-2.0
"""WebSockets to origins that speak HTTP/2 (RFC 8441), for clients of both versions."""
import os
import socket
import time

import pytest
import wsproto
from wsproto.connection import Connection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, RejectConnection, Request, TextMessage

import h2raw
from conftest import PATIENCE, until
from h2raw import END_STREAM, settings
from origin_frames import FramesOrigin
from websocket import Client

RULES = """
server { workers 1 }
listener plain { address 127.0.0.1:{port}; tls no; protocols h2, http/1.1 }
zone z { hosts api.example.com; pool p }
pool p { origin {where} ; protocol h2 ; tls_ca "{pki}/root.pem" }
"""
GET = "GET /echo HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n%s\r\n"


class Origin(FramesOrigin):
    """Echoes; its answer to a handshake is the path's matter."""

    def __init__(self, first=settings((8, 1)), tls=None):
        self.sockets, self.ended, self.resets, self.late = {}, [], [], None
        super().__init__(self.open, self.more, first, tls)

    def open(self, peer, f, lines):
        path = lines[":path"]
        if ":protocol" not in lines:
            peer.answer(f.stream, 200, b"plain")
        elif path == "/refuse":
            peer.answer(f.stream, 403, b"no")
        elif path == "/silent":
            pass
        elif path == "/reset":
            peer.send(h2raw.reset(f.stream, 7))
        else:
            self.sockets[peer.number, f.stream] = Connection(wsproto.ConnectionType.SERVER)
            peer.answer(f.stream, 201 if path == "/created" else 200, more=[("sec-websocket-protocol", "chat"), ("x-origin", "here")],
                        end=path == "/end")
            if path == "/flood":
                peer.put(f.stream, b"".join(self.sockets[peer.number, f.stream].send(BytesMessage(b"x" * 65536)) for _ in range(100)))

    def more(self, peer, f):
        ws = self.sockets.get((peer.number, f.stream))
        if f.kind == h2raw.RST_STREAM:
            self.resets.append((peer.number, f.stream, f.code))
        if f.kind != h2raw.DATA or ws is None:
            return
        if f.payload:
            peer.send(h2raw.window(0, len(f.payload)), h2raw.window(f.stream, len(f.payload)))
            ws.receive_data(f.payload)
        for e in ws.events():
            if isinstance(e, TextMessage) and e.data == "reset me":
                peer.send(h2raw.reset(f.stream, 2))
            elif isinstance(e, TextMessage) and e.data == "leave":
                peer.sock.shutdown(socket.SHUT_RDWR)
            elif isinstance(e, TextMessage):
                peer.put(f.stream, ws.send(TextMessage(e.data, message_finished=e.message_finished)))
            elif isinstance(e, CloseConnection):
                peer.send(h2raw.data(f.stream, ws.send(e.response()), True))
        if f.flags & END_STREAM:
            self.ended.append((peer.number, f.stream))
            peer.send(h2raw.data(f.stream))


class Http1:
    """The HTTP/1.1 form of a client, as websocket.Client's methods."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 15 * PATIENCE)
        self.ws = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.accept, self.texts = None, []

    def open(self, path="/echo"):
        self.sock.sendall(self.ws.send(Request(host="api.example.com", target=path, subprotocols=["chat"])))
        while self.accept is None:
            for e in self.read():
                if isinstance(e, RejectConnection):
                    self.accept = e.status_code
                elif isinstance(e, AcceptConnection):
                    self.accept = e

    def read(self):
        got = self.sock.recv(65536)
        self.ws.receive_data(got or None)
        return list(self.ws.events())

    def say(self, text):
        self.sock.sendall(self.ws.send(TextMessage(text)))
        out = ""
        while True:
            for e in self.read():
                if not isinstance(e, TextMessage):
                    return e
                out += e.data
                if e.message_finished:
                    return out


@pytest.fixture
def place(make_usher, pki):
    made = []

    def make(more="", **how):
        o = Origin(**how)
        made.append(o)
        u = make_usher(RULES + more, where=("https://localhost:%d" if o.context else "http://localhost:%d") % o.port)
        return o, u

    yield make
    for o in made:
        o.stop()


def requests(usher, count):
    return [a for a in usher.accesses(count) if a["kind"] == "request"]


@pytest.mark.parametrize("tls", [False, True])
def test_from_http1(place, pki, tls):
    o, u = place(tls=(pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key") if tls else None)
    c = Http1(u.port)
    c.open("/echo?x=1")  # wsproto checks the answer to its key
    assert isinstance(c.accept, AcceptConnection) and c.accept.subprotocol == "chat"
    assert dict(c.accept.extra_headers)[b"x-origin"] == b"here"
    for text in ("hello", "long " * 100000, "again"):
        assert c.say(text) == text
    c.sock.sendall(c.ws.send(CloseConnection(1000)))
    assert isinstance(c.read()[0], CloseConnection)
    c.sock.close()
    got = o.requests[0][2]
    assert (got[":method"], got[":protocol"], got[":scheme"], got[":path"], got[":authority"]) == \
        ("CONNECT", "websocket", "https" if tls else "http", "/echo?x=1", "api.example.com")
    assert got["sec-websocket-version"] == "13" and got["sec-websocket-protocol"] == "chat"
    assert not {"sec-websocket-key", "upgrade", "connection", "content-length", "te"} & set(got)
    line = requests(u, 1)[0]
    assert (line["status"], line["method"], line["upgrade"]) == (101, "GET", "websocket") and line["bytes_in"] > 500000


def test_from_http2(place):
    o, u = place()
    c = Client(u.port)
    numbers = [c.open(p) for p in ("/echo", "/created", "/echo")]
    for i, n in enumerate(numbers):
        assert c.streams[n].status == 200 and c.streams[n].header("x-origin") == ["here"]
        assert not c.streams[n].header("sec-websocket-accept")
        assert c.say(n, "message %d" % i) == "message %d" % i
    assert c.say(numbers[0], "long " * 100000) == "long " * 100000
    assert {r[0] for r in o.requests} == {1}  # beside one another
    c.send(numbers[0], CloseConnection(1000))
    assert c.rest(numbers[0]).ended
    assert c.say(numbers[1], "still here") == "still here"
    assert c.streams[c.open("/refuse")].status == 403
    c.close()
    until(lambda: {x[1] for x in o.resets} >= {r[1] for r in o.requests if r[2][":path"] != "/refuse"} - {1})


@pytest.mark.parametrize("first", [settings(), settings((8, 0))], ids=["none", "zero"])
def test_an_origin_that_does_not_know_it(place, first):
    """Nothing is asked; requests are served as ever, and nobody is ejected."""
    o, u = place("", first=first)
    c = Client(u.port)
    for _ in range(6):
        assert c.streams[c.open()].status == 502
    h = Http1(u.port)
    h.open()
    assert h.accept == 502
    assert {a["reason"] for a in requests(u, 7)} == {"origin_no_upgrade"}
    assert o.requests == []
    h = h2raw.H2(u.port)
    h.send(h2raw.head(1, host="api.example.com"))
    assert h.wait(1).body == b"plain"
    h.close()
    c.close()


@pytest.mark.parametrize("key", ["", "Sec-WebSocket-Key: AAAA\r\n", "Sec-WebSocket-Key: not base64 at all, is it\r\n",
                                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"])
def test_a_key_that_cannot_be_answered(place, make_raw, key):
    o, u = place()
    raw = make_raw(u)
    raw.send(GET % key)
    assert raw.response()[0] == 400 and o.requests == []
    assert requests(u, 1)[0]["reason"] == "bad_websocket_key" or requests(u, 1)[0]["reason"] == "header_twice"


def test_origin_ends(place):
    o, u = place()
    c, h = Client(u.port), Http1(u.port)
    n = c.open("/end")
    assert c.rest(n).ended
    h.open("/end")
    assert isinstance(h.accept, AcceptConnection) and h.sock.recv(1) == b""
    c.close()


@pytest.mark.parametrize("word", ["reset me", "leave"])
def test_origin_resets(place, word):
    o, u = place()
    c, h = Client(u.port), Http1(u.port)
    n = c.open()
    c.send(n, TextMessage(word))
    assert c.rest(n).reset is not None
    h.open()
    h.sock.sendall(h.ws.send(TextMessage(word)))
    with pytest.raises((ConnectionResetError, EOFError)):
        if h.sock.recv(1) == b"":
            raise EOFError
    assert [a["reason"] for a in requests(u, 2)] == ["origin_cut_short"] * 2
    assert c.say(c.open(), "next") == "next"
    c.close()


def test_client_ends_and_resets(place):
    o, u = place()
    c = Client(u.port)
    n = c.open()
    assert c.say(n, "x") == "x"
    c.put(n, b"", end=True)
    until(lambda: o.ended == [(1, 1)])
    n = c.open()
    c.h2.reset_stream(n)
    c.flush()
    until(lambda: (1, 3, "CANCEL") in o.resets)
    h = Http1(u.port)
    h.open()
    h.sock.close()
    until(lambda: len(o.resets) + len(o.ended) >= 3)
    c.close()


def test_origin_does_not_answer(place):
    o, u = place("timeouts { first_byte 300ms ; between_bytes 60s }\n")
    c = Client(u.port)
    assert c.streams[c.open("/silent")].status == 504
    assert requests(u, 1)[0]["reason"] == "origin_first_byte_timeout"
    c.close()


def test_refused_handshakes_are_asked_again(place):
    o, u = place()
    c = Client(u.port)
    assert c.streams[c.open("/reset")].status == 502
    assert [r[2][":path"] for r in o.requests] == ["/reset"] * 2
    c.close()


def test_client_that_takes_nothing(place):
    """It holds up its own WebSocket, in bounded memory, and no other on that connection."""
    o, u = place()
    c, d = Client(u.port), Client(u.port)
    c.reading = False
    n, before = c.open("/flood"), u.memory()
    c.until(lambda: len(c.streams[n].data) == 65535)
    m = d.open()
    assert d.say(m, "beside it") == "beside it"
    assert u.memory() - before < 4 << 20 or os.environ.get("SAN")
    assert {r[0] for r in o.requests} == {1}
    c.close()
    until(lambda: (1, 1, "CANCEL") in o.resets)
    d.close()


def test_quiet_sockets_stay(place):
    """No time-out of requests counts."""
    o, u = place("timeouts { first_byte 200ms ; between_bytes 200ms }\n")
    c = Client(u.port)
    n = c.open()
    time.sleep(1)
    assert c.say(n, "still") == "still"
    c.close()


def test_rules_see_the_answer_it_would_have_been(place):
    o, u = place('rule r { phase response_firewall when http.response.code eq 101 then block 403 }\n')
    c, h = Client(u.port), Http1(u.port)
    assert c.streams[c.open()].status == 403
    h.open()
    assert h.accept == 403
    until(lambda: [r[2] for r in o.resets] == ["CANCEL"] * 2)
    c.close()


def test_reload_and_drain(place):
    """A WebSocket outlives a reload that takes its origin out of the file; the end waits for it."""
    o, u = place()
    c, d = Http1(u.port), Http1(u.port)
    c.open()
    assert c.say("before") == "before"
    u.reload(u.file.read_text().replace("localhost:%d" % o.port, "127.0.0.1:%d" % o.port))
    assert c.say("after") == "after"
    d.open()
    assert d.say("new") == "new" and {r[0] for r in o.requests} == {1, 2}
    u.process.terminate()
    u.wait_event("draining")
    assert c.say("last") == "last"
    c.sock.close()
    d.sock.close()
    assert u.process.wait(10 * PATIENCE) == 0
