# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 through usher: real clients, frames by hand, and both versions beside each other."""
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import PATIENCE, needs, until
from gates import Gate
from h2raw import *

RULES = """
listener plain {
    address    127.0.0.1:{port}
    tls        no
    protocols  h2, http/1.1
}
zone web {
    hosts   a.example
    origin  {origin}
}
zone other {
    hosts   b.example
    origin  {origin}
}
"""

GATE = """
listener public {
    address    127.0.0.1:{port}
    protocols  h2, http/1.1
}
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  {auth}
    client_ca    "{pki}/ca-bundle.pem"
    client_crl   "{crl}/*.pem"
    on_revoked   {on_revoked}
    origin       {origin}
    transforms   tls_client_auth_headers, client_cert_rfc9440
}
zone other {
    hosts        staff.example
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    origin       {origin}
}
rule revoked { when cf.tls_client_auth.cert_revoked and not http.request.uri.path eq "/drip" then block 403 }
"""


@pytest.fixture
def web(make_usher, origin):
    return lambda more="", **words: make_usher(RULES + more, origin=origin.url, **words)


@pytest.fixture
def gate(make_usher, pki, origin, tmp_path):
    return lambda auth="optional", on_revoked="close": Gate(make_usher, GATE, pki, origin.url, tmp_path, auth, on_revoked)


def grew(usher, before):
    """By how many bytes; sanitizers keep what was freed."""
    return 0 if os.environ.get("SAN") else usher.memory() - before


def requests(usher, count):
    return [a for a in usher.accesses(count) if a["kind"] == "request"]


def reasons(usher, count):
    return [a.get("reason") for a in usher.accesses(count)]


def echo(answer):
    assert answer.status == 200, answer.status
    return json.loads(answer.body)


def received(answer, name):
    return [v for n, v in echo(answer)["headers"] if n.lower() == name]


# ---- which protocol --------------------------------------------------------------------------------------------------

def test_alpn(gate, make_curl):
    u = gate().usher
    curl = make_curl(u)
    assert curl("https://api.example.com/x", "--http2", "-w", "%{http_version}").body.endswith(b"\n2")
    assert curl("https://api.example.com/x", "--http1.1", "-w", "%{http_version}").body.endswith(b"\n1.1")
    assert [(a["protocol"], a.get("stream")) for a in requests(u, 2)] == [("HTTP/2", 1), ("HTTP/1.1", None)]


def test_h2_is_off_unless_named(gate, make_curl):
    u = gate().usher
    u.reload(GATE.replace("protocols  h2, http/1.1", "protocols  http/1.1"))
    assert make_curl(u)("https://api.example.com/x", "--http2", "-w", "%{http_version}").body.endswith(b"\n1.1")


def test_prior_knowledge_and_http1_on_one_port(web, make_h2, make_raw):
    u = web()
    h = make_h2(u)
    h.send(head())
    assert echo(h.wait())["version"] == "HTTP/1.1"
    raw = make_raw(u)
    raw.send("GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert raw.response()[0] == 200
    slow = make_h2(u, start=False)
    for byte in PREFACE + settings() + head():
        slow.send(bytes([byte]))
    assert slow.wait().status == 200
    raw = make_raw(u)
    raw.send("PRI /x HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert raw.response()[0] in (400, 501)


# ---- one request, whatever the version -------------------------------------------------------------------------------

SAME = [  # curl's arguments, path
    ((), "/x"), ((), "/x?a=b&c=%20d"), ((), "//a/../b/%61%2f"), (("--path-as-is",), "/x/../y;z/./w"),
    (("-X", "DELETE"), "/x"), (("-X", "OPTIONS"), "/x"), (("-X", "PATCH", "-d", "a=b"), "/x"), (("-d", ""), "/x"),
    (("-d", "hello=world"), "/x"), (("-H", "Cookie: a=1; b=2"), "/x"), (("-H", "X-Empty;"), "/x"),
    (("-H", "Accept-Encoding: gzip", "-H", "X-A: 1", "-H", "X-A: 2"), "/x"), (("-H", "User-Agent:"), "/x"),
    (("-H", "Cf-Cert-Verified: true", "-H", "Client-Cert: :AAAA:", "-H", "Cf_Cert_Verified: true"), "/x"),
    (("-H", "X-Forwarded-For: 6.6.6.6", "-H", "Forwarded: for=6.6.6.6", "-H", "True-Client-IP: 6.6.6.6"), "/x"),
    (("-H", "TE: trailers"), "/x"), (("-H", "Authorization: Basic eA=="), "/x"), (("-H", "Range: bytes=0-1"), "/x"),
    (("-H", "Expect: 100-continue", "-d", "abc"), "/x"),
]


@pytest.mark.parametrize("cert", ["good", None])
def test_origin_sees_no_difference(gate, make_curl, cert):
    u = gate().usher
    curl = make_curl(u)

    def seen(version, args, path):
        got = curl("https://api.example.com" + path, version, *args, cert=cert).echo
        lines = [(n.lower(), v) for n, v in got["headers"] if n.lower() not in ("via", "te", "cf-ray", "x-request-id")]
        return {k: v for k, v in got.items() if k not in ("headers", "connection", "request")}, sorted(lines)

    for args, path in SAME:
        assert seen("--http2", args, path) == seen("--http1.1", args, path), (args, path)


def test_content_of_unknown_length(web, make_h2):
    h = make_h2(web())
    h.send(head(method="POST", end=False), data(1, b"some ", end=False), data(1, b"", end=False), data(1, b"content"))
    got = echo(h.wait())
    assert got["body"] == "some content" and ["Transfer-Encoding", "chunked"] in got["headers"]


def test_cookie_crumbs_become_one_line(web, make_h2):
    h = make_h2(web("limits { header_count 8 }"))
    h.send(head(more=[("cookie", "c%d=%d" % (i, i)) for i in range(30)]))
    assert received(h.wait(), "cookie") == ["; ".join("c%d=%d" % (i, i) for i in range(30))]


def test_host_and_authority(web, make_h2):
    h = make_h2(web())
    same = [f for f in fields() if f[0] != ":authority"] + [("host", "a.example")]
    h.send(head(1, lines=same), head(3, more=[("host", "a.example")]), head(5, more=[("host", "b.example")]),
           head(7, more=[("host", "a.example"), ("host", "a.example")]),
           head(9, lines=[f for f in fields() if f[0] != ":authority"]), head(11, host="A.Example:80"))
    assert [received(h.wait(i), "host") for i in (1, 3)] == [["a.example"]] * 2
    assert [h.wait(i).status for i in (5, 7, 9, 11)] == [400, 400, 400, 200]


def test_trailers_both_ways(web, make_h2):
    h = make_h2(web())
    h.send(head(method="POST", end=False), data(1, b"abc", end=False),
           head(lines=[("x-sum", "3"), ("content-length", "7"), ("cf-ray", "me")]))
    a = h.wait()
    assert a.status == 400  # a length that comes too late is not dropped in silence: it is malformed
    h.send(head(3, method="POST", end=False), data(3, b"abc", end=False), head(3, lines=[("x-sum", "3"), ("cf-ray", "me")]))
    assert echo(h.wait(3))["trailers"] == [["x-sum", "3"]]
    h.send(head(5, path="/chunked"))
    a = h.wait(5)
    assert (a.body, a.trailers, a.ended) == (b"hello world", [("x-sum", "11")], True)


def test_head_204_hints_and_status(web, make_h2):
    h = make_h2(web())
    h.send(head(1, method="HEAD"), head(3, path="/no_content"), head(5, path="/hints"), head(7, path="/status?code=503"))
    a = h.wait(1)
    assert (a.status, a.body, a.ended) == (200, b"", True) and int(a.header("content-length")[0]) > 100
    a = h.wait(3)
    assert (a.status, a.body, a.header("content-length")) == (204, b"", [])
    a = h.wait(5)
    assert (a.interim[0][0], a.status, a.body) == (103, 200, b"after hints")
    assert ("link", "</a.css>; rel=preload") in a.interim[0][1]
    assert h.wait(7).status == 503


def test_answers_hold_nothing_of_http1(web, make_h2):
    h = make_h2(web())
    h.send(head(1, path="/chunked"), head(3, path="/until_close"))
    for stream, body in ((1, b"hello world"), (3, b"all of it")):
        a = h.wait(stream)
        assert a.body == body
        assert not {"transfer-encoding", "connection", "keep-alive", "trailer"} & {n for n, _ in a.headers}
        assert all(n == n.lower() for n, _ in a.headers)


def test_expect_continue(web, make_h2):
    h = make_h2(web())
    h.send(head(method="POST", end=False, more=[("expect", "100-continue")]))
    h.until(lambda h: h.answer(1).interim)
    assert h.answer(1).interim[0][0] == 100
    h.send(data(1, b"abc"))
    assert echo(h.wait())["body"] == "abc"


@pytest.mark.parametrize("change, status, reason, malformed", [
    (dict(method="TRACE"), 405, "method_refused", False),
    (dict(method="CONNECT"), 405, "method_refused", False),
    (dict(method="GE T"), 400, "bad_method", False),
    (dict(scheme="https"), 400, "bad_scheme", False),
    (dict(scheme="ftp"), 400, "bad_scheme", False),
    (dict(path="x"), 400, "bad_target", False),
    (dict(path="*"), 400, "bad_target", False),
    (dict(path="http://a.example/"), 400, "bad_target", False),
    (dict(path="/a b"), 400, "bad_target", False),
    (dict(path="/%0"), 400, "bad_target", False),
    (dict(path="/#x"), 400, "bad_target", False),
    (dict(host="user@a.example"), 400, "bad_host", False),
    (dict(host="c.example"), 421, "zone_unknown", False),
    (dict(more=[("x_a", "1"), ("x-a", "1")]), 400, "twin_header_names", False),
    (dict(more=[("content_length", "1")]), 400, "twin_header_names", False),
    (dict(more=[("authorization", "a"), ("authorization", "b")]), 400, "header_twice", False),
    (dict(more=[("expect", "else")]), 417, "bad_expect", False),
    (dict(more=[("connection", "close")]), 400, "connection_header_h2", True),
    (dict(lines=fields()[1:]), 400, "bad_pseudo_header", True),
    (dict(more=[("X-A", "1")]), 400, "bad_header_name", True),
    (dict(more=[("x-a", "1\n2")]), 400, "bad_header_value", True),
])
def test_refused(web, make_h2, change, status, reason, malformed):
    u = web()
    h = make_h2(u)
    h.send(head(**change))
    a = h.wait()
    assert (a.status, a.reset) == (status, "PROTOCOL_ERROR" if malformed else None)
    assert reasons(u, 1) == [reason]
    h.send(head(3))
    assert h.wait(3).status == 200


def test_limits(web, make_h2):
    u = web("limits { request_line 300; header_bytes 2k; header_count 10; body 10 }")
    h = make_h2(u)
    h.until(lambda h: h.settings)
    assert h.settings[6] == 2048 + 320 and h.settings[3] == 128
    h.send(head(1, path="/" + "a" * 300), head(3, more=[("x", "y" * 2100)]),
           head(5, more=[("x-%d" % i, "1") for i in range(12)]),
           head(7, method="POST", end=False, more=[("content-length", "11")]), head(9, method="POST", end=False),
           data(9, b"x" * 11, end=False))
    assert [h.wait(i).status for i in (1, 3, 5, 7, 9)] == [414, 431, 431, 413, 413]
    assert h.wait(7).reset is None or h.wait(7).reset == "NO_ERROR"
    assert h.alive() and not h.goaway


def test_early_answer_ends_the_upload(web, make_h2):
    h = make_h2(web())
    h.send(head(method="POST", path="/early", end=False), data(1, b"x" * 1000, end=False))
    a = h.wait()
    assert a.status == 413
    h.until(lambda h: h.answer(1).reset)
    assert a.reset == "NO_ERROR" and h.alive()


# ---- many streams ----------------------------------------------------------------------------------------------------

def test_streams_do_not_wait_for_each_other(web, make_h2):
    h = make_h2(web())
    h.send(head(1, path="/slow?s=2"), head(3))
    assert h.wait(3).status == 200 and h.answer(1).status == 0
    assert h.wait(1).body == b"slow"


def test_large_content_both_ways(web, make_curl, tmp_path):
    u = web()
    body = tmp_path / "body"
    body.write_bytes(b"0123456789abcdef" * (20 << 16))
    for _ in range(2):
        before = u.memory()
        got = make_curl(u)("http://a.example/x", "--http2-prior-knowledge", "--data-binary", "@%s" % body, "-H",
                           "Expect:").echo
        assert got["body_size"] == body.stat().st_size
        done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-H", "Host: a.example", "-o", "/dev/null", "-w",
                               "%{size_download}", "http://127.0.0.1:%d/big?n=300000000" % u.port], capture_output=True)
        assert done.stdout == b"300000000"
        assert grew(u, before) < 8 << 20
    assert [a["bytes_out"] for a in requests(u, 4)][1::2] == [300000000] * 2


def test_client_that_takes_nothing(web, make_h2):
    """What an origin sends waits there, not here."""
    u = web()
    h = make_h2(u, windows=False)
    before = u.memory()
    h.send(*[head(1 + 2 * i, path="/big?n=50000000") for i in range(40)])
    h.until(lambda h: sum(len(a.body) for a in h.answers.values()) == 65535)
    time.sleep(1)
    assert grew(u, before) < 16 << 20
    h.send(window(0, 1 << 24), window(79, 1 << 20))
    h.until(lambda h: len(h.answer(79).body) >= 1000000)
    assert h.alive()


def test_origin_that_takes_nothing(web, make_h2):
    """What a client sends waits there: window by window."""
    u = web()
    h = make_h2(u)
    h.until(lambda h: h.settings)
    assert h.settings[4] == 262144
    before, sent, granted = u.memory(), 0, 262144
    h.send(head(1, method="POST", path="/deaf?s=5", end=False))
    h.sock.settimeout(0.5)
    try:
        while sent < 40 << 20:
            n = min(16384, granted - sent)
            if n:
                h.send(data(1, b"x" * n, end=False))
                sent += n
                continue
            f = h.frame()
            granted += struct.unpack(">I", f.payload)[0] if f.kind == WINDOW_UPDATE and f.stream == 1 else 0
    except socket.timeout:
        pass
    assert sent < 20 << 20 and grew(u, before) < 4 << 20
    h.sock.settimeout(10)
    h.send(head(3))
    assert h.wait(3).status == 200  # the others have room


# ---- which zone ------------------------------------------------------------------------------------------------------

def test_no_zone_but_the_handshakes(gate, make_h2):
    p = gate()
    h = make_h2(p.usher, tls=True, sni="api.example.com", cert="good")
    how = dict(scheme="https")
    h.send(head(1, host="api.example.com", **how), head(3, host="staff.example", **how),
           head(5, host="nobody.example", **how), head(7, host="api.example.com", **how),
           head(9, host="api.example.com", scheme="http"))
    assert [h.wait(i).status for i in (1, 3, 5, 7, 9)] == [200, 421, 421, 200, 400]
    assert not h.goaway
    assert sorted(a.get("reason", "") for a in requests(p.usher, 5)) == ["", "", "bad_scheme", "zone_other", "zone_unknown"]
    assert received(h.wait(1), "cf-cert-verified") == ["true"]


# ---- open connections ------------------------------------------------------------------------------------------------

def good(make_h2, place):
    h = make_h2(place.usher, tls=True, sni="api.example.com", cert="good")
    h.send(head(1, host="api.example.com", scheme="https"))
    assert h.wait().status == 200
    return h


@pytest.mark.parametrize("auth, reason", [("optional", "client_certificate_withdrawn"),
                                          ("required", "client_certificate_required")])
def test_revoked_while_idle(gate, make_h2, auth, reason):
    p = gate(auth)
    h, innocent = good(make_h2, p), make_h2(p.usher, tls=True, sni="staff.example")
    p.revoke()
    assert h.end() == "NO_ERROR"
    innocent.send(head(1, host="staff.example", scheme="https"))
    assert innocent.wait().status == 200
    assert [a["reason"] for a in p.usher.accesses(3) if a["kind"] == "connection"] == [reason]


def test_revoked_with_streams_under_way(gate, make_h2):
    p = gate()
    h = good(make_h2, p)
    h.send(head(3, host="api.example.com", scheme="https", path="/drip?n=100"))
    h.until(lambda h: h.answer(3).body)
    p.revoke()
    h.end()
    assert not h.answer(3).ended
    assert {a.get("reason") for a in p.usher.accesses(3)} == {None, "client_certificate_withdrawn"}


def test_rules_judge_each_stream_by_its_own_facts(gate, make_h2):
    p = gate(on_revoked="evaluate")
    h = good(make_h2, p)
    h.send(head(3, host="api.example.com", scheme="https", path="/drip?n=20"))
    h.until(lambda h: h.answer(3).body)
    p.revoke()
    h.send(head(5, host="api.example.com", scheme="https"), head(7, host="api.example.com", scheme="https", path="/drip?n=2"))
    assert h.wait(5).status == 403 and h.wait(7).status == 200
    assert h.wait(3).body == b"drip" * 20
    judged = {a["stream"]: (a["verify_result"], a["status"]) for a in requests(p.usher, 4)}
    assert judged == {1: ("ok", 200), 3: ("ok", 200), 5: ("revoked", 403), 7: ("revoked", 200)}


def test_zone_gone_lets_streams_finish(gate, make_h2):
    p = gate()
    h = good(make_h2, p)
    h.send(head(3, host="api.example.com", scheme="https", path="/drip?n=10"))
    h.until(lambda h: h.answer(3).body)
    p.usher.reload(GATE.replace("zone partners", "zone renamed"))
    assert h.wait(3).body == b"drip" * 10 and h.answer(3).ended
    assert h.end() == "NO_ERROR"


# ---- the end of a connection -----------------------------------------------------------------------------------------

def test_drain(web, make_h2):
    u = web()
    h, idle = make_h2(u), make_h2(u)
    idle.send(head())
    assert idle.wait().status == 200
    h.send(head(1, path="/drip?n=10"))
    h.until(lambda h: h.answer(1).body)
    u.process.send_signal(signal.SIGTERM)
    h.until(lambda h: h.goaway)
    assert h.goaway[0].payload[:4] == b"\x7f\xff\xff\xff" and h.goaway[0].code == "NO_ERROR"
    assert h.wait().body == b"drip" * 10
    assert h.end() == "NO_ERROR" and h.goaway[-1].payload[:4] == b"\0\0\0\1"
    assert idle.end() == "NO_ERROR"
    assert u.process.wait(5 * PATIENCE) == 0


def test_request_that_crosses_the_warning(web, make_h2):
    u = web()
    h = make_h2(u)
    h.send(head(1, path="/slow?s=1"))
    assert h.alive()
    u.process.send_signal(signal.SIGTERM)
    u.wait_event("draining")
    h.send(head(3))  # written before the GOAWAY is read
    assert h.wait(3).status == 200 and h.wait(1).status == 200
    assert h.end() == "NO_ERROR"
    u.process.wait(5 * PATIENCE)


def test_requests_per_connection(web, make_h2):
    u = web("limits { requests_per_connection 3 }")
    h = make_h2(u)
    for stream in (1, 3, 5):
        h.send(head(stream))
        assert h.wait(stream).status == 200
    assert h.end() == "NO_ERROR" and h.goaway[-1].payload[:4] == b"\0\0\0\5"


def test_listener_taken_away(web, make_h2):
    u = web()
    h = make_h2(u)
    h.send(head(1, path="/drip?n=10"))
    h.until(lambda h: h.answer(1).body)
    from conftest import free_port
    u.words["port"] = free_port()
    u.reload(RULES)
    assert h.wait().body == b"drip" * 10
    assert h.end() == "NO_ERROR"


def test_client_leaves(web, make_h2):
    u = web()
    h = make_h2(u)
    h.send(head(1, path="/slow?s=2"), head(3, path="/slow?s=2"), reset(3))
    assert h.alive()
    h.close()
    assert sorted(reasons(u, 2)) == ["client_closed", "stream_reset"]


# ---- time ------------------------------------------------------------------------------------------------------------

def test_time_limits(web, make_h2):
    u = web("timeouts { first_byte 300ms; header 300ms; body 300ms; idle 300ms; send 300ms }")
    h = make_h2(u)
    assert h.end() == "NO_ERROR"  # idle
    h = make_h2(u)
    h.until(lambda h: h.settings)  # whose acknowledgement must not come amid the block
    h.send(head(1, flags=0))
    assert h.end() == "ENHANCE_YOUR_CALM"
    h = make_h2(u)
    h.send(head(1, method="POST", end=False))
    assert h.wait().status == 408
    h = make_h2(u)
    h.send(head(1, path="/hang?s=5"))
    assert h.wait().status == 504
    h = make_h2(u, ours=[(4, 0)])
    h.send(head(1))
    a = h.wait()
    assert (a.status, a.reset) == (200, "CANCEL")
    assert sorted(filter(None, reasons(u, 6))) == ["body_timeout", "header_timeout", "header_timeout",
                                                   "origin_first_byte_timeout", "send_timeout"]


def test_content_that_trickles(web, make_h2):
    u = web("limits { body_rate 1k }\ntimeouts { request 8s }")
    h = make_h2(u)
    h.send(head(1, method="POST", end=False))
    began = time.monotonic()
    while h.answer(1).status == 0 and time.monotonic() - began < 9 * PATIENCE:
        h.send(data(1, b"x", end=False), ping())
        h.until(lambda h, n=h.pings: h.pings > n)
        time.sleep(0.2)
    assert h.wait().status == 408 and reasons(u, 1) == ["body_too_slow"]


def test_pings_do_not_keep_an_idle_connection(web, make_h2):
    h = make_h2(web("timeouts { idle 1s }"))
    start = time.monotonic()
    while h.alive():
        time.sleep(0.1)
        assert time.monotonic() - start < 10 * PATIENCE


def test_socket_that_takes_nothing(web, make_h2):
    """A window as large as can be, and nobody reads."""
    u = web("timeouts { send 1s }")
    h = make_h2(u, ours=[(4, 0x7FFFFFFF)])
    h.send(window(0, 0x7FFF0000), head(1, path="/big?n=200000000"))
    before = u.memory()
    assert reasons(u, 2) in (["send_timeout"] * 2, ["send_timeout"])
    assert grew(u, before) < 4 << 20


# ---- floods ----------------------------------------------------------------------------------------------------------

FLOODS = {  # name: frames for turn i, reason
    "rapid reset": (lambda i: head(2 * i + 1) + reset(2 * i + 1), "h2_reset_flood"),
    "resets of our own": (lambda i: head(2 * i + 1, method="POST", end=False) + window(2 * i + 1, 0x7FFFFFFF), "h2_reset_flood"),
    "malformed": (lambda i: head(2 * i + 1, lines=fields() + [("connection", "close")]), "h2_reset_flood"),
    "pings": (lambda i: ping(), "h2_control_flood"),
    "ping answers": (lambda i: ping(flags=ACK), "h2_control_flood"),
    "settings": (lambda i: settings((4, 65535 + i % 2)), "h2_control_flood"),
    "priority": (lambda i: priority(1 + 2 * (i % 500)), "h2_control_flood"),
    "window updates": (lambda i: window(0, 1), "h2_control_flood"),
    "empty content": (lambda i: (head(1, method="POST", path="/deaf?s=9", end=False) if i == 0 else b"") +
                      data(1, b"", end=False), "h2_control_flood"),
    "padding": (lambda i: (head(1, method="POST", path="/deaf?s=9", end=False) if i == 0 else b"") +
                frame(DATA, PADDED, 1, b"\0"), "h2_control_flood"),
    "continuations": (lambda i: head(1, flags=0, payload=b"") if i == 0 else frame(CONTINUATION, 0, 1, b"\0\1a\1b"), "h2_control_flood"),
    "header bomb": (lambda i: head(2 * i + 1, payload=b"\x40\1a" + text("x" * 4000) + b"\xbe" * 12000), "h2_header_flood"),
}


@pytest.mark.skipif(bool(os.environ.get("SAN")), reason="sanitizers keep what was freed")
def test_what_an_idle_connection_keeps(web, make_h2):
    """Not more after many requests than after one, but for what HPACK remembers."""
    u = web("server { workers 1 }")

    def ask(h, numbers):
        for i in numbers:
            h.send(head(i, path="/status?code=200", more=[("x-count", str(i))]))
            assert h.wait(i).status == 200

    ask(make_h2(u), range(1, 301, 2))  # what is paid once
    hs = [make_h2(u) for _ in range(60)]
    for h in hs:
        ask(h, [1])
    time.sleep(1.5)
    before, most = u.memory(), len(hs) * 16 * 1024  # 26 kB each, were closed streams remembered
    for h in hs:
        ask(h, range(3, 301, 2))
    until(lambda: u.memory() - before < most)  # each gives back what it had once it has been at rest for a while


@pytest.mark.parametrize("name", FLOODS)
def test_flood(web, make_h2, name):
    make, reason = FLOODS[name]
    u = web()
    h = make_h2(u)
    before, sent, alive, gave = u.memory(), 0, True, threading.Event()

    def read():
        try:
            h.end()
        except AssertionError:
            pass
        gave.set()

    reader = threading.Thread(target=read)
    reader.start()
    while sent < 40000 and alive and not gave.is_set():
        alive = h.send(*[make(i) for i in range(sent, sent + 50)])
        sent += 50
        if name in ("malformed", "resets of our own"):
            answered, end = h.pings, time.monotonic() + 5  # else they are too many streams at a time
            h.send(ping())
            while h.pings == answered and not gave.is_set() and time.monotonic() < end:
                time.sleep(0.001)
    reader.join(12)
    assert h.closed, "%d turns were taken" % sent
    assert grew(u, before) < 12 << 20
    until(lambda: any(a["kind"] == "connection" for a in u.accesses()))
    got = [a for a in u.accesses() if a["kind"] == "connection"]
    assert len(got) == 1 and got[0]["reason"] in (reason, "h2_protocol_error"), got
    if h.goaway and got[0]["reason"] == reason:
        assert h.goaway[-1].code == "ENHANCE_YOUR_CALM"
    assert got[0]["reason"] == reason or name == "continuations", got  # nghttp2 has caps of its own
    other = make_h2(u)
    other.send(head())
    assert other.wait().status == 200


def test_busy_clients_are_no_flood(web, make_h2):
    """Cancelling now and then, many window updates with much content, a ping with every request."""
    h = make_h2(web("limits { http2_resets 20; http2_control_frames 50 }"))
    for i in range(200):
        stream = 4 * i + 1
        h.send(head(stream), ping(), head(stream + 2, path="/slow"), reset(stream + 2))
        assert h.wait(stream).status == 200, i
    h.send(head(1001, path="/big?n=20000000"))
    assert len(h.wait(1001).body) == 20000000
    assert h.alive() and not h.goaway


# ---- tools -----------------------------------------------------------------------------------------------------------

@needs("nghttp")
def test_nghttp(web):
    u = web()
    done = subprocess.run(["nghttp", "-nv", "-H:authority: a.example", "--expect-continue", "-H", "x-a: 1",
                           "http://127.0.0.1:%d/chunked" % u.port], capture_output=True, text=True, timeout=20)
    assert ":status: 200" in done.stdout and "x-sum: 11" in done.stdout, done.stdout


def h2load(u, *args):
    done = subprocess.run(["h2load", "--header=:authority: a.example"] + list(args) + ["http://127.0.0.1:%d/x" % u.port],
                          capture_output=True, text=True, timeout=60)
    return [int(x) for x in re.search(r"requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed",
                                      done.stdout).groups()]


@needs("h2load")
def test_h2load(web):
    assert h2load(web(), "-n", "3000", "-c", "5", "-m", "30") == [3000, 3000, 0]


@needs("h2load")
def test_h2load_with_reloads(web):
    u = web()
    end = threading.Event()

    def reload():
        while not end.wait(0.2):
            u.reload()

    thread = threading.Thread(target=reload)
    thread.start()
    try:
        assert h2load(u, "-n", "4000", "-c", "3", "-m", "20") == [4000, 4000, 0]
    finally:
        end.set()
        thread.join()
