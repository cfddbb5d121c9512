# SPDX-License-Identifier: Apache-2.0
"""Frames at random, most of them almost right, on many connections: whatever comes, usher goes on serving, forgets those
that are gone, and every request that began has its line in the log."""
import os
import random
import socket

import pytest

import websocket
from conftest import PATIENCE, until
from h2raw import *

RULES = """
server { workers 1 }
listener plain { address 127.0.0.1:{port}; tls no; protocols h2, http/1.1 }
zone web { hosts a.example; origin {origin} }
zone sockets { hosts ws.example; origin {ws} }
timeouts { header 1s; body 1s; first_byte 2s; tunnel 2s; send 2s; drain 10s }
limits { http2_resets 50; http2_control_frames 300; http2_window 64k }
"""

PATHS = ["/x", "/x?y=1", "/slow?s=0.2", "/big?n=100000", "/status?code=204", "/hang?s=1", "/early", "/deaf?s=1", "/reset",
         "/short", "/hints", "/until_close", "/drip?n=3"]
SOCKETS = ["/echo", "/end", "/refuse", "/success", "/wrong-key", "/slow", "/reset"]


class Dice:
    def __init__(self, seed):
        self.r, self.next, self.open = random.Random(seed), 1, []
        self.wild = self.r.random() < 0.3  # else only what may be sent, in whatever order

    def stream(self):
        """One on which something may be sent."""
        if self.wild and self.r.random() < 0.03:
            return self.r.choice([0, 2, self.next + 100, 0x7FFFFFFF, max(1, self.next - 2)])
        return self.r.choice(self.open) if self.open else 0

    def end(self, stream, chance):
        if self.r.random() >= chance:
            return False
        if stream in self.open:
            self.open.remove(stream)
        return True

    def begin(self, ended):
        stream, self.next = self.next, self.next + 2
        if not ended:
            self.open.append(stream)
        return stream

    def request(self):
        more = [("x-a", "y" * self.r.choice([1, 100, 3000]))] if self.r.random() < 0.3 else []
        if self.r.random() < 0.1:
            more.append(self.r.choice([("connection", "close"), ("X-A", "b"), ("te", "gzip"), ("content-length", "3"), ("", "x"),
                                       ("upgrade", "websocket"), ("expect", "100-continue"), ("a b", "c")]))
        if self.r.random() < 0.35:
            end = self.r.random() < 0.1
            lines = [(":method", "CONNECT"), (":protocol", self.r.choice(["websocket"] * 9 + ["x"])), (":scheme", "http"),
                     (":path", self.r.choice(SOCKETS)), (":authority", "ws.example"), ("sec-websocket-version", "13")] + more
            return head(self.begin(end), lines=lines, end=end)
        end = self.r.random() < 0.5
        return head(self.begin(end), end=end, method="GET" if end else "POST", path=self.r.choice(PATHS), more=more)

    def noise(self):
        r = self.r
        return r.choice([
            lambda: frame(r.randint(0, 12), r.choice([0, 1, 4, 5, 8, 32]), self.stream(), r.randbytes(r.randint(0, 30))),
            lambda: window(self.stream(), r.choice([0, 0x7FFFFFFF])), lambda: settings((4, 1 << 31)), lambda: settings((5, 0)),
            lambda: head(max(1, self.next - 2), lines=[("x-t", "1")]), lambda: data(max(1, self.next - 4), b"late"),
            lambda: frame(GOAWAY, 0, 0, bytes(8)), lambda: head(self.next, flags=0) + ping()])()

    def frame(self):
        r = self.r
        kind = r.choice(["request"] * 5 + ["data"] * 8 + ["reset", "window", "window", "ping", "settings", "priority", "trailers",
                                                        "noise", "continued", "message"])
        if kind == "request" or not self.open:
            return self.request()
        stream = self.stream()
        if kind == "data":
            return data(stream, bytes(r.choice([0, 1, 5, 100, 5000])), end=self.end(stream, 0.3))
        if kind == "message":  # of a WebSocket
            return data(stream, b"\x82\x85\0\0\0\0hello", end=self.end(stream, 0.1))
        if kind == "reset" and r.random() < 0.5:
            self.end(stream, 1)
            return reset(stream, r.choice([0, 8, 7, 99]))
        if kind == "window":
            return window(r.choice([0, stream]), r.choice([1, 65535, 1 << 20]))
        if kind == "settings":
            return settings(*[r.choice([(1, 0), (1, 4096), (3, 10), (4, 0), (4, 100), (4, 65535), (5, 16384), (6, 100), (99, 1)])
                              for _ in range(r.randint(0, 3))])
        if kind == "priority":
            return priority(stream, r.choice([0, stream + 2]))
        if kind == "trailers":
            self.end(stream, 1)
            return head(stream, lines=[("x-t", "1")])
        if kind == "continued":
            whole = block(fields(path=r.choice(PATHS)))
            at, stream = r.randint(0, len(whole)), self.begin(True)
            return head(stream, flags=0, payload=whole[:at]) + frame(CONTINUATION, END_HEADERS, stream, whole[at:])
        return self.noise() if self.wild and r.random() < 0.5 else ping()


@pytest.fixture
def sockets():
    o = websocket.Origin()
    yield o
    o.stop()


def listen(h, seconds):
    """What comes meanwhile. False: the connection is over."""
    h.sock.settimeout(seconds)
    try:
        while h.frame() is not None:
            pass
        return False
    except (BlockingIOError, socket.timeout):
        return True


def play(port, seed):
    dice = Dice(seed)
    h = H2(port, ours=dice.r.choice([[], [(4, 0)], [(4, 1000)], [(1, 0), (5, 20000)]]), windows=dice.r.random() < 0.8)
    for _ in range(dice.r.randint(1, 6)):
        sent = b"".join(dice.frame() for _ in range(dice.r.randint(1, 12)))
        if dice.wild and dice.r.random() < 0.1:
            at = dice.r.randrange(len(sent))
            sent = sent[:at] + bytes([sent[at] ^ 1 << dice.r.randrange(8)]) + sent[at + 1:]
        n = dice.r.choice([1, 9, 100, 5000, 1 << 20, 1 << 20, 1 << 20])
        h.sock.settimeout(5 * PATIENCE)
        if not all(h.send(sent[i:i + n]) for i in range(0, len(sent), n)) or not listen(h, dice.r.choice([0, 0.01, 0.05])):
            break
    if not h.closed:
        listen(h, dice.r.choice([0, 0.01, 0.3]))
    if dice.r.random() < 0.3:
        h.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    h.close()


def test_frames_at_random(make_usher, origin, sockets):
    u = make_usher(RULES, origin=origin.url, ws=sockets.url)
    first = int(os.environ.get("USHER_SEED") or 1)
    for seed in range(first, first + int(os.environ.get("USHER_TURNS") or 120)):
        try:
            play(u.port, seed)
        except Exception as e:
            raise AssertionError("seed %d" % seed) from e
        assert u.process.poll() is None, "seed %d" % seed
    h = H2(u.port)
    h.send(head())
    assert h.wait().status == 200
    h.close()
    until(lambda: u.descriptors() <= 40)  # what is left of the others ends by its own time-outs
