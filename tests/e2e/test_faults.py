# SPDX-License-Identifier: Apache-2.0
"""What runs out, fails or is slow around usher: each has its answer, its line in a log, and costs nobody else anything."""
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from conftest import PATIENCE, free_port, until
from listening import Listening, head_of

RULES = """
server { workers 1 }
listener plain {
    address  127.0.0.1:{port}
    http     yes
}
zone web {
    hosts   web.example
    origin  {origin}
}
"""
GET = "GET %s HTTP/1.1\r\nHost: web.example\r\n\r\n"


def closed_without_answer(usher):
    with socket.create_connection(("127.0.0.1", usher.port), 5) as s:
        s.settimeout(5)
        try:
            s.sendall((GET % "/").encode())
            return s.recv(1000) == b""
        except OSError:
            return True


# ---- resources -------------------------------------------------------------------------------------------------------

def test_no_descriptors_left(make_usher, make_raw, origin):
    usher = make_usher(RULES, origin=origin.url)
    old = make_raw(usher)
    assert old.get()[0] == 200
    used = usher.descriptors()
    subprocess.run(["prlimit", "--pid", str(usher.process.pid), "--nofile=%d:%d" % (used + 5, used + 5)], check=True)
    others = [socket.create_connection(("127.0.0.1", usher.port), 5) for _ in range(20)]
    usher.wait_event("accept_failed")
    for _ in range(20):
        assert old.get()[0] == 200
    for s in others:
        s.close()
    until(lambda: usher.descriptors() <= used + 1)
    assert make_raw(usher).get()[0] == 200
    assert len(usher.events("accept_failed")) <= 3


def test_connection_limits(make_usher, make_raw, origin):
    usher = make_usher(RULES + "limits { connections 3 }", origin=origin.url)
    raws = [make_raw(usher) for _ in range(3)]
    for raw in raws:
        assert raw.get()[0] == 200
    assert closed_without_answer(usher)
    before = usher.sockets()
    raws[0].close()
    until(lambda: usher.sockets() < before)
    assert make_raw(usher).get()[0] == 200
    assert [a["reason"] for a in usher.accesses(5) if a["kind"] == "connection"] == ["too_many_connections"]


def test_connections_of_one_client(make_usher, make_raw, origin):
    usher = make_usher(RULES + "limits { connections_per_client 2 }", origin=origin.url)
    raws = [make_raw(usher) for _ in range(2)]
    for raw in raws:
        assert raw.get()[0] == 200
    assert closed_without_answer(usher)
    assert usher.accesses(3)[-1]["reason"] == "too_many_connections_of_client"


def test_full_disk(make_usher, make_raw, origin):
    usher = make_usher(RULES + 'log { access "/dev/full" }', origin=origin.url)
    raw = make_raw(usher)
    for _ in range(20):
        assert raw.get()[0] == 200
    usher.wait_event("access_log_failed")
    assert len(usher.events("access_log_failed")) == 1


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGUSR1])
def test_log_is_opened_again(make_usher, make_raw, origin, tmp_path, how):
    log = tmp_path / "access.log"
    usher = make_usher(RULES + 'log { access "%s" }' % log, origin=origin.url)
    raw = make_raw(usher)
    assert raw.get("/one")[0] == 200
    until(lambda: "/one" in log.read_text())
    log.rename(tmp_path / "access.old")
    usher.process.send_signal(how)
    until(log.exists)
    assert raw.get("/two")[0] == 200
    until(lambda: "/two" in log.read_text())
    assert "/two" not in (tmp_path / "access.old").read_text()


# ---- peers -----------------------------------------------------------------------------------------------------------

def test_client_that_takes_nothing(make_usher, make_raw, origin):
    usher = make_usher(RULES + "timeouts { send 400ms }", origin=origin.url)
    raw = make_raw(usher)
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.send(GET % "/big?n=50000000")
    assert usher.accesses(1, seconds=10)[-1]["reason"] == "send_timeout"


def test_client_that_is_slow_is_served(make_usher, make_raw, origin):
    usher = make_usher(RULES + "timeouts { send 600ms; between_bytes 600ms }", origin=origin.url)
    raw = make_raw(usher)
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    raw.send(GET % "/big?n=6000000")
    got = 0
    while got < 6000000:
        piece = raw.sock.recv(200000)
        assert piece, got
        got += len(piece)
        time.sleep(0.05)


def test_client_that_leaves(make_usher, make_raw, origin):
    usher = make_usher(RULES, origin=origin.url)
    raw = make_raw(usher)
    raw.send(GET % "/big?n=50000000")
    raw.sock.recv(1000)
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    assert usher.accesses(1)[-1]["reason"] == "client_closed"


def test_client_that_closes_its_side(make_usher, make_raw, origin):
    usher = make_usher(RULES, origin=origin.url)
    raw = make_raw(usher)
    raw.send(GET % "/slow?s=0.3")
    raw.sock.shutdown(socket.SHUT_WR)
    assert raw.response()[2] == b"slow"
    assert raw.all() == b""


def test_idle_flood_is_bounded(make_usher, make_raw, origin):
    usher = make_usher(RULES + "timeouts { header 1s; idle 1s }", origin=origin.url)
    before = usher.memory()
    socks = [socket.create_connection(("127.0.0.1", usher.port), 5) for _ in range(500)]
    for s in socks:
        s.sendall(b"GET / HTTP/1.1\r\nHost: web.exa")
    time.sleep(0.5)
    if not os.environ.get("SAN"):
        assert (usher.memory() - before) / 500 < 20000
    assert make_raw(usher).get()[0] == 200
    for s in socks:
        s.settimeout(5)
        assert s.recv(100).startswith(b"HTTP/1.1 408")
        s.close()


def test_name_that_does_not_resolve(make_usher, make_raw):
    usher = make_usher(RULES, origin="http://nowhere.invalid")
    assert make_raw(usher).get()[0] == 502
    assert usher.accesses(1)[-1]["reason"] == "origin_name"


class OneShot(Listening):
    """An origin that closes each connection after its first answer, some time later."""

    def __init__(self):
        self.seen = []
        super().__init__()

    def serve(self, sock):
        self.seen.append(head_of(sock).split(b"\r\n")[0])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        data = sock.recv(4096)  # the second request is read and never answered
        if data:
            self.seen.append(data.split(b"\r\n")[0])


def test_reused_connection_that_dies(make_usher, make_raw):
    there = OneShot()
    usher = make_usher(RULES, origin=there.url)
    raw = make_raw(usher)
    assert raw.get("/1")[0] == 200
    assert raw.get("/2")[0] == 200  # sent again over a new connection, unseen by the client
    assert there.seen == [b"GET /1 HTTP/1.1", b"GET /2 HTTP/1.1", b"GET /2 HTTP/1.1"]
    raw.send("POST /3 HTTP/1.1\r\nHost: web.example\r\nContent-Length: 0\r\n\r\n")
    assert raw.response()[0] == 502  # but never what may have an effect
    assert there.seen.count(b"POST /3 HTTP/1.1") == 1
    there.stop()


def test_origin_that_takes_no_content(make_usher, make_raw, origin):
    """It is the origin that is slow, not the client: the request cannot be finished."""
    usher = make_usher(RULES + "timeouts { between_bytes 400ms }", origin=origin.url)
    raw = make_raw(usher)
    raw.sock.settimeout(3)
    raw.send("POST /deaf HTTP/1.1\r\nHost: web.example\r\nContent-Length: 50000000\r\n\r\n")
    try:
        for _ in range(500):
            raw.send(100000 * b"x")
    except OSError:
        pass  # usher has answered and reads no more
    line = usher.accesses(1, seconds=20)[0]
    assert (line["status"], line["reason"]) == (504, "origin_between_bytes_timeout")
    assert line["bytes_in"] < 50000000


def test_process_that_stood_still(make_usher, make_raw, origin):
    """A machine that was suspended: the answer that came meanwhile is not too late."""
    usher = make_usher(RULES + "timeouts { first_byte 1s }", origin=origin.url)
    raw = make_raw(usher)
    raw.send(GET % "/slow?s=0.5")
    time.sleep(0.2)
    usher.process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    usher.process.send_signal(signal.SIGCONT)
    assert raw.response()[0] == 200


# ---- reload and end ----------------------------------------------------------------------------------------------------

def test_address_that_is_taken(make_usher, make_raw, origin):
    usher = make_usher(RULES, origin=origin.url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        more = RULES + "listener more { address 127.0.0.1:%d; http yes }" % taken.getsockname()[1]
        usher.reload(more, event="reload_failed")
        usher.wait_event("listen_failed")
    assert make_raw(usher).get()[0] == 200


def hang(usher, make_raw):
    """Sends a request that no answer comes to, and waits until it is on its way."""
    before = usher.sockets()
    raw = make_raw(usher)
    raw.send(GET % "/hang")
    until(lambda: usher.sockets() >= before + 2)  # the client's and the origin's
    return raw


def test_drain_runs_out_of_time(make_usher, make_raw, origin):
    usher = make_usher(RULES + "timeouts { drain 300ms }", origin=origin.url)
    raw = hang(usher, make_raw)
    usher.process.send_signal(signal.SIGTERM)
    assert usher.process.wait(5 * PATIENCE) == 0
    assert raw.all() == b""
    assert usher.accesses(1)[-1]["reason"] == "drain_timeout"


def test_interrupt_twice(make_usher, make_raw, origin):
    usher = make_usher(RULES, origin=origin.url)
    hang(usher, make_raw)
    usher.process.send_signal(signal.SIGINT)
    usher.wait_event("draining")
    time.sleep(0.2)
    assert usher.process.poll() is None
    usher.process.send_signal(signal.SIGINT)
    assert usher.process.wait(5 * PATIENCE) == 0


def test_terminate_many_times(make_usher, make_raw, origin):
    usher = make_usher(RULES, origin=origin.url)
    assert make_raw(usher).get()[0] == 200
    while usher.process.poll() is None:
        usher.process.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    assert usher.process.returncode == 0


def test_many_reloads_do_not_grow(make_usher, make_raw, origin):
    usher = make_usher(RULES, origin=origin.url)
    raw = make_raw(usher)
    for i in range(20):
        usher.reload()
        assert raw.get()[0] == 200
    time.sleep(1.5)
    before = usher.memory()
    for i in range(60):
        usher.reload()
        assert raw.get()[0] == 200
    time.sleep(1.5)
    if not os.environ.get("SAN"):
        assert usher.memory() - before < 2 << 20


# ---- the PROXY protocol ---------------------------------------------------------------------------------------------------

PROXIED = RULES.replace("http     yes", "http     yes\n    proxy_protocol from {trusted}")


@pytest.mark.parametrize("header", [
    b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x08\x04\xd2\x00\x50"])
def test_proxy_header(make_usher, make_raw, origin, header):
    usher = make_usher(PROXIED, origin=origin.url, trusted="127.0.0.0/8")
    raw = make_raw(usher)
    raw.send(header + (GET % "/").encode())
    status, _, body = raw.response()
    assert status == 200 and b'"x-forwarded-for", "192.0.2.7' in body
    assert usher.accesses(1)[-1]["client"] == "192.0.2.7"
    assert raw.get()[0] == 200


def test_proxy_header_must_come(make_usher, make_raw, origin):
    usher = make_usher(PROXIED + "timeouts { handshake 300ms }", origin=origin.url, trusted="127.0.0.0/8")
    raw = make_raw(usher)
    raw.send(GET % "/")
    assert raw.all() == b""
    assert make_raw(usher).all() == b""
    assert [a["reason"] for a in usher.accesses(2)] == ["bad_proxy_header", "handshake_timeout"]


def test_proxy_header_from_others_is_no_request(make_usher, make_raw, origin):
    usher = make_usher(PROXIED, origin=origin.url, trusted="10.0.0.0/8")
    raw = make_raw(usher)
    raw.send(b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n" + (GET % "/").encode())
    assert raw.response()[0] == 400
    assert make_raw(usher).get()[0] == 200


def test_second_usher_on_the_same_port(make_usher, origin):
    port = free_port()
    make_usher(RULES, origin=origin.url, port=port)
    with pytest.raises(AssertionError, match="listen_failed"):
        make_usher(RULES, origin=origin.url, port=port)


REAL = RULES.replace("http     yes", "http     yes\n    real_ip from 127.0.0.0/8, 10.0.0.0/8, 2001:db8::/32")


@pytest.mark.parametrize("lines, client", [
    (["192.0.2.1"], "192.0.2.1"), (["6.6.6.6, 192.0.2.1, 10.0.0.1"], "192.0.2.1"), (["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
    (["10.0.0.2, 10.0.0.1"], "10.0.0.2"), (["6.6.6.6, nonsense, 10.0.0.1"], "10.0.0.1"), (["nonsense"], "127.0.0.1"), ([], "127.0.0.1"),
    (["192.0.2.1:1234"], "192.0.2.1"), (["[2001:db9::1]:80"], "2001:db9::1"), (["::ffff:192.0.2.9"], "192.0.2.9")])
def test_real_ip(make_usher, make_raw, origin, lines, client):
    usher = make_usher(REAL + 'rule look { when ip.src eq %s then log "seen" }' % client, origin=origin.url)
    raw = make_raw(usher)
    raw.send("GET / HTTP/1.1\r\nHost: web.example\r\n%s\r\n" % "".join("X-Forwarded-For: %s\r\n" % x for x in lines))
    status, _, body = raw.response()
    assert status == 200 and ('"x-forwarded-for", "%s' % client).encode() in body and b"6.6.6.6" not in body
    line = usher.accesses(1)[-1]
    assert line["client"] == client and line["rules"][0]["rule"] == "look"
    raw.send("GET / HTTP/1.1\r\nHost: web.example\r\nX-Forwarded-For: 198.51.100.3\r\n\r\n")
    assert raw.response()[0] == 200
    assert usher.accesses(2)[-1]["client"] == "198.51.100.3" and "rules" not in usher.accesses(2)[-1]


def test_slow_content(make_usher, make_raw, origin):
    usher = make_usher(RULES + "limits { body_rate 1k } timeouts { request 7s }", origin=origin.url)
    slow, late = make_raw(usher), make_raw(usher)
    slow.send("POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 100000\r\n\r\n")
    late.send("POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(16):
        time.sleep(0.5)
        try:
            slow.send("x")
            late.send("x" * 4000)
        except OSError:
            pass
    assert slow.response()[0] == 408 and late.response()[0] == 408
    assert sorted(a["reason"] for a in usher.accesses(2)) == ["body_too_slow", "request_timeout"]
