# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 through usher: what passes, in which form, and what becomes of messages that go wrong on either side."""
import email.utils
import hashlib
import json
import os
import signal
import socket
import threading
import time

import pytest

from conftest import PATIENCE

RULES = """
server { workers 2 }
listener plain {
    address  127.0.0.1:{port}
    http     yes
}
zone web {
    hosts   web.example
    origin  {origin}
}
zone other {
    hosts   other.example, *.wild.example
    origin  {origin}
}
"""

SECURE = """
listener public { address 127.0.0.1:{port} }
zone web {
    hosts        web.example, api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    origin       {origin}
}
"""


@pytest.fixture
def web(make_usher, origin):
    return make_usher(RULES, origin=origin.url)


def ask(raw, text):
    raw.send(text.replace("\n", "\r\n"))
    return raw.response()


def get(path="/", *lines, host="web.example", method="GET"):
    return "%s %s HTTP/1.1\nHost: %s\n%s\n" % (method, path, host, "".join(line + "\n" for line in lines))


def echo(answer):
    status, _, body = answer
    assert status == 200, (status, body)
    return json.loads(body)


def names(request):
    return [n.lower() for n, _ in request["headers"]]


def last(usher, count=None):
    return usher.accesses(count)[-1]


# ---- what the origin gets -------------------------------------------------------------------------------------------

def test_request_is_written_anew(web, make_raw):
    got = echo(ask(make_raw(web), get("/a?b=c", "X-One: 1", "x-one:   2  ", "Accept: */*")))
    assert (got["method"], got["target"], got["version"]) == ("GET", "/a?b=c", "HTTP/1.1")
    assert got["headers"][0] == ["Host", "web.example"]
    assert ["X-One", "1"] in got["headers"] and ["x-one", "2"] in got["headers"]
    assert "content-length" not in names(got) and "transfer-encoding" not in names(got)


def test_forwarded_lines_are_written_not_trusted(web, make_raw):
    got = echo(ask(make_raw(web), get("/", "X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6",
                                      "X_Forwarded_For: 6.6.6.6", "Client-Cert: :AAAA:", "CF-Cert-Verified: true")))
    text = json.dumps(got)
    assert "6.6.6.6" not in text and "AAAA" not in text and "cf-cert" not in text.lower()
    assert ["x-forwarded-for", "127.0.0.1"] in got["headers"] and ["x-forwarded-proto", "http"] in got["headers"]


def test_hop_by_hop_lines_end_here(web, make_raw):
    got = echo(ask(make_raw(web), get("/", "Connection: x-mine, keep-alive", "X-Mine: 1", "Keep-Alive: timeout=5",
                                      "TE: trailers", "Proxy-Authorization: Basic AA==")))
    for name in ("connection", "x-mine", "keep-alive", "te"):
        assert name not in names(got), name


@pytest.mark.parametrize("asked, target", [
    ("/a/../b", "/b"), ("/%61dmin", "/admin"), ("//admin", "/admin"), ("/x/%2e%2e/admin", "/admin"),
    ("/a%2fb", "/a%2Fb"), ("/a?x=/../y", "/a?x=/../y")])
def test_urls_are_normalised(web, make_raw, asked, target):
    assert echo(ask(make_raw(web), get(asked)))["target"] == target


def test_absolute_target(web, make_raw):
    got = echo(ask(make_raw(web), get("http://web.example/abs?q")))
    assert got["target"] == "/abs?q"
    assert ask(make_raw(web), get("http://other.example/abs"))[0] == 400


def test_host_chooses_the_zone(web, make_raw):
    raw = make_raw(web)
    assert ask(raw, get(host="other.example"))[0] == 200
    assert ask(raw, get(host="WEB.example.:%d" % web.port))[0] == 200
    assert ask(raw, get(host="a.wild.example"))[0] == 200
    assert ask(raw, get(host="unknown.example"))[0] == 421
    assert [a.get("zone") for a in web.accesses(4)] == ["other", "web", "other", None]
    assert last(web)["reason"] == "zone_unknown"


# ---- content ---------------------------------------------------------------------------------------------------------

def test_content_length_and_chunked_upload(web, make_raw):
    raw = make_raw(web)
    got = echo(ask(raw, get("/", "Content-Length: 5", method="POST") + "hello"))
    assert got["body"] == "hello" and ["Content-Length", "5"] in got["headers"]
    got = echo(ask(raw, get("/", "Transfer-Encoding: chunked", method="POST") +
                   "5;ext=1\nhello\n06\n world\n0\nX-Sum: 11\nClient-Cert: :AA:\n\n"))
    assert got["body"] == "hello world" and got["trailers"] == [["X-Sum", "11"]]
    assert "content-length" not in names(got)


def test_post_without_content_says_so(web, make_raw):
    got = echo(ask(make_raw(web), get("/", "Content-Length: 0", method="POST")))
    assert ["Content-Length", "0"] in got["headers"]


def test_large_content_both_ways(web, make_raw):
    raw = make_raw(web)
    size, block = 32 << 20, b"x" * 65536
    digest = hashlib.sha256()

    def send():
        raw.send(get("/", "Content-Length: %d" % size, method="PUT").replace("\n", "\r\n"))
        for _ in range(size // len(block)):
            digest.update(block)
            raw.send(block)

    t = threading.Thread(target=send)
    t.start()
    got = echo(raw.response())
    t.join()
    assert got["body_size"] == size and got["body_sha256"] == digest.hexdigest()
    before = web.memory()
    raw.send(get("/big?n=%d" % size).replace("\n", "\r\n"))
    time.sleep(0.5)  # a client that does not read yet: the answer must not pile up
    if not os.environ.get("SAN"):  # sanitizers keep freed memory
        assert web.memory() - before < 8 << 20
    assert len(raw.response()[2]) == size


def test_expect_continue(web, make_raw):
    raw = make_raw(web)
    raw.send(get("/", "Content-Length: 2", "Expect: 100-continue", method="POST").replace("\n", "\r\n"))
    assert raw.response()[0] == 100
    raw.send("ok")
    got = echo(raw.response())
    assert got["body"] == "ok" and "expect" not in names(got)
    assert ask(raw, get("/", "Expect: more"))[0] == 417


def test_refusal_before_the_content_is_asked_for(web, make_raw):
    raw = make_raw(web)
    raw.send(get("/", "Content-Length: 2", "Expect: 100-continue", host="nobody.example", method="POST")
             .replace("\n", "\r\n"))
    status, headers, _ = raw.response()
    assert status == 421 and ("Connection", "close") in headers


@pytest.mark.parametrize("path, body", [("/chunked", b"hello world"), ("/until_close", b"all of it")])
def test_framing_of_the_answer_is_written_anew(web, make_raw, path, body):
    raw = make_raw(web)
    status, headers, got = ask(raw, get(path))
    assert (status, got) == (200, body) and ("Transfer-Encoding", "chunked") in headers
    assert ask(raw, get("/"))[0] == 200  # the client's connection goes on


def test_answer_to_http10(web, make_raw):
    raw = make_raw(web)
    raw.send("GET /chunked HTTP/1.0\r\nHost: web.example\r\n\r\n")
    head, _, body = raw.all().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower() and body == b"hello world"
    raw = make_raw(web)
    raw.send("GET /leaky HTTP/1.0\r\nHost: web.example\r\nConnection: keep-alive\r\n\r\n")
    status, headers, body = raw.response()
    assert status == 200 and ("Connection", "keep-alive") in headers
    assert ask(raw, get())[0] == 200


def test_an_answer_has_a_date(make_usher, origin, make_raw):
    usher = make_usher(RULES + 'rule dates { when http.request.uri.path eq "/x/dated" then remove response header "date" }',
                       origin=origin.url)
    raw = make_raw(usher)
    dates = lambda path: [v for n, v in ask(raw, get(path))[1] if n.lower() == "date"]
    assert dates("/dated") == ["Sun, 06 Nov 1994 08:49:37 GMT"] and dates("/x/dated") == []
    for path in ("/", "/no_content", "/chunked"):  # the origin gives none
        date, = dates(path)
        assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < 60


def test_head_204_and_1xx(web, make_raw):
    raw = make_raw(web)
    raw.send(get("/", method="HEAD").replace("\n", "\r\n"))
    status, headers, _ = raw.response(head=True)
    assert status == 200 and int(dict(headers)["Content-Length"]) > 0
    status, headers, body = ask(raw, get("/no_content"))
    assert status == 204 and "Content-Length" not in dict(headers)
    assert ask(raw, get("/hints"))[0] == 103
    assert raw.response()[2] == b"after hints"


def test_max_forwards_of_options(web, make_raw):
    raw = make_raw(web)
    got = echo(ask(raw, get("/", "Max-Forwards: 10", method="OPTIONS")))
    assert ["Max-Forwards", "9"] in got["headers"]
    status, headers, body = ask(raw, get("/", "Max-Forwards: 0", method="OPTIONS"))
    assert (status, body) == (200, b"") and "GET" in dict(headers)["Allow"]
    assert "origin" not in web.accesses(2)[-1]
    assert ask(raw, get(host="no.example", method="OPTIONS") .replace("\n\n", "\nMax-Forwards: 0\n\n"))[0] == 421
    got = echo(ask(raw, get("/", "Max-Forwards: 0")))
    assert ["Max-Forwards", "0"] in got["headers"]  # of other methods it is the origin's


# ---- connections -----------------------------------------------------------------------------------------------------

def test_pipelined_requests_are_answered_in_order(web, make_raw):
    raw = make_raw(web)
    raw.send("".join(get("/%d" % i, host=("web.example", "other.example", "no.example")[i % 3]) for i in range(30))
             .replace("\n", "\r\n"))
    for i in range(30):
        status, headers, body = raw.response()
        if i % 3 == 2:
            assert status == 421
        else:
            assert json.loads(body)["target"] == "/%d" % i


def test_origin_connections_are_kept(web, make_raw):
    raw = make_raw(web)
    seen = {echo(ask(raw, get()))["connection"] for _ in range(5)}
    assert len(seen) == 1


def test_connection_close(web, make_raw):
    raw = make_raw(web)
    raw.send((get("/", "Connection: close") + get("/second")).replace("\n", "\r\n"))
    everything = raw.all()
    assert everything.count(b"HTTP/1.1 200") == 1 and b"Connection: close" in everything


def test_requests_sent_ahead_of_the_end(web, make_raw):
    """A client that has closed its side still reads the answer to each request that came before."""
    raw = make_raw(web)
    raw.send((get("/one") + get("/two", "Content-Length: 2", method="POST") + "ok" + get("/three")).replace("\n", "\r\n"))
    raw.sock.shutdown(socket.SHUT_WR)
    answers = [raw.response() for _ in range(3)]
    assert [json.loads(body)["target"] for _, _, body in answers] == ["/one", "/two", "/three"]
    assert ("Connection", "close") in answers[2][1] and raw.all() == b""


@pytest.mark.parametrize("head, status", [
    ("HEAD / HTTP/1.1\nX : 1\n\n", 400), ("HEAD / HTTP/1.1\nHost: a b\n\n", 400), ("HEAD / HTTP/2.0\n", 505),
    ("HEAD /a\0b HTTP/1.1\n\n", 400), ("HEAD /" + "a" * 20000 + " HTTP/1.1\n\n", 414),
    ("HEAD / HTTP/1.1\nX: " + "y" * 70000 + "\n\n", 431), ("HEAD / HTTP/1.1\nHost: no.example\nConnection: close\n\n", 421),
    ("HEAD / HTTP/1.1\nHost: web.example\n", 408)])
def test_no_content_for_head(make_usher, origin, make_raw, head, status):
    usher = make_usher(RULES + "timeouts { header 300ms }", origin=origin.url)
    raw = make_raw(usher)
    raw.send(head.replace("\n", "\r\n"))
    everything = raw.all()
    assert everything.startswith(b"HTTP/1.1 %d " % status) and everything.endswith(b"\r\n\r\n")


def test_byte_by_byte(web, make_raw):
    raw = make_raw(web)
    for c in (get("/slowly", "Transfer-Encoding: chunked", method="POST") + "3\nabc\n0\n\n").replace("\n", "\r\n"):
        raw.send(c)
        time.sleep(0.001)
    assert echo(raw.response())["body"] == "abc"


# ---- an origin that misbehaves -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("path, status, reason", [
    ("/close", 502, "origin_closed"), ("/reset", 502, "origin_closed"), ("/garbage", 502, "origin_bad_syntax")])
def test_origin_fails_before_its_answer(web, make_raw, path, status, reason):
    raw = make_raw(web)
    assert ask(raw, get(path))[0] == status
    assert last(web, 1)["reason"] == reason
    assert ask(raw, get())[0] == 200


def test_origin_stops_in_the_middle(web, make_raw):
    raw = make_raw(web)
    raw.send(get("/short").replace("\n", "\r\n"))
    everything = raw.all()
    assert everything.endswith(b"only this") and b"Content-Length: 100" in everything
    assert last(web, 1)["reason"] == "origin_cut_short"


def test_origin_sends_too_much(web, make_raw):
    raw = make_raw(web)
    for _ in range(3):
        assert ask(raw, get("/long"))[2] == b"four"
        assert echo(ask(raw, get("/after")))["target"] == "/after"


def test_early_answer(web, make_raw):
    raw = make_raw(web)
    raw.send(get("/early", "Content-Length: 400000", method="POST").replace("\n", "\r\n") + "x" * 1000)
    status, headers, body = raw.response()
    assert (status, body) == (413, b"no") and ("Connection", "close") in headers


@pytest.mark.parametrize("line, status, tls", [("Transfer-Encoding: gzip", 501, False), ("Content-Length: 50000000", 413, True)])
def test_an_answer_waits_for_who_still_sends(make_usher, origin, make_raw, line, status, tls):
    """Clients that write all of their content before they read must not lose the answer to a reset."""
    usher = make_usher((SECURE if tls else RULES) + "limits { body 1m }", origin=origin.url)
    raw = make_raw(usher, tls=tls, sni="api.example.com")
    raw.send(get("/", line, method="POST").replace("\n", "\r\n"))
    for _ in range(10):
        raw.send(b"x" * 5000000)
        time.sleep(0.25)
    got, headers, _ = raw.response()
    assert got == status and ("Connection", "close") in headers


def test_no_origin(make_usher, make_raw):
    usher = make_usher(RULES, origin="http://127.0.0.1:9")
    raw = make_raw(usher)
    assert ask(raw, get())[0] == 502
    assert last(usher, 1)["reason"] == "origin_connect"


def test_time_limits(make_usher, origin, make_raw):
    usher = make_usher(RULES + "timeouts { first_byte 300ms; header 300ms; body 300ms; idle 300ms }", origin=origin.url)
    assert ask(make_raw(usher), get("/hang?s=5"))[0] == 504
    raw = make_raw(usher)
    raw.send("GET / HT")
    assert raw.response()[0] == 408
    raw = make_raw(usher)
    raw.send(get("/", "Content-Length: 5", method="POST").replace("\n", "\r\n") + "he")
    assert raw.response()[0] == 408
    assert make_raw(usher).all() == b""
    reasons = [a.get("reason") for a in usher.accesses(3)]
    assert reasons == ["origin_first_byte_timeout", "header_timeout", "body_timeout"]


def test_an_empty_line_begins_no_request(make_usher, origin, make_raw):
    """Some clients send one behind content: no time runs for a request, and none is answered."""
    usher = make_usher(RULES + "timeouts { header 200ms }", origin=origin.url)
    raw = make_raw(usher)
    assert ask(raw, get("/", "Content-Length: 2", method="POST") + "ok\n")[0] == 200
    raw.send("\r\n\r")
    time.sleep(0.5)
    raw.send("\n")
    assert ask(raw, get())[0] == 200
    raw.send("\r\n")
    raw.sock.shutdown(socket.SHUT_WR)
    assert raw.all() == b""
    assert [a["status"] for a in usher.accesses(2)] == [200, 200]


def test_limits(make_usher, origin, make_raw):
    usher = make_usher(RULES + "limits { request_line 300; header_bytes 2k; header_count 10; body 10; "
                               "requests_per_connection 2 }", origin=origin.url)
    cases = [(get("/" + "a" * 300), 414, "target_too_long"), (get("/", "X: " + "y" * 2100), 431, "headers_too_large"),
             (get("/", *["X-%d: 1" % i for i in range(12)]), 431, "too_many_headers"),
             (get("/", "Content-Length: 11", method="POST") + "x" * 11, 413, "body_too_large"),
             (get("/", "Transfer-Encoding: chunked", method="POST") + "b\n" + "x" * 11 + "\n0\n\n", 413, "body_too_large")]
    for n, (text, status, reason) in enumerate(cases, 1):
        assert ask(make_raw(usher), text)[0] == status, text[:60]
        assert usher.accesses(n)[-1]["reason"] == reason
    raw = make_raw(usher)
    assert ("Connection", "close") not in ask(raw, get())[1]
    assert ("Connection", "close") in ask(raw, get())[1]


def test_a_body_that_is_cut_short(web, make_raw):
    raw = make_raw(web)
    raw.send(get("/", "Content-Length: 5", method="POST").replace("\n", "\r\n") + "he")
    raw.close()
    assert web.accesses(1)[0]["reason"] == "body_cut_short"


def test_requests_sent_ahead_wait(web, make_raw):
    """However many requests come at once, answers keep their order, and what waits here is little."""
    raw, before = make_raw(web), web.memory()
    one = get("/x").replace("\n", "\r\n")
    raw.send(get("/slow?s=1").replace("\n", "\r\n"))
    raw.sock.settimeout(0.5)
    sent = 0
    try:
        while sent < 64 << 20:
            raw.send(one * 1000)
            sent += 1000 * len(one)
    except OSError:
        pass
    assert sent < 32 << 20 and web.memory() - before < 4 << 20
    raw.sock.settimeout(10)
    assert all(raw.response()[0] == 200 for _ in range(100))


def unread(usher, raw):
    """Bytes that lie in usher's socket."""
    ports = "%04X" % usher.port, "%04X" % raw.sock.getsockname()[1]
    for line in open("/proc/net/tcp"):
        words = line.split()
        if (words[1][-4:], words[2][-4:]) == ports:
            return int(words[4].partition(":")[2], 16)
    raise AssertionError("no such connection")


@pytest.mark.parametrize("depth, one", [(1, get("/x")), (4, get("/x")), (4, get("/x", "Content-Length: 3", method="POST") + "abc")])
def test_depth_of_pipelines(make_usher, origin, make_raw, depth, one):
    usher = make_usher(RULES + "limits { pipeline %d }" % depth, origin=origin.url)
    raw, one = make_raw(usher), one.replace("\n", "\r\n")
    raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(want):
        raw.send(one)
        for _ in range(200):
            if unread(usher, raw) == want:
                return
            time.sleep(0.01)
        raise AssertionError((unread(usher, raw), want))

    raw.send(get("/slow?s=%d" % (2 * PATIENCE)).replace("\n", "\r\n"))
    for _ in range(depth):
        send(0)
    for n in range(3):
        send((n + 1) * len(one))
    assert raw.response()[2] == b"slow"
    for _ in range(depth + 3):
        assert echo(raw.response())["target"] == "/x"
    assert unread(usher, raw) == 0
    raw.send(one)
    assert echo(raw.response())["target"] == "/x"


def test_origin_by_name_and_unix_socket(make_usher, make_origin, make_raw, origin, tmp_path):
    port = origin.url.rsplit(":", 1)[1]
    usher = make_usher(RULES, origin="http://localhost:" + port)
    assert ask(make_raw(usher), get())[0] == 200
    there = make_origin("unix:" + str(tmp_path / "o.sock"))
    usher = make_usher(RULES, origin=there.url)
    assert ask(make_raw(usher), get())[0] == 200


# ---- reload and end ------------------------------------------------------------------------------------------------------

def test_reload_swaps_zones_under_open_connections(web, make_raw, origin):
    raw = make_raw(web)
    assert ask(raw, get())[0] == 200
    web.reload(RULES.replace("web.example", "new.example"))
    assert ask(raw, get())[0] == 421
    raw = make_raw(web)
    assert ask(raw, get(host="new.example"))[0] == 200


def test_reload_with_errors_changes_nothing(web, make_raw):
    raw = make_raw(web)
    web.reload(RULES + "zone broken {", event="reload_failed")
    assert ask(raw, get())[0] == 200


def test_reload_under_load(web, make_raw):
    stop, failed, done = threading.Event(), [], [0]

    def load():
        raw = make_raw(web)
        while not stop.is_set():
            try:
                status = ask(raw, get())[0]
            except Exception as e:  # whatever it is, it is a failed request
                failed.append(repr(e))
                return
            done[0] += 1
            if status != 200:
                failed.append(status)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    for i in range(30):
        web.reload()
    stop.set()
    for t in threads:
        t.join()
    assert not failed and done[0] > 0


def test_listeners_come_and_go(web, make_raw, origin):
    from conftest import free_port
    second = free_port()
    more = RULES + "listener second { address 127.0.0.1:%d; http yes }" % second
    web.reload(more)
    raw = make_raw(web, port=second)
    assert ask(raw, get())[0] == 200
    web.reload(RULES)
    assert ask(make_raw(web), get())[0] == 200
    with pytest.raises(OSError):
        for _ in range(50):
            socket.create_connection(("127.0.0.1", second), 1).close()
            time.sleep(0.05)


def test_drain_finishes_what_runs(web, make_raw):
    raw, idle = make_raw(web), make_raw(web)
    assert ask(idle, get())[0] == 200
    raw.send(get("/slow?s=2").replace("\n", "\r\n"))
    time.sleep(0.5)
    web.process.send_signal(signal.SIGTERM)
    assert idle.all() == b""
    status, headers, body = raw.response()
    assert (status, body) == (200, b"slow") and ("Connection", "close") in headers
    assert web.process.wait(5 * PATIENCE) == 0


def test_interim_answers_end(web, make_raw):
    raw = make_raw(web)
    raw.send("GET /endless_hints HTTP/1.1\r\nHost: web.example\r\n\r\n")
    seen = 0
    while True:
        status, _, _ = raw.response()
        if status >= 200:
            break
        seen += 1
    assert status == 502 and seen == 100
    assert web.accesses(1)[-1]["reason"] == "origin_too_many_interim"
