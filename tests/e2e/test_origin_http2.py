# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 to the origin: many requests on one connection, the shape of gRPC, and origins that go wrong."""
import hashlib
import json
import signal
import subprocess
import sys
import time

import pytest

from conftest import HERE, PATIENCE, USHER, needs, stop, until
from h2raw import *
from origin_frames import FramesOrigin

RULES = """
server { workers 1 }
listener plain {
    address    127.0.0.1:{port}
    tls        no
    protocols  h2, http/1.1
}
zone web { hosts a.example; pool p }
pool p {
    origin    {where}
    protocol  h2
    %s
}
"""


class Origin2:
    def __init__(self, *tls):
        self.process = subprocess.Popen([sys.executable, str(HERE / "origin_h2.py"), *map(str, tls)], stdout=subprocess.PIPE)
        self.address = self.process.stdout.readline().decode().split()[1]


@pytest.fixture
def make_origin2():
    made = []

    def make(*tls):
        made.append(Origin2(*tls))
        return made[-1]

    yield make
    for o in made:
        stop(o.process, 9)


@pytest.fixture
def web(make_usher, make_origin2):
    return lambda pool="", more="": make_usher(RULES % pool + more, where="http://" + make_origin2().address)


def echo(answer):
    assert answer.status == 200, answer.status
    return json.loads(answer.body)


def get(make_raw, usher, path="/x", *lines, method="GET", body=""):
    raw = make_raw(usher)
    raw.send("%s %s HTTP/1.1\r\nHost: a.example\r\n%s\r\n%s" % (method, path, "".join(x + "\r\n" for x in lines), body))
    return raw.response(head=method == "HEAD")


def test_what_the_origin_gets(web, make_raw):
    u = web()
    status, _, body = get(make_raw, u, "/a/../x?y=1", "X-Upper: Case", "Connection: X-Gone", "X-Gone: 1", "TE: trailers",
                          "Cookie: a=1", "Cookie: b=2")
    got = json.loads(body)
    names = [n for n, _ in got["headers"]]
    assert (got["method"], got["target"], got["scheme"], got["authority"]) == ("GET", "/x?y=1", "http", "a.example")
    assert ["x-upper", "Case"] in got["headers"] and ["te", "trailers"] in got["headers"] and ["cookie", "a=1; b=2"] in got["headers"]
    assert all(n == n.lower() for n in names)
    assert not {"host", "connection", "x-gone", "transfer-encoding", "content-length"} & set(names)
    assert names.count("via") == 1


@pytest.mark.parametrize("lines, body, length", [
    (["Content-Length: 5"], "hello", ["5"]),
    (["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n", []),
    (["Content-Length: 0"], "", ["0"]),
    ([], "", ["0"]),
])
def test_content_from_http1(web, make_raw, lines, body, length):
    got = json.loads(get(make_raw, web(), "/x", *lines, method="POST", body=body)[2])
    assert got["body"] == ("hello" if "hello" in body else "")
    assert [v for n, v in got["headers"] if n == "content-length"] == length
    assert got["trailers"] == ([["x-sum", "5"]] if "X-Sum" in body else [])


def test_answers_to_http1(web, make_raw):
    u = web()
    assert get(make_raw, u, "/status?code=404")[0] == 404
    status, headers, body = get(make_raw, u, "/x", method="HEAD")
    assert status == 200 and body == b"" and any(n == "content-length" and int(v) > 100 for n, v in headers) or \
        any(n == "Content-Length" and int(v) > 100 for n, v in headers)
    status, headers, body = get(make_raw, u, "/trailers")
    assert body == b"content" and ("Transfer-Encoding", "chunked") in headers
    status, headers, body = get(make_raw, u, "/connection")
    assert status == 200 and not {"keep-alive"} & {n.lower() for n, _ in headers}
    raw = make_raw(u)
    raw.send("GET /hints HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert raw.response()[0] == 103 and raw.response()[2] == b"after hints"


def test_one_connection_carries_many(web, make_h2):
    u = web()
    h = make_h2(u)
    h.send(*[head(1 + 2 * i, path="/slow?s=1") for i in range(40)])
    start = time.monotonic()
    assert all(h.wait(1 + 2 * i).body == b"slow" for i in range(40))
    assert time.monotonic() - start < 20  # not one after the other
    h.send(head(81))
    got = echo(h.wait(81))
    assert got["connection"] == 1 and got["request"] == 41


def test_more_than_one_connection_takes(web, make_h2):
    """The origin allows 50 streams on each."""
    u = web()
    h = make_h2(u)
    h.send(head(1))
    assert h.wait(1).status == 200
    h.send(*[head(3 + 2 * i, path="/slow?s=1") for i in range(70)])
    assert all(h.wait(3 + 2 * i).body == b"slow" for i in range(70))


def test_grpc(web, make_h2):
    u = web()
    h = make_h2(u)
    more = [("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", "1S")]
    h.send(head(1, method="POST", path="/trailers", end=False, more=more), data(1, b"\0\0\0\0\1x"))
    a = h.wait(1)
    assert (a.body, a.trailers) == (b"content", [("grpc-status", "0"), ("grpc-message", "fine")])
    h.send(head(3, method="POST", path="/only", more=more))
    a = h.wait(3)
    assert (a.status, a.header("grpc-status"), a.ended) == (200, ["12"], True)


def test_both_ways_at_once(web, make_h2):
    h = make_h2(web())
    h.send(head(1, method="POST", path="/bidi", end=False))
    for word in (b"one", b"two", b"three"):
        before = len(h.answer(1).body)
        h.send(data(1, word, end=False))
        h.until(lambda h: len(h.answer(1).body) == before + len(word))
    h.send(data(1, b""))
    a = h.wait(1)
    assert a.body == b"ONETWOTHREE" and a.trailers == [("grpc-status", "0")]


def test_large_content(web, make_curl, tmp_path):
    u = web()
    body = tmp_path / "body"
    body.write_bytes(b"0123456789abcdef" * (1 << 20))
    for version in ("--http1.1", "--http2-prior-knowledge"):
        got = make_curl(u)("http://a.example/x", version, "--data-binary", "@%s" % body, "-H", "Expect:").echo
        assert got["body_size"] == 16 << 20
        assert got["body_sha256"] == hashlib.sha256(body.read_bytes()).hexdigest()
        done = subprocess.run(["curl", "-sS", version, "-H", "Host: a.example", "http://127.0.0.1:%d/big?n=20000000" % u.port],
                              capture_output=True)
        assert done.stdout == b"x" * 20000000


def test_client_that_takes_nothing(web, make_h2):
    u = web()
    h = make_h2(u, windows=False)
    before = u.memory()
    h.send(*[head(1 + 2 * i, path="/big?n=20000000") for i in range(20)], head(41))
    h.until(lambda h: sum(len(a.body) for a in h.answers.values()) == 65535)
    time.sleep(0.5)
    assert u.memory() - before < 16 << 20 or __import__("os").environ.get("SAN")
    h.send(window(0, 1 << 20))
    assert h.wait(41).status == 200


@pytest.mark.parametrize("path, status, reason", [
    ("/reset", 502, "origin_closed"), ("/close", 502, "origin_closed"), ("/nostatus", 502, "origin_bad_status"),
    ("/badvalue", 502, "origin_bad_header_value"), ("/large", 502, "origin_headers_too_large"),
    ("/status?code=99", 502, "origin_bad_syntax"), ("/status?code=101", 502, "origin_bad_status"),
    ("/hang", 504, "origin_first_byte_timeout"),
])
def test_origin_fails(web, make_raw, path, status, reason):
    u = web("first_byte %dms" % (500 * PATIENCE), "limits { header_bytes 32k }")
    assert get(make_raw, u, path)[0] == status
    assert u.accesses(1)[-1]["reason"] == reason
    assert get(make_raw, u)[0] == 200


@pytest.mark.parametrize("path, reason", [("/midway", "origin_cut_short"), ("/short", "origin_bad_content_length"),
                                          ("/long", "origin_bad_content_length")])
def test_origin_fails_in_the_middle(web, make_h2, path, reason):
    u = web()
    h = make_h2(u)
    h.send(head(1, path=path))
    a = h.wait(1)
    assert a.reset == "INTERNAL_ERROR" and not a.ended
    assert u.accesses(1)[-1]["reason"] == reason
    h.send(head(3))
    assert h.wait(3).status == 200


def test_refused_streams_are_tried_again(web, make_raw):
    """REFUSED_STREAM says that nothing was done."""
    u = web()
    assert get(make_raw, u, "/reset?code=7")[0] == 502  # twice
    assert get(make_raw, u, "/x")[0] == 200


def test_origin_goes_away(web, make_raw):
    u = web()
    assert get(make_raw, u, "/goaway")[2] == b"last"
    time.sleep(0.1)
    assert json.loads(get(make_raw, u)[2])["connection"] == 2


def test_no_origin(make_usher, make_raw):
    from conftest import free_port
    u = make_usher(RULES % "", where="http://127.0.0.1:%d" % free_port())
    assert get(make_raw, u)[0] == 502
    assert u.accesses(1)[-1]["reason"] == "origin_connect"


def test_origin_speaks_only_http1(make_usher, origin, make_raw):
    u = make_usher(RULES % "", where=origin.url)
    assert get(make_raw, u)[0] == 502


def test_client_leaves(web, make_h2, make_raw):
    u = web()
    h = make_h2(u)
    h.send(head(1, path="/hang"), head(3, path="/slow?s=1"))
    assert h.alive()
    h.send(reset(1))
    assert h.wait(3).status == 200
    h.close()
    assert json.loads(get(make_raw, u)[2])["connection"] == 1


def test_end_while_the_origin_hangs(make_usher, make_h2):
    origin = FramesOrigin()
    u = make_usher(RULES % "", where=origin.url)
    h = make_h2(u)
    h.send(head(1))
    until(lambda: origin.requests)
    u.process.send_signal(signal.SIGINT)
    u.wait_event("draining")
    u.process.send_signal(signal.SIGINT)
    assert u.process.wait(10 * PATIENCE) == 0
    origin.stop()


def test_reload_and_drain(web, make_h2):
    u = web()
    h = make_h2(u)
    h.send(head(1, path="/slow?s=1"))
    assert h.alive()
    u.reload()
    h.send(head(3))
    assert echo(h.wait(3))["connection"] == 1
    assert h.wait(1).body == b"slow"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_tls(make_usher, make_origin2, make_raw, pki, version):
    port = make_origin2(pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key").address.rsplit(":", 1)[1]
    u = make_usher(RULES % ('tls_ca "{pki}/root.pem"\n tls_version ' + version), where="https://localhost:" + port)
    got = [json.loads(get(make_raw, u)[2]) for _ in range(3)]
    assert {g["connection"] for g in got} == {1} and got[0]["scheme"] == "https"


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("zone,pool", [
    ("origin {where} h2", ""), ("pool p", "pool p { origin {where} h2 }"), ("pool p", "pool p { origin {where} h2 weight 2 ; protocol h2 }")])
def test_the_word_on_an_origin_line(make_usher, make_origin2, make_raw, pki, tls, zone, pool):
    files = [pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key"] if tls else []
    port = make_origin2(*files).address.rsplit(":", 1)[1]
    if tls and not pool:  # a zone's own line believes the system's CAs
        zone, pool = "pool p", 'pool p {{ {} }}'.format(zone)
    if tls:
        pool = pool[:-1] + '; tls_ca "{pki}/root.pem" }'
    u = make_usher("server { workers 1 }\nlistener l { address 127.0.0.1:{port} ; plain }\nzone web { hosts a.example; %s }\n%s" % (zone, pool),
                   where=("https://localhost:" if tls else "http://localhost:") + port)
    got = json.loads(get(make_raw, u)[2])
    assert got["version"] == "HTTP/2" and got["scheme"] == ("https" if tls else "http")


@pytest.mark.parametrize("zone,pool,says", [
    ("origin http://127.0.0.1:1 h3", "", "comes `h2`, or nothing"), ("pool p", "pool p { origin http://127.0.0.1:1 h3 }", "or `h2`"),
    ("pool p", "pool p { origin http://127.0.0.1:1 h2 ; origin http://127.0.0.1:2 }", "speak one protocol"),
    ("pool p", "pool p { origin http://127.0.0.1:1 h2 ; protocol http/1.1 }", "speak one protocol"),
    ("pool p", "pool p { origin http://127.0.0.1:1 h2 ; proxy_protocol v1 }", "proxy_protocol names one client")])
def test_words_that_do_not_fit(tmp_path, zone, pool, says):
    (tmp_path / "x.rules").write_text("zone web { hosts a.example; %s }\n%s\n" % (zone, pool))
    done = subprocess.run([USHER, "lint", str(tmp_path / "x.rules")], capture_output=True, text=True)
    assert done.returncode == 1 and says in done.stdout, done.stdout


def test_tls_without_h2(make_usher, make_origin, make_raw, pki):
    o = make_origin(tls=[pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key"])
    u = make_usher(RULES % 'tls_ca "{pki}/root.pem"', where="https://localhost:" + o.address.rsplit(":", 1)[1])
    assert get(make_raw, u)[0] == 502
    assert u.accesses(1)[-1]["reason"] == "origin_tls"


@needs("h2load")
def test_h2load(web):
    u = web()
    done = subprocess.run(["h2load", "-n", "1500", "-c", "4", "-m", "20", "--header=:authority: a.example",
                           "http://127.0.0.1:%d/x" % u.port], capture_output=True, text=True, timeout=60)
    assert "1500 succeeded, 0 failed" in done.stdout, done.stdout


def test_tls_session_is_resumed(make_usher, make_origin2, make_raw, pki):
    o = make_origin2(pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key")
    u = make_usher(RULES % 'tls_ca "{pki}/root.pem"', where="https://localhost:" + o.address.rsplit(":", 1)[1])
    raw = make_raw(u)
    for _ in range(2):
        raw.send("GET /goaway HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert raw.response()[2] == b"last"
        time.sleep(0.3)
    assert [a["origin_tls"] for a in u.accesses(2)] == ["full", "resumed"]


def test_clients_that_take_nothing_hold_up_nobody_else(web, make_h2, make_raw):
    """They share a connection to the origin with everybody."""
    u = web()
    stalled = [make_h2(u, windows=False) for _ in range(4)]
    for h in stalled:
        h.send(*[head(1 + 2 * i, path="/big?n=20000000") for i in range(10)])
        h.until(lambda h: sum(len(a.body) for a in h.answers.values()) == 65535)
    started = time.monotonic()
    got = json.loads(get(make_raw, u)[2])
    assert got["connection"] == 1 and time.monotonic() - started < 5 * PATIENCE
