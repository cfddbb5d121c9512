# SPDX-License-Identifier: Apache-2.0
"""What is asked twice, and what never: origins that refuse, go away, or say nothing at the wrong moment."""
import os
import pathlib
import signal
import socket
import ssl
import threading

import pytest

import h2raw
from conftest import PATIENCE, free_port, until
from h2raw import END_STREAM, frame, head
from listening import Listening, head_of
from origin_frames import FramesOrigin

POOL = """
server { workers 1 }
listener l { address 127.0.0.1:{port} ; plain ; protocols h2, http/1.1 }
zone z { hosts localhost ; pool p }
pool p {
%s
}
"""
POST = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"


def pool(*lines):
    return POOL % "\n".join("    " + x for x in lines)


@pytest.fixture
def frames():
    made = []

    def make(*args, **how):
        made.append(FramesOrigin(*args, **how))
        return made[-1]

    yield make
    for o in made:
        o.stop()


def goaway(last, code=0):
    return frame(h2raw.GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big"))


def test_an_h2_origin_without_settings_may_have_acted(make_usher, make_raw, frames):
    """Its first request is on its way before its SETTINGS: another origin must not get it, too."""
    mute, good = frames(first=b""), frames(lambda p, f, lines: p.answer(f.stream))
    usher = make_usher(pool("origin http://%s" % mute.address, "origin http://%s" % good.address, "protocol h2", "retries 3") +
                       "timeouts { connect 500ms }\n")
    raw = make_raw(usher)
    for _ in range(2):
        raw.send(POST % (0, ""))
        raw.response()
    assert sorted(x["status"] for x in usher.accesses(2)) == [200, 504]
    assert len(mute.requests) == len(good.requests) == 1


@pytest.mark.parametrize("how", ["reset", "goaway"])
def test_what_is_refused_is_sent_again_whatever_it_is(make_usher, make_raw, frames, how):
    """REFUSED_STREAM, or a GOAWAY with an earlier last stream: nothing was done, so that even a POST is safe to repeat."""
    def serve(p, f):
        if f.kind not in (h2raw.HEADERS, h2raw.DATA) or not f.flags & END_STREAM:
            return
        if p.number == 1 and f.stream == 3:
            p.send(h2raw.reset(3, 7) if how == "reset" else goaway(1))
        else:
            p.answer(f.stream)

    origin = frames(on_frame=serve)
    usher = make_usher(pool("origin http://%s" % origin.address, "protocol h2"))
    raw = make_raw(usher)
    for n in range(2):
        raw.send(POST % (5, "hello"))
        assert raw.response()[0] == 200
    assert [r[:2] for r in origin.requests] == ([(1, 1), (1, 3), (1, 5)] if how == "reset" else [(1, 1), (1, 3), (2, 1)])
    sent = {}
    for number, stream, payload in origin.content:
        sent[number, stream] = sent.get((number, stream), b"") + payload
    assert set(sent.values()) == {b"hello"} and len(sent) == 3


def test_what_is_refused_and_too_large_to_keep_is_not(make_usher, make_raw, frames):
    def serve(p, f):
        if f.kind == h2raw.DATA and f.payload:
            p.send(h2raw.window(0, len(f.payload)), h2raw.window(f.stream, len(f.payload)))
        if f.flags & END_STREAM and f.kind in (h2raw.HEADERS, h2raw.DATA):
            p.send(h2raw.reset(f.stream, 7))

    origin = frames(on_frame=serve)
    usher = make_usher(pool("origin http://%s" % origin.address, "protocol h2"))
    raw = make_raw(usher)
    raw.send(POST % (300000, "x" * 300000))
    assert raw.response()[0] == 502 and len(origin.requests) == 1
    raw = make_raw(usher)
    raw.send(POST % (3, "abc"))
    assert raw.response()[0] == 502 and len(origin.requests) == 3  # refused twice


def test_goaway_among_many(make_usher, make_h2, frames):
    """Those above its last stream are asked anew, on another connection; those below finish where they are."""
    def serve(p, f):
        if f.kind == h2raw.HEADERS and p.number == 1:
            if f.stream == 21:
                p.send(goaway(9))
                for n in range(1, 10, 2):
                    p.answer(n, 200, b"old")
        elif f.kind == h2raw.HEADERS:
            p.answer(f.stream, 200, b"new")

    origin = frames(on_frame=serve)
    usher = make_usher(pool("origin http://%s" % origin.address, "protocol h2"))
    h = make_h2(usher)
    h.send(*[head(n, method="POST", host="localhost") for n in range(1, 22, 2)])
    assert sorted(h.wait(n).body for n in range(1, 22, 2)) == [b"new"] * 6 + [b"old"] * 5


@pytest.mark.parametrize("method,status", [("GET", 200), ("POST", 502)])
def test_a_connection_that_dies_under_many(make_usher, make_h2, frames, method, status):
    """Without a GOAWAY nobody knows what was done."""
    def serve(p, f):
        if f.kind == h2raw.HEADERS and p.number == 1 and f.stream > 1:
            p.sock.shutdown(socket.SHUT_RDWR)
        elif f.kind == h2raw.HEADERS:
            if f.stream > 1 or p.number > 1:
                p.answer(f.stream)

    origin = frames(on_frame=serve)
    usher = make_usher(pool("origin http://%s" % origin.address, "protocol h2", "eject 0"))
    h = make_h2(usher)
    h.send(head(1, method=method, host="localhost"))
    until(lambda: len(origin.requests) == 1)
    h.send(head(3, method=method, host="localhost"))
    assert h.wait(3).status == status


@pytest.mark.parametrize("more", ["", 'rule r { when http.request.body.raw contains "evil" then block 403 }\n'])
def test_refused_while_it_arrives(make_usher, make_raw, frames, more):
    """What had gone goes again, and the rest after it, also where rules have kept the content."""
    def serve(p, f):
        if f.kind == h2raw.DATA and f.stream == 1 and len(origin.content) == 1:
            p.send(h2raw.reset(1, 7))
        elif f.kind == h2raw.DATA and f.stream == 3 and f.flags & END_STREAM:
            p.answer(3, 200, b"done")

    origin = frames(on_frame=serve)
    usher = make_usher(pool("origin " + origin.url, "protocol h2") + more)
    raw = make_raw(usher)
    raw.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")
    if not more:
        until(lambda: len(origin.requests) == 2)
    raw.send("defghij")
    assert raw.response()[2] == b"done"
    assert b"".join(c[2] for c in origin.content if c[1] == 3) == b"abcdefghij"


def test_half_a_head_and_the_end(make_usher, make_raw, frames):
    """Nothing of it is left when the request goes again."""
    def serve(p, f):
        if f.kind == h2raw.HEADERS and p.number == 1 and f.stream == 3:
            p.send(frame(h2raw.HEADERS, 0, 3, h2raw.block([(":status", "500"), ("x-half", "1")])))
            p.sock.shutdown(socket.SHUT_WR)
        elif f.kind == h2raw.HEADERS:
            p.answer(f.stream, 200, b"whole")

    origin = frames(on_frame=serve)
    raw = make_raw(make_usher(pool("origin " + origin.url, "protocol h2")))
    assert raw.get("/x", host="localhost")[0] == 200
    status, lines, body = raw.get("/x", host="localhost")
    assert (status, body) == (200, b"whole") and "x-half" not in dict(lines)


class Holding(Listening):
    """Answers when it may."""

    def __init__(self):
        self.go = threading.Event()
        super().__init__()

    def serve(self, sock):
        head_of(sock)
        self.go.wait(30 * PATIENCE)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_retries_within_their_budget(make_usher, make_raw):
    """Three may always be under way; of the ten that meet the dead origin first, seven are not tried again."""
    origin = Holding()
    usher = make_usher(pool("origin http://127.0.0.1:%d" % free_port(), "origin " + origin.url, "retry_budget 0", "eject 0"))
    raws = [make_raw(usher) for _ in range(20)]
    for raw in raws:
        raw.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert [a["reason"] for a in usher.accesses(7, 20)] == ["origin_connect"] * 7
    origin.go.set()
    statuses = sorted(raw.response()[0] for raw in raws)
    assert statuses == [200] * 13 + [502] * 7
    origin.stop()


class Closing(Listening):
    """Answers one request on each connection, and closes it when the test says so."""

    def __init__(self, context):
        self.heads, self.now, self.ended, self.context = [], threading.Event(), threading.Event(), context
        super().__init__()

    def serve(self, sock):
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
        self.heads.append(head_of(sock))
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.now.wait(30 * PATIENCE)
        sock.shutdown(socket.SHUT_RDWR)
        self.ended.set()


def stopped(task):
    return (task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.parametrize("tls", [False, True])
def test_a_kept_connection_is_looked_at_before_a_post(make_usher, make_raw, pki, tls):
    """The request is there first, then the origin's FIN, and usher sees both in one turn of its loop."""
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(pki / "server-ecdsa-chain.pem"), str(pki / "server-ecdsa.key"))
    origin = Closing(context)
    usher = make_usher(pool("origin %s://localhost:%d" % ("https" if tls else "http", origin.port), 'tls_ca "{pki}/root.pem"'))
    raw = make_raw(usher)
    raw.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert raw.response()[0] == 200
    os.kill(usher.process.pid, signal.SIGSTOP)
    try:
        until(lambda: all(stopped(t) for t in pathlib.Path("/proc/%d/task" % usher.process.pid).iterdir()))
        raw.send(POST % (1, "a"))
        origin.now.set()
        assert origin.ended.wait(10 * PATIENCE)
    finally:
        os.kill(usher.process.pid, signal.SIGCONT)
    assert raw.response()[0] == 200
    assert len(origin.heads) == 2 and origin.heads[1].startswith(b"POST /x")
    origin.stop()
