# SPDX-License-Identifier: Apache-2.0
"""Pools: who gets a request, what happens when an origin is down, and that nothing is asked twice that must not be."""
import collections
import socket
import threading
import time

import pytest

from conftest import free_port, until
from listening import Listening, head_of

POOL = """
listener l { address 127.0.0.1:{port} ; plain }
zone z { hosts localhost ; pool p }
pool p {
%s
}
"""


def ask(curl, n=1, path="/x", *args):
    """Answers of n requests: the origin each reached, by the Host-independent port it listens on, or the status."""
    return [curl("http://localhost" + path, *args) for _ in range(n)]


def shares(usher, n):
    return collections.Counter(x.get("origin") for x in usher.accesses(n)[-n:])


def pool(*lines):
    return POOL % "\n".join("    " + x for x in lines)


def test_round_robin_takes_turns(make_usher, make_origin, make_curl):
    a, b = make_origin(), make_origin()
    usher = make_usher(pool("origin " + a.url, "origin " + b.url) .replace("pool p {", "server { workers 1 }\npool p {"))
    assert all(x.status == 200 for x in ask(make_curl(usher), 10))
    assert shares(usher, 10) == {a.address: 5, b.address: 5}


def test_weights(make_usher, make_origin, make_curl):
    a, b = make_origin(), make_origin()
    usher = make_usher(pool("origin %s weight 3" % a.url, "origin " + b.url).replace("pool p {", "server { workers 1 }\npool p {"))
    ask(make_curl(usher), 12)
    assert shares(usher, 12) == {a.address: 9, b.address: 3}


def test_hash_is_stable(make_usher, make_origin, make_curl):
    origins = [make_origin() for _ in range(3)]
    usher = make_usher(pool("balance hash http.request.uri.path", *["origin " + o.url for o in origins]))
    curl = make_curl(usher)
    for i in range(6):
        ask(curl, 2, "/key%d" % i)
    lines = usher.accesses(12)
    for i in range(6):
        assert lines[2 * i]["origin"] == lines[2 * i + 1]["origin"]
    assert len({x["origin"] for x in lines}) > 1


def test_dead_origin_is_passed_over(make_usher, make_origin, make_curl):
    dead, good = "127.0.0.1:%d" % free_port(), make_origin()
    usher = make_usher(pool("origin http://" + dead, "origin " + good.url, "eject 2 for 60s"))
    answers = ask(make_curl(usher), 8)
    assert [x.status for x in answers] == [200] * 8
    assert shares(usher, 8) == {good.address: 8}


def test_a_post_is_sent_elsewhere_only_if_nothing_was_sent(make_usher, make_origin, make_curl):
    dead, good = "127.0.0.1:%d" % free_port(), make_origin()
    usher = make_usher(pool("origin http://" + dead, "origin " + good.url))
    for x in ask(make_curl(usher), 4, "/x", "-d", "a=1"):
        assert x.status == 200 and x.echo["body"] == "a=1"


def test_a_post_that_reached_an_origin_is_not_repeated(make_usher, make_origin, make_curl):
    origins = [make_origin(), make_origin()]
    usher = make_usher(pool(*["origin " + o.url for o in origins]))
    assert [x.status for x in ask(make_curl(usher), 4, "/close", "-d", "a=1")] == [502] * 4


def test_backup_serves_when_nobody_else_can(make_usher, make_origin, make_curl):
    dead, backup = "127.0.0.1:%d" % free_port(), make_origin()
    usher = make_usher(pool("origin http://" + dead, "origin %s backup" % backup.url, "eject 1 for 60s"))
    assert [x.status for x in ask(make_curl(usher), 3)] == [200] * 3


def test_all_down(make_usher, make_curl):
    usher = make_usher(pool(*["origin http://127.0.0.1:%d" % free_port() for _ in range(2)]))
    assert [x.status for x in ask(make_curl(usher), 3)] == [502] * 3
    assert {x["reason"] for x in usher.accesses(3)} == {"origin_connect"}


class Sick(Listening):
    """An origin whose health can be changed."""

    def __init__(self):
        self.status, self.asked = b"200 OK", 0
        super().__init__()

    def serve(self, sock):
        checked = b"/healthz" in head_of(sock)
        self.asked += checked
        sock.sendall(b"HTTP/1.1 " + (self.status if checked else b"200 OK") + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_health_checks(make_usher, make_origin, make_curl):
    sick, good = Sick(), make_origin()
    usher = make_usher(pool("origin http://" + sick.address, "origin " + good.url, 'health_check "/healthz"',
                            "health_interval 100ms", "health_fall 2", "health_rise 2"))
    curl = make_curl(usher)
    ask(curl, 4)
    assert shares(usher, 4)[sick.address] > 0
    sick.status = b"503 No"
    event = usher.wait_event("origin_health")
    assert event["health"] == "bad" and event["origin"] == sick.address
    ask(curl, 4)
    assert shares(usher, 8)[sick.address] <= 4
    assert {x["origin"] for x in usher.accesses(8)[4:]} == {good.address}
    sick.status = b"200 OK"
    usher.wait_event("origin_health", 2)
    ask(curl, 4)
    assert sick.address in {x["origin"] for x in usher.accesses(12)[8:]}
    usher.reload(pool("origin " + good.url))

    def silent():
        asked = sick.asked
        time.sleep(0.5)
        return sick.asked == asked

    until(silent)


def test_only_sick_origins(make_usher, make_curl):
    sick = Sick()
    sick.status = b"500 No"
    usher = make_usher(pool("origin http://" + sick.address, 'health_check "/healthz"', "health_interval 100ms", "health_fall 1"))
    usher.wait_event("origin_health")
    assert ask(make_curl(usher))[0].status == 503
    assert usher.accesses(1)[0]["reason"] == "origin_none"


def test_max_requests(make_usher, make_origin, make_curl):
    o = make_origin()
    usher = make_usher(pool("origin " + o.url, "max_requests 1"))
    curl = make_curl(usher)
    before = usher.sockets()
    slow = threading.Thread(target=lambda: curl("http://localhost/slow?s=3"))
    slow.start()
    until(lambda: usher.sockets() >= before + 2)
    assert ask(curl)[0].status == 503
    assert usher.accesses(1)[0]["reason"] == "origin_busy"
    slow.join()
    assert ask(curl)[0].status == 200


def test_timeouts_of_a_pool(make_usher, make_origin, make_curl):
    o = make_origin()
    usher = make_usher(pool("origin " + o.url, "first_byte 200ms"))
    assert make_curl(usher)("http://localhost/slow?s=3").status == 504


@pytest.mark.parametrize("line,says", [
    ("balance random", "U8001"), ("balance hash", "U8001"), ("balance hash no.such", "U1001"), ("health_check healthz", "U8001"),
    ("health_status 700", "U8001"), ("eject x", "U8001"), ("origin http://127.0.0.1:1 heavy", "U8001")])
def test_bad_lines(tmp_path, line, says):
    import subprocess
    from conftest import USHER
    file = tmp_path / "x.rules"
    file.write_text("pool p {\n origin http://127.0.0.1:1\n %s\n}\n" % line)
    done = subprocess.run([USHER, "lint", str(file)], capture_output=True, text=True)
    assert done.returncode == 1 and says in done.stdout, done.stdout


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_origin_is_told_who_the_client_is(make_usher, make_raw, version):
    """Each connection to the origin begins with a PROXY header and carries one client's request."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        usher = make_usher(pool("origin http://127.0.0.1:%d" % server.getsockname()[1], "proxy_protocol " + version))
        for _ in range(2):
            raw = make_raw(usher)
            for _ in range(2):
                raw.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
                with server.accept()[0] as s:
                    s.settimeout(10)
                    got = b""
                    while b"\r\n\r\n" not in got[16:]:
                        got += s.recv(65536)
                    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    assert raw.response()[0] == 200
                    assert s.recv(1) == b""  # not kept for anybody
                me, there = raw.sock.getsockname(), raw.sock.getpeername()
                if version == "v1":
                    head = b"PROXY TCP4 %s %s %d %d\r\n" % (me[0].encode(), there[0].encode(), me[1], there[1])
                else:
                    head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(me[0]) + socket.inet_aton(there[0]) + \
                        me[1].to_bytes(2, "big") + there[1].to_bytes(2, "big")
                assert got.startswith(head + b"GET /x HTTP/1.1\r\n"), got


def test_each_pool_takes_its_own_turns(make_usher, make_origin, make_curl):
    """However requests to several pools follow one another."""
    o = [make_origin() for _ in range(4)]
    usher = make_usher("""
        server { workers 1 }
        listener l { address 127.0.0.1:{port} ; plain }
        zone a { hosts a.example ; pool a }
        zone b { hosts b.example ; pool b }
        pool a { origin %s ; origin %s }
        pool b { origin %s ; origin %s }
    """ % tuple(x.url for x in o))
    curl = make_curl(usher)
    for _ in range(4):
        assert curl("http://a.example/").status == curl("http://b.example/").status == 200
    assert shares(usher, 8) == {x.address: 2 for x in o}


def test_turns_are_taken_across_workers(make_usher, make_origin, make_curl):
    a, b = make_origin(), make_origin()
    usher = make_usher("server { workers 4 }\n" + pool("origin " + a.url, "origin " + b.url))
    ask(make_curl(usher), 12)
    assert shares(usher, 12) == {a.address: 6, b.address: 6}


def test_only_keys_of_the_one_that_leaves_move(make_usher, make_origin, make_curl):
    """Rendezvous: everybody else's stay, and those that move are shared out."""
    origins = [make_origin() for _ in range(4)]
    lines = ["origin " + o.url for o in origins]
    usher = make_usher(pool("balance hash http.request.uri.path", *lines))
    curl, keys = make_curl(usher), ["/key%d" % i for i in range(48)]
    paths = [a for k in keys for a in ("-o", "/dev/null", "http://localhost:%d%s" % (usher.port, k))]
    curl("http://localhost/first", *paths)
    before = {a["path"]: a["origin"] for a in usher.accesses(49)}
    gone = origins[1].address
    usher.reload(pool("balance hash http.request.uri.path", *[x for x in lines if gone not in x]))
    curl("http://localhost/first", *paths)
    after = {a["path"]: a["origin"] for a in usher.accesses(98)[49:]}
    assert len(set(before.values())) == 4 and all(after[k] == before[k] for k in keys if before[k] != gone)
    assert len({after[k] for k in keys if before[k] == gone}) > 1


def test_hash_and_slow_start(make_usher, make_origin, make_curl):
    """One that comes back does not get all of its keys at once."""
    sick, good = Sick(), make_origin()
    sick.status = b"503 No"
    usher = make_usher(pool("balance hash http.request.uri.path", "origin http://" + sick.address, "origin " + good.url, "slow_start 1h",
                            'health_check "/healthz"', "health_interval 100ms", "health_fall 1", "health_rise 1"))
    usher.wait_event("origin_health")
    sick.status = b"200 OK"
    usher.wait_event("origin_health", 2)
    curl = make_curl(usher)
    curl("http://localhost/first", *[a for i in range(39) for a in ("-o", "/dev/null", "http://localhost:%d/key%d" % (usher.port, i))])
    assert shares(usher, 40)[sick.address] < 10


class Silent(Listening):
    """Closes without an answer while it is ill."""

    ill = True

    def serve(self, sock):
        head_of(sock)
        if not self.ill:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_when_all_are_left_out_all_serve(make_usher, make_raw):
    a, b = Silent(), Silent()
    usher = make_usher(pool("origin " + a.url, "origin " + b.url, "eject 1 for 1h"))
    for _ in range(4):
        assert make_raw(usher).get("/x", host="localhost")[0] == 502
    a.ill = b.ill = False
    for _ in range(4):
        assert make_raw(usher).get("/x", host="localhost")[0] == 200
    assert set(shares(usher, 4)) == {a.address, b.address}
    a.stop()
    b.stop()


def test_a_download_outlives_its_origins_place_in_the_file(make_usher, make_raw, make_origin):
    a, b = make_origin(), make_origin()
    usher = make_usher(pool("origin " + a.url))
    raw = make_raw(usher)
    raw.send("GET /drip?n=20&s=0.1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    raw.until(b"\r\n\r\n")
    for _ in range(2):
        usher.reload(pool("origin " + b.url))
    assert make_raw(usher).get("/x", host="localhost")[0] == 200
    raw.until(b"\r\n0\r\n\r\n")
    assert [x["origin"] for x in usher.accesses(2)] == [b.address, a.address]
