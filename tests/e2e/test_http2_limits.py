# SPDX-License-Identifier: Apache-2.0
"""HTTP/2: every limit and time-out with what the client gets and the word in the log; and behind a PROXY header."""
import json
import socket
import struct
import time

import pytest

from conftest import until
from h2raw import *

RULES = """
listener plain { address 127.0.0.1:{port}; tls no; protocols h2, http/1.1 }
zone web { hosts a.example; origin {origin} }
"""

POST = dict(method="POST", end=False)


@pytest.fixture
def web(make_usher, origin):
    return lambda more="", **words: make_usher(RULES + more, origin=origin.url, **words)


def reasons(usher, count, kind="request"):
    return [a.get("reason") for a in usher.accesses(count) if a["kind"] == kind]


# setting, frames, status or reset of stream 1, reason
STREAM = {
    "request_line": ("limits { request_line 300 }", [head(path="/" + "a" * 300)], 414, "target_too_long"),
    "request_line, a long method": ("limits { request_line 300 }", [head(method="M" * 301)], 414, "target_too_long"),
    "header_bytes": ("limits { header_bytes 2k }", [head(more=[("x", "y" * 2100)])], 431, "headers_too_large"),
    "header_bytes, of trailers": ("limits { header_bytes 2k }", [head(**POST), head(lines=[("x", "y" * 2100)])], 431,
                                  "headers_too_large"),
    "header_bytes, a long :authority": ("limits { header_bytes 1k }", [head(host="a" * 1000, more=[("x", "y" * 100)])], 431,
                                        "headers_too_large"),
    "header_count": ("limits { header_count 10 }", [head(more=[("x-%d" % i, "1") for i in range(12)])], 431,
                     "too_many_headers"),
    "header_count, of trailers": ("limits { header_count 10 }", [head(**POST), head(lines=[("x", "1")] * 12)], 431,
                                  "too_many_headers"),
    "body": ("limits { body 10 }", [head(**POST), data(1, b"x" * 11)], 413, "body_too_large"),
    "body, as announced": ("limits { body 10 }", [head(more=[("content-length", "11")], **POST)], 413, "body_too_large"),
    "body timeout": ("timeouts { body 300ms }", [head(**POST), data(1, b"x", end=False)], 408, "body_timeout"),
    "first_byte": ("timeouts { first_byte 300ms }", [head(path="/hang?s=5")], 504, "origin_first_byte_timeout"),
    "between_bytes": ("timeouts { between_bytes 300ms }", [head(path="/drip?n=3&s=2")], "INTERNAL_ERROR",
                      "origin_between_bytes_timeout"),
    "http2_window": ("limits { http2_window 16k; http2_connection_window 64m }", [head(path="/deaf?s=5", **POST)] + [data(1, b"x" * 16000, end=False)] * 600,
                     "FLOW_CONTROL_ERROR", "h2_protocol_error"),
}


@pytest.mark.parametrize("name", STREAM)
def test_a_stream(web, make_h2, name):
    rules, frames, result, reason = STREAM[name]
    u = web(rules)
    h = make_h2(u)
    h.until(lambda h: h.settings)
    h.send(*frames)
    a = h.wait()
    assert (a.reset if isinstance(result, str) else a.status) == result
    assert h.alive() and not h.goaway
    assert reasons(u, 1) == [reason]
    h.send(head(3))
    assert h.wait(3).status == 200


# setting, frames, code of the GOAWAY, reason of the connection
CONNECTION = {
    "header timeout": ("timeouts { header 300ms }", [head(flags=0)], "ENHANCE_YOUR_CALM", "header_timeout"),
    "http2_resets": ("limits { http2_resets 3 }", [head(i) + reset(i) for i in range(1, 15, 2)], "ENHANCE_YOUR_CALM",
                     "h2_reset_flood"),
    "http2_control_frames": ("limits { http2_control_frames 16 }", [ping()] * 40, "ENHANCE_YOUR_CALM", "h2_control_flood"),
    "header_bytes, many times": ("limits { header_bytes 1k; request_line 256 }",
                                 [head(lines=fields(more=[("x-%d" % i, "y" * 1000) for i in range(15)]))],
                                 "ENHANCE_YOUR_CALM", "h2_header_flood"),
    "http2_connection_window": ("limits { http2_window 64k; http2_connection_window 65535 }",
                                [head(1, path="/deaf?s=5", **POST), head(3, path="/deaf?s=5", **POST)] +
                                [data(i, b"x" * 16000, end=False) for i in (1, 3) for _ in range(4)] * 80,
                                "FLOW_CONTROL_ERROR", "h2_protocol_error"),
    "window update of nothing": ("", [head(path="/deaf?s=5", **POST), window(1, 0)], "PROTOCOL_ERROR", "h2_protocol_error"),
    "http2_streams, told": ("limits { http2_streams 3 }", [head(i, path="/slow?s=1") for i in (1, 3, 5, 7)], "PROTOCOL_ERROR",
                            "h2_protocol_error"),
    "framing": ("", [data(0, b"x")], "PROTOCOL_ERROR", "h2_protocol_error"),
    "compression": ("", [head(payload=b"\x80")], "COMPRESSION_ERROR", "h2_protocol_error"),
    "a closed stream": ("", [head(1, path="/status?code=204"), reset(1), data(1, b"x")], "STREAM_CLOSED", "h2_protocol_error"),
}


@pytest.mark.parametrize("name", CONNECTION)
def test_a_connection(web, make_h2, name):
    rules, frames, code, reason = CONNECTION[name]
    u = web(rules)
    h = make_h2(u)
    h.until(lambda h: h.settings)
    h.send(*frames)
    assert h.end() in (code, None)  # what is unread may reset the connection before the GOAWAY is
    until(lambda: reasons(u, 1, "connection"))
    assert reasons(u, 1, "connection") == [reason]


def test_streams_at_a_time(web, make_h2):
    """Of a client that could not know the limit more are refused, and may come again."""
    h = make_h2(web("limits { http2_streams 3 }"), start=False)
    h.send(PREFACE, settings(), *[head(i, path="/slow?s=1") for i in (1, 3, 5, 7)])
    assert h.wait(7).reset == "REFUSED_STREAM"
    assert [h.wait(i).status for i in (1, 3, 5)] == [200] * 3 and h.settings[3] == 3
    h.send(head(9))
    assert h.wait(9).status == 200


def test_connections_of_a_client(web, make_h2):
    u = web("limits { connections_per_client 2 }")
    one, two = make_h2(u), make_h2(u)
    assert one.alive() and two.alive()  # both have been accepted: threads take connections in no order
    assert make_h2(u).end() is None and one.alive() and two.alive()
    assert reasons(u, 1, "connection") == ["too_many_connections_of_client"]


def test_client_that_takes_no_answer(web, make_h2):
    u = web("timeouts { send 500ms }")
    h = make_h2(u, ours=[(4, 0)])
    h.send(head())
    a = h.wait()
    assert (a.status, a.reset) == (200, "CANCEL") and reasons(u, 1) == ["send_timeout"]
    assert h.alive()


# ---- the PROXY protocol ----------------------------------------------------------------------------------------------

PROXIED = """
listener plain { address 127.0.0.1:{plain}; tls no; protocols h2, http/1.1; proxy_protocol from 127.0.0.1 }
listener public { address 127.0.0.1:{port}; protocols h2, http/1.1; proxy_protocol from 127.0.0.1 }
zone web { hosts a.example; origin {origin} }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem" ; key "{pki}/server-ecdsa.key"
    client_auth  optional ; client_ca "{pki}/ca-bundle.pem"
    origin       {origin}
}
rule address { when ip.src ne 198.51.100.7 then block 403 }
"""

V1 = b"PROXY TCP4 198.51.100.7 203.0.113.1 4711 443\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11\x00\x0c" + socket.inet_aton("198.51.100.7") + socket.inet_aton("203.0.113.1") + \
    struct.pack(">HH", 4711, 443)
LOCAL = b"\r\n\r\n\0\r\nQUIT\n" + b"\x20\x00\x00\x00"


@pytest.fixture
def proxied(make_usher, origin):
    from conftest import free_port
    return make_usher(PROXIED, origin=origin.url, plain=free_port())


def told(answer):
    assert answer.status == 200
    return dict((n.lower(), v) for n, v in json.loads(answer.body)["headers"])["x-forwarded-for"]


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_behind_a_proxy(proxied, pki, header, tls):
    u = proxied
    for together in (True, False):
        first = header + (PREFACE + settings() if together and not tls else b"")
        h = H2(u.port if tls else u.words["plain"], pki if tls else None, sni="api.example.com", cert="good", before=first,
               start=tls)
        if not tls and not together:
            time.sleep(0.1)
            h.send(PREFACE[:5])
            time.sleep(0.1)
            h.send(PREFACE[5:] + settings())
        host = dict(host="api.example.com", scheme="https") if tls else {}
        h.send(head(1, **host), head(3, method="POST", end=False, **host), data(3, b"abc"))
        assert told(h.wait(1)) == "198.51.100.7, 127.0.0.1" and json.loads(h.wait(3).body)["body"] == "abc"
        h.close()
    lines = u.accesses(4)
    assert {(a["client"], a["client_port"], a["proxy"], a["protocol"]) for a in lines if a["kind"] == "request"} == {
        ("198.51.100.7", 4711, "127.0.0.1", "HTTP/2")}


def test_proxy_that_asks_for_itself(proxied):
    h = H2(proxied.words["plain"], before=LOCAL)
    h.send(head())
    assert h.wait().status == 403  # 127.0.0.1
    h.close()


@pytest.mark.parametrize("first", [b"", V1[:-2] + b"x\r\n", V2[:-4]], ids=["none", "bad", "short"])
def test_no_http2_without_the_header(proxied, first):
    """A peer that must send one and does not is not listened to."""
    h = H2(proxied.words["plain"], before=first)
    h.send(head())
    assert h.end() is None and not h.answer(1).status
    assert reasons(proxied, 1, "handshake") in (["bad_proxy_header"], [])
    h.close()
