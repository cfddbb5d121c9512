# SPDX-License-Identifier: Apache-2.0
"""RFC 9113 and RFC 7541, section by section: what a client must not send, and what comes of it."""
import socket

import pytest

from h2raw import *

PLAIN = """
listener plain { address 127.0.0.1:{port}; tls no; protocols h2 }
zone z { hosts a.example; origin {origin} }
"""


@pytest.fixture(scope="module")
def usher(origin, pki, tmp_path_factory):
    from conftest import Usher
    u = Usher(tmp_path_factory.mktemp("spec"), PLAIN, origin=origin.url)
    yield u
    assert u.stop() == 0


def req(**how):
    return head(1, end=False, method="POST", **how)


LONG = [("x-dummy%d" % i, "v" * 3000) for i in range(10)]
CALM, PROTO, SIZE, FLOW = "ENHANCE_YOUR_CALM", "PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "FLOW_CONTROL_ERROR"
CLOSED, COMPRESSION, REFUSED = "STREAM_CLOSED", "COMPRESSION_ERROR", "REFUSED_STREAM"
BASE = fields()


def without(name):
    return [f for f in BASE if f[0] != name]


def put(name, value):
    return [(n, value if n == name else v) for n, v in BASE]


# section, what is sent after the preface, what must follow:
#   conn CODE…    the connection ends with such a GOAWAY, or without one
#   stream CODE…  the stream is reset with it, or the connection ends
#   ok            stream 1 is answered with 200
#   ping          the connection goes on
#   refused N     stream 1 is answered so, and not reset with an error
#   status N      stream 1 is answered so, then reset with PROTOCOL_ERROR
CASES = [
    ("3.4 preface", [head()], "ok"),
    ("4.1 unknown frame type", [frame(22, 0, 0, b"12345678")], "ping"),
    ("4.1 undefined flags", [ping(flags=0xFE & ~1)], "ping"),
    ("4.1 reserved bit", [frame(PING, 0, 1 << 31, b"01234567")], "ping"),
    ("4.2 DATA of 2^14", [req(), data(1, b"a" * 16384)], "ok"),
    ("4.2 DATA over the size", [req(), data(1, b"a" * 16385)], "stream", SIZE),
    ("4.2 HEADERS over the size", [head(lines=BASE + LONG[:6])], "conn", SIZE),
    ("4.3 bad header block", [head(payload=b"\x40")], "conn", COMPRESSION),
    ("4.3 PRIORITY inside a block", [head(flags=0), priority(1)], "conn", PROTO),
    ("4.3 HEADERS inside a block", [head(flags=0), head(3)], "conn", PROTO),
    ("5.1 idle: DATA", [data(1, b"x")], "conn", PROTO, CLOSED),
    ("5.1 idle: RST_STREAM", [reset(1)], "conn", PROTO),
    ("5.1 idle: WINDOW_UPDATE", [window(1, 100)], "conn", PROTO),
    ("5.1 idle: CONTINUATION", [frame(CONTINUATION, END_HEADERS, 1, block(BASE))], "conn", PROTO),
    ("5.1 idle: PRIORITY", [priority(1), head(1)], "ok"),
    ("5.1 half-closed: DATA", [head(path="/slow?s=1"), data(1, b"x")], "stream", CLOSED),
    ("5.1 half-closed: HEADERS", [head(path="/slow?s=1"), head()], "stream", CLOSED),
    ("5.1 half-closed: CONTINUATION", [head(path="/slow?s=1"), frame(CONTINUATION, END_HEADERS, 1, block(BASE))], "conn",
     PROTO, CLOSED),
    ("5.1 half-closed: WINDOW_UPDATE", [head(), window(1, 100)], "ok"),
    ("5.1 half-closed: PRIORITY", [head(), priority(1)], "ok"),
    ("5.1 half-closed: RST_STREAM", [head(path="/slow?s=1"), reset(1)], "ping"),
    ("5.1 reset: DATA", [req(), reset(1), data(1, b"x")], "stream", CLOSED),
    ("5.1 reset: HEADERS", [req(), reset(1), head(1)], "stream", CLOSED),
    ("5.1 reset: CONTINUATION", [req(), reset(1), frame(CONTINUATION, END_HEADERS, 1, block(BASE))], "conn", PROTO, CLOSED),
    ("5.1 reset: PRIORITY", [req(), reset(1), priority(1)], "ping"),
    ("5.1.1 even stream", [head(2)], "conn", PROTO),
    ("5.1.1 smaller stream", [head(5), head(3)], "conn", PROTO),
    ("5.1.2 too many streams", [head(i, path="/slow?s=1") for i in range(1, 300, 2)], "stream299", REFUSED, PROTO),
    ("5.3.1 HEADERS on itself", [head(flags=END_HEADERS | PRIORITISED, payload=b"\0\0\0\1\x0f" + block(BASE))], "stream", PROTO),
    ("5.3.1 PRIORITY on itself", [priority(1, on=1)], "stream", PROTO),
    ("5.4.1 bad PING", [ping(b"0123456")], "conn", SIZE),
    ("5.5 extension frame", [frame(0x16, 0, 0, b"x" * 8), head()], "ok"),
    ("5.5 extension frame inside a block", [head(flags=0), frame(0x16, 0, 0, b"x" * 8)], "conn", PROTO),
    ("6.1 DATA on stream 0", [data(0, b"x")], "conn", PROTO),
    ("6.1 pad length", [req(), frame(DATA, PADDED | END_STREAM, 1, b"\x06test\0")], "conn", PROTO),
    ("6.1 padded DATA", [req(), frame(DATA, PADDED | END_STREAM, 1, b"\x03test\0\0\0")], "ok"),
    ("6.2 HEADERS on stream 0", [head(0)], "conn", PROTO),
    ("6.2 pad length", [head(flags=END_HEADERS | PADDED, payload=b"\xff" + block(BASE))], "conn", PROTO),
    ("6.2 padded HEADERS", [head(flags=END_HEADERS | PADDED, payload=b"\2" + block(BASE) + b"\0\0")], "ok"),
    ("6.2 HEADERS with priority", [head(flags=END_HEADERS | PRIORITISED, payload=b"\0\0\0\0\xff" + block(BASE))], "ok"),
    ("6.3 PRIORITY on stream 0", [priority(0)], "conn", PROTO),
    ("6.3 PRIORITY length", [frame(PRIORITY, 0, 1, b"\x80\0\0\1")], "stream", SIZE),
    ("6.4 RST_STREAM on stream 0", [reset(0)], "conn", PROTO),
    ("6.4 RST_STREAM length", [req(), frame(RST_STREAM, 0, 1, b"\0\0\0")], "conn", SIZE),
    ("6.5 SETTINGS ACK with payload", [frame(SETTINGS, ACK, 0, b"\0")], "conn", SIZE),
    ("6.5 SETTINGS on a stream", [settings((3, 100), stream=1)], "conn", PROTO),
    ("6.5 SETTINGS length", [frame(SETTINGS, 0, 0, b"\0\3\0")], "conn", SIZE),
    ("6.5.2 ENABLE_PUSH 2", [settings((2, 2))], "conn", PROTO),
    ("6.5.2 INITIAL_WINDOW_SIZE", [settings((4, 1 << 31))], "conn", FLOW),
    ("6.5.2 MAX_FRAME_SIZE small", [settings((5, 16383))], "conn", PROTO),
    ("6.5.2 MAX_FRAME_SIZE large", [settings((5, 1 << 24))], "conn", PROTO),
    ("6.5.2 unknown setting", [settings((0xFF, 1))], "ping"),
    ("6.7 PING ACK", [ping(flags=ACK)], "ping"),
    ("6.7 PING on a stream", [ping(stream=1)], "conn", PROTO),
    ("6.7 PING length", [ping(b"0123456789")], "conn", SIZE),
    ("6.8 GOAWAY on a stream", [frame(GOAWAY, 0, 1, b"\0" * 8)], "conn", PROTO),
    ("6.9 WINDOW_UPDATE 0", [window(0, 0)], "conn", PROTO),
    ("6.9 WINDOW_UPDATE 0 of a stream", [req(), window(1, 0)], "stream", PROTO),
    ("6.9 WINDOW_UPDATE length", [frame(WINDOW_UPDATE, 0, 0, b"\0\0\1")], "conn", SIZE),
    ("6.9.1 connection window over 2^31-1", [window(0, 0x7FFFFFFF), window(0, 0x7FFFFFFF)], "conn", FLOW),
    ("6.9.1 stream window over 2^31-1", [req(), window(1, 0x7FFFFFFF), window(1, 0x7FFFFFFF)], "stream", FLOW),
    ("6.10 CONTINUATIONs", [head(flags=0, payload=block(BASE[:2])), frame(CONTINUATION, 0, 1, block(BASE[2:])),
                            frame(CONTINUATION, END_HEADERS, 1, block([("x-a", "b")]))], "ok"),
    ("6.10 other frame after CONTINUATION", [head(flags=0), frame(CONTINUATION, 0, 1, b""), data(1, b"x")], "conn", PROTO),
    ("6.10 CONTINUATION on stream 0", [head(flags=0), frame(CONTINUATION, END_HEADERS, 0, b"")], "conn", PROTO),
    ("6.10 CONTINUATION after END_HEADERS", [req(), frame(CONTINUATION, END_HEADERS, 1, b"")], "conn", PROTO),
    ("6.10 CONTINUATION after DATA", [req(), data(1, b"x", end=False), frame(CONTINUATION, END_HEADERS, 1, b"")], "conn",
     PROTO),
    ("7 unknown code in GOAWAY", [frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\xff")], "conn", "NO_ERROR"),
    ("7 unknown code in RST_STREAM", [req(), reset(1, 255)], "ping"),
    ("8.1 HEADERS in the middle", [req(), head(end=False, lines=[("x-test", "ok")])], "status", 400),
    ("8.1 trailers", [req(), data(1, b"abc", end=False), head(lines=[("x-test", "ok")])], "ok"),
    ("8.1 header section after the end", [req(), data(1, b"abc"), head(lines=[("x-test", "ok")])], "stream", CLOSED),
    ("8.2.1 upper case", [head(lines=BASE + [("X-Test", "ok")])], "status", 400),
    ("8.2.1 space in a name", [head(lines=BASE + [("x test", "ok")])], "status", 400),
    ("8.2.1 colon in a name", [head(lines=BASE + [("x:test", "ok")])], "status", 400),
    ("8.2.1 empty name", [head(lines=BASE + [("", "ok")])], "status", 400),
    ("8.2.1 name beyond ASCII", [head(lines=BASE + [("x-t\xe9st", "ok")])], "status", 400),
    ("8.2.1 NUL in a value", [head(lines=BASE + [("x-test", "o\0k")])], "status", 400),
    ("8.2.1 LF in a value", [head(lines=BASE + [("x-test", "o\nk: v")])], "status", 400),
    ("8.2.1 CR in a value", [head(lines=BASE + [("x-test", "o\rk")])], "status", 400),
    ("8.2.1 space before a value", [head(lines=BASE + [("x-test", " ok")])], "status", 400),
    ("8.2.1 tab after a value", [head(lines=BASE + [("x-test", "ok\t")])], "status", 400),
    ("8.2.2 connection", [head(lines=BASE + [("connection", "keep-alive")])], "status", 400),
    ("8.2.2 keep-alive", [head(lines=BASE + [("keep-alive", "5")])], "status", 400),
    ("8.2.2 proxy-connection", [head(lines=BASE + [("proxy-connection", "close")])], "status", 400),
    ("8.2.2 transfer-encoding", [req(lines=BASE + [("transfer-encoding", "chunked")]), data(1, b"0\r\n\r\n")], "status", 400),
    ("8.2.2 upgrade", [head(lines=BASE + [("upgrade", "websocket")])], "status", 400),
    ("8.2.2 te", [head(lines=BASE + [("te", "trailers, deflate")])], "status", 400),
    ("8.2.2 te trailers", [head(lines=BASE + [("te", "trailers")])], "ok"),
    ("8.3 unknown pseudo-header", [head(lines=BASE + [(":test", "ok")])], "status", 400),
    ("8.3 response pseudo-header", [head(lines=BASE + [(":status", "200")])], "status", 400),
    ("8.3 pseudo-header in trailers", [req(), data(1, b"x", end=False), head(lines=[(":method", "GET")])], "status", 400),
    ("8.3 pseudo-header after others", [head(lines=[BASE[0], ("x-test", "ok")] + BASE[1:])], "status", 400),
    ("8.3.1 empty :path", [head(lines=put(":path", ""))], "status", 400),
    ("8.3.1 empty :authority", [head(lines=put(":authority", ""))], "status", 400),
    ("8.3.1 no :method", [head(lines=without(":method"))], "status", 400),
    ("8.3.1 no :scheme", [head(lines=without(":scheme"))], "status", 400),
    ("8.3.1 no :path", [head(lines=without(":path"))], "status", 400),
    ("8.3.1 :method twice", [head(lines=[BASE[0]] + BASE)], "status", 400),
    ("8.3.1 :scheme twice", [head(lines=[BASE[1]] + BASE)], "status", 400),
    ("8.3.1 :authority twice", [head(lines=[BASE[2]] + BASE)], "status", 400),
    ("8.3.1 :path twice", [head(lines=[BASE[3]] + BASE)], "status", 400),
    ("8.3.1 :protocol without its setting", [head(lines=BASE + [(":protocol", "websocket")])], "status", 400),
    ("8.1.1 content-length, one DATA", [req(more=[("content-length", "1")]), data(1, b"test")], "status", 400),
    ("8.1.1 content-length, many DATA", [req(more=[("content-length", "5")]), data(1, b"te", end=False), data(1, b"stxx")],
     "status", 400),
    ("8.1.1 content-length, too little", [req(more=[("content-length", "5")]), data(1, b"test")], "status", 400),
    ("8.1.1 content-length, nothing", [head(method="POST", more=[("content-length", "5")])], "status", 400),
    ("8.1.1 content-length, trailers too early", [req(more=[("content-length", "5")]), data(1, b"tes", end=False),
                                                  head(lines=[("x-a", "b")])], "status", 400),
    ("8.1.1 content-length twice", [req(more=[("content-length", "4")] * 2), data(1, b"test")], "status", 400),
    ("8.1.1 content-length with a sign", [req(more=[("content-length", "+4")]), data(1, b"test")], "status", 400),
    ("8.1.1 content-length right", [req(more=[("content-length", "4")]), data(1, b"te", end=False), data(1, b"st")], "ok"),
    ("8.4 PUSH_PROMISE", [frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + block(BASE))], "conn", PROTO),
    ("7541 2.3.3 indexed, no such entry", [head(payload=b"\xfe\x00" + block(BASE))], "conn", COMPRESSION),
    ("7541 2.3.3 literal, no such entry", [head(payload=b"\x7f\x10\x01x" + block(BASE))], "conn", COMPRESSION),
    ("7541 4.2 size update at the end", [head(payload=block(BASE) + b"\x20")], "conn", COMPRESSION),
    ("7541 4.2 size updates at the beginning", [head(payload=b"\x20\x3f\xe1\x1f" + block(BASE))], "ok"),
    ("7541 5.2 padding over 7 bits", [head(payload=block(BASE) + b"\0\x85x-tes\x84\x1c\x64\x85\xff")], "conn", COMPRESSION),
    ("7541 5.2 padding of zeros", [head(payload=block(BASE) + b"\0" + text("x-test") + b"\x81\x18")], "conn", COMPRESSION),
    ("7541 5.2 EOS", [head(payload=block(BASE) + b"\0" + text("x-test") + b"\x84\xff\xff\xff\xff")], "conn", COMPRESSION),
    ("7541 6.1 index 0", [head(payload=b"\x80" + block(BASE))], "conn", COMPRESSION),
    ("7541 6.3 size over the setting", [head(payload=b"\x3f\xe2\x1f" + block(BASE))], "conn", COMPRESSION),
    # h2spec's generic part: what a server has to understand
    ("2 WINDOW_UPDATE, PRIORITY and RST_STREAM after the end", [head(), window(1, 1), priority(1), reset(1)], "ping"),
    ("3.1 DATA in parts", [req(), data(1, b"te", end=False), data(1, b"", end=False), data(1, b"st")], "ok"),
    ("3.1 padding alone", [req(), frame(DATA, PADDED | END_STREAM, 1, b"\x04\0\0\0\0")], "ok"),
    ("3.2 HEADERS padded, with priority", [head(flags=END_HEADERS | PADDED | PRIORITISED,
                                               payload=b"\3\0\0\0\0\xff" + block(BASE) + b"\0\0\0")], "ok"),
    ("3.3 PRIORITY, then a lower stream", [priority(5), head(1)], "ok"),
    ("3.3 exclusive PRIORITY on an idle stream", [priority(3, on=7, weight=255, exclusive=True), head(1)], "ok"),
    ("3.5 unknown settings among known", [settings((0xF0, 1), (3, 100), (6, 100), (1, 0)), head(1)], "ok"),
    ("3.5 empty SETTINGS", [settings(), settings(), head(1)], "ok"),
    ("3.8 GOAWAY from the client", [head(path="/slow?s=0.3"), frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0")], "ok"),
    ("3.10 a byte a frame", [head(flags=0, payload=block(BASE)[:1])] +
     [frame(CONTINUATION, 0, 1, block(BASE)[i:i + 10]) for i in range(1, len(block(BASE)), 10)] +
     [frame(CONTINUATION, END_HEADERS, 1)], "ok"),
    ("3.10 empty HEADERS, then CONTINUATION", [head(flags=0, payload=b""), frame(CONTINUATION, END_HEADERS, 1, block(BASE))],
     "ok"),
    ("5 indexed", [head(payload=b"\x82\x86\x84" + block(BASE[2:3]))], "ok"),
    ("5 with indexing, indexed name", [head(payload=b"\x82\x86\x84\x41" + text("a.example"))], "ok"),
    ("5 with indexing, new name", [head(payload=block(BASE) + b"\x40" + text("x-a") + text("b") + b"\xbe")], "ok"),
    ("5 without indexing, indexed name", [head(payload=b"\x82\x86\x84\x01" + text("a.example"))], "ok"),
    ("5 never indexed, indexed name", [head(payload=b"\x82\x86\x84\x11" + text("a.example"))], "ok"),
    ("5 never indexed, new name", [head(payload=block(BASE) + b"\x10" + text("x-a") + text("b"))], "ok"),
    ("5 size update to 0", [head(payload=b"\x20" + block(BASE))], "ok"),
    ("5 evicted entry", [head(payload=b"\x3f\x01" + block(BASE) + b"\x40" + text("x-a") + text("b" * 20) +  # a table of 32
                              b"\xbe")], "conn", COMPRESSION),
    ("5 Huffman", [head(payload=b"\x82\x86\x84" + block(BASE[2:3]) + b"\0\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f"
                                b"\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf")], "ok"),
    # RFC 9113 where h2spec does not ask
    ("5.1.1 stream 0 HEADERS with END_HEADERS off", [frame(HEADERS, 0, 0, block(BASE))], "conn", PROTO),
    ("6.1 DATA of padding longer than the frame", [req(), frame(DATA, PADDED, 1, b"\xff")], "conn", PROTO),
    ("6.1 empty padded DATA", [req(), frame(DATA, PADDED, 1, b"")], "conn", PROTO, SIZE),
    ("6.2 HEADERS too short for its priority", [frame(HEADERS, END_HEADERS | PRIORITISED, 1, b"\0\0")], "conn", PROTO, SIZE),
    ("6.5 SETTINGS that are too many", [settings(*[(0xF0 + i, 1) for i in range(40)])], "conn", CALM, PROTO),
    ("6.5.2 ENABLE_CONNECT_PROTOCOL of a client", [settings((8, 1)), head(1)], "ok"),
    ("6.8 GOAWAY too short", [frame(GOAWAY, 0, 0, b"\0\0\0\0")], "conn", SIZE),
    ("6.9 WINDOW_UPDATE with the reserved bit", [frame(WINDOW_UPDATE, 0, 0, b"\x80\0\0\1"), head(1)], "ok"),
    ("8.1 HEADERS with END_STREAM, then CONTINUATION", [head(flags=0, payload=block(BASE[:3])),
                                                        frame(CONTINUATION, END_HEADERS, 1, block(BASE[3:]))], "ok"),
    ("8.3.1 :scheme in capitals", [head(lines=put(":scheme", "HTTP"))], "ok"),
    ("8.3.1 :path without slash", [head(lines=put(":path", "x"))], "refused", 400),
    ("8.3.1 :path with a fragment", [head(lines=put(":path", "/#x"))], "refused", 400),
    ("8.3.1 OPTIONS without path", [head(lines=[(":method", "OPTIONS")] + BASE[1:3] + [(":path", "*")])], "ok"),
    ("8.3.1 :authority with userinfo", [head(lines=put(":authority", "u@a.example"))], "refused", 400),
    ("8.3.1 :authority twice, once as host", [head(lines=BASE + [("host", "b.example")])], "refused", 400),
    ("8.3.1 empty :scheme", [head(lines=put(":scheme", ""))], "status", 400),
    ("8.3.1 empty :method", [head(lines=put(":method", ""))], "status", 400),
    ("8.3.1 a pseudo-header in capitals", [head(lines=BASE + [(":Method", "GET")])], "status", 400),
    ("8.3.1 a lone colon", [head(lines=BASE + [(":", "x")])], "status", 400),
    ("8.5 CONNECT with :path and :scheme", [head(method="CONNECT", end=False)], "refused", 405),
    ("8.5 CONNECT", [head(end=False, lines=[(":method", "CONNECT"), (":authority", "a.example:443")])], "refused", 405),
    ("8.2.3 crumbs", [head(lines=BASE + [("cookie", "a=1"), ("cookie", "b=2")])], "ok"),
    ("8.1.1 content-length 0 and END_STREAM later", [req(more=[("content-length", "0")]), data(1, b"")], "ok"),
    ("8.1.1 content-length 0 and content", [req(more=[("content-length", "0")]), data(1, b"x")], "status", 400),
    ("8.1.1 a list", [req(more=[("content-length", "4, 4")]), data(1, b"test")], "status", 400),
    ("8.1.1 padding is no content", [req(more=[("content-length", "4")]),
                                     frame(DATA, PADDED | END_STREAM, 1, b"\x06test" + b"\0" * 6)], "ok"),
    ("7541 5.1 endless integer", [head(payload=b"\xff" + b"\x80" * 20)], "conn", COMPRESSION),
]


@pytest.mark.parametrize("case", CASES, ids=[c[0].replace(" ", "_") for c in CASES])
def test_section(usher, case):
    name, sent, expect, codes = case[0], case[1], case[2], case[3:]
    h = H2(usher.port)
    h.send(*sent)
    if expect == "ok":
        assert h.wait().status == 200
    elif expect == "ping":
        assert h.alive() and not h.goaway
    elif expect == "conn":
        assert h.end() in codes + (None,), h.goaway
    elif expect == "refused":
        a = h.wait()
        assert h.alive() and (a.status, a.reset) in [(codes[0], None), (codes[0], "NO_ERROR")]
    elif expect.startswith("stream"):
        a = h.wait(int(expect[6:] or 1)) if not h.closed else h.answer(1)
        if a.reset is None:
            assert h.end() in codes, (a.status, h.goaway)
        else:
            assert a.reset in codes
    else:
        a = h.wait()
        assert (a.status, a.reset) == (codes[0], "PROTOCOL_ERROR")
        assert h.alive()  # one bad stream is not the others' fault
    h.close()


@pytest.mark.parametrize("frames", [data(1, b"x"), head(1), frame(CONTINUATION, END_HEADERS, 1, block(BASE))],
                         ids=["DATA", "HEADERS", "CONTINUATION"])
def test_after_both_ended(usher, frames):
    h = H2(usher.port)
    h.send(head())
    assert h.wait().status == 200
    h.send(frames)
    assert h.end() in (CLOSED, PROTO)


def test_what_was_under_way_is_forgiven(usher):
    """usher reset the stream; the client could not know yet."""
    h = H2(usher.port)
    h.send(req(path="/status?code=200", more=[("expect", "200-ok")]))
    h.wait()
    h.send(data(1, b"x" * 100, end=False), head(lines=[("x-a", "b")]))
    assert h.alive() and not h.goaway


def test_uploads_in_flight_are_forgiven(usher):
    """Answered early: what the client had sent by then is thrown away, in any number and however late it comes."""
    h = H2(usher.port)
    h.send(*[head(i, end=False, method="POST", path="/status?code=200", more=[("expect", "200-ok")]) for i in range(1, 81, 2)])
    for i in range(1, 81, 2):
        assert h.wait(i).status == 417
    for size in (0, 1, 16000):
        h.send(*[data(i, b"x" * size, end=False) for i in range(1, 81, 2)])
    assert h.alive() and not h.goaway
    h.send(head(81))
    assert h.wait(81).status == 200
    h.send(data(81, b"x"))  # this one the client had ended itself
    assert h.end() == CLOSED


@pytest.mark.parametrize("size", [1, 2, 8, 9, 10, 23, 24, 25, 1000])
def test_frames_in_pieces(usher, size):
    """Wherever reads end, frames are found: also the one that must not come."""
    h = H2(usher.port, start=False)
    sent = b"".join([PREFACE, settings(), head(1, end=False, method="POST"), data(1, b"", end=False), data(1, b"abc" * 100),
                     ping(), frame(22, 0, 0, b"z" * 40), head(3)])
    for i in range(0, len(sent), size):
        h.send(sent[i:i + size])
    assert h.wait(1).status == 200 and h.wait(3).status == 200 and h.alive()
    late = data(1, b"x" * 30) + ping()
    for i in range(0, len(late), size):
        h.send(late[i:i + size])
    assert h.end() == CLOSED


def test_bad_preface(usher):
    h = H2(usher.port, start=False)
    h.send(b"INVALID CONNECTION PREFACE\r\n\r\n")
    assert h.end() in ("PROTOCOL_ERROR", None)


def test_first_frame_must_be_settings(usher):
    h = H2(usher.port, start=False)
    h.send(PREFACE, ping())
    assert h.end() == "PROTOCOL_ERROR"


def test_settings_acknowledged(usher):
    h = H2(usher.port)
    acks = []
    while not acks:
        f = h.frame()
        if f.kind == SETTINGS and f.flags & ACK:
            acks.append(f)
    h.close()


def test_ping_is_given_back(usher):
    h = H2(usher.port)
    h.send(ping(b"\0\1\2\xff567\x80"))
    while True:
        f = h.frame()
        if f.kind == PING:
            assert (f.flags, f.stream, f.payload) == (ACK, 0, b"\0\1\2\xff567\x80")
            break
    h.close()


def test_several_values_of_one_setting(usher):
    """6.5.3: in order, and the last one counts."""
    h = H2(usher.port, ours=[(4, 100), (4, 1)], windows=False)
    h.send(head(path="/status?code=200"))
    h.until(lambda h: DATA in h.seen)
    assert len(h.answer(1).body) == 1
    h.close()


def test_table_of_no_size(usher):
    """SETTINGS_HEADER_TABLE_SIZE 0: answers use no entry of a table that is not there."""
    h = H2(usher.port, ours=[(1, 0)])
    h.decoder.header_table_size = 0
    h.decoder.max_allowed_table_size = 0
    for i in (1, 3, 5):
        h.send(head(i))
        assert h.wait(i).status == 200
    h.close()


def test_padding_gives_its_window_back(usher):
    h = H2(usher.port)
    h.until(lambda h: h.settings)
    left = {0: 65535, 1: h.settings[4]}
    h.send(req())
    for _ in range(5000):  # more than the window of the connection
        while min(left.values()) < 258:
            f = h.frame()
            if f.kind == WINDOW_UPDATE:
                left[f.stream] += int.from_bytes(f.payload, "big")
        h.send(frame(DATA, PADDED, 1, b"\xfa" + b"x" * 7 + b"\0" * 250))
        left = {k: v - 258 for k, v in left.items()}
    h.send(data(1, b""))
    assert h.wait().status == 200
    h.close()


def test_answers_are_no_larger_than_asked(usher):
    """SETTINGS_MAX_FRAME_SIZE's default is also the most that is sent to who allows more."""
    for ours in ([], [(5, 1 << 20)]):
        h = H2(usher.port, ours=ours)
        h.send(head(path="/big?n=300000"))
        sizes = []
        while not h.answer(1).ended:
            f = h.frame()
            sizes.append(len(f.payload))
        assert max(sizes) <= 16384 and len(h.answer(1).body) == 300000
        h.close()


@pytest.mark.parametrize("protocols", ["http/1.1", None])
def test_prior_knowledge_where_there_is_no_http2(make_usher, origin, protocols):
    u = make_usher(PLAIN.replace("; protocols h2", "; protocols " + protocols if protocols else ""), origin=origin.url)
    h = H2(u.port, start=False)
    h.send(PREFACE, settings(), head())
    got = b""
    while True:
        more = h.sock.recv(4096)
        if not more:
            break
        got += more
    assert got.split(b"\r\n")[0] in (b"HTTP/1.1 505 HTTP Version Not Supported", b"HTTP/1.1 400 Bad Request")
    assert got.count(b"HTTP/1.1") == 1
    h.close()


@pytest.mark.parametrize("lines", ["Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
                                   "Upgrade: h2c\r\nConnection: Upgrade\r\n"])
def test_upgrade_to_h2c_is_passed_over(make_usher, make_raw, origin, lines):
    """RFC 9113 has none any more (3.1): the answer is one of HTTP/1.1, and the origin hears nothing of it."""
    raw = make_raw(make_usher(PLAIN.replace("protocols h2", "protocols h2, http/1.1"), origin=origin.url))
    raw.send("GET /x HTTP/1.1\r\nHost: a.example\r\n%s\r\n" % lines)
    status, _, body = raw.response()
    assert status == 200 and b"h2c" not in body.lower() and b"http2-settings" not in body.lower()
    raw.send("GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert raw.response()[0] == 200


def test_window_of_one_byte(usher):
    h = H2(usher.port, ours=[(4, 1)], windows=False)
    h.send(head(path="/status?code=200"))
    h.until(lambda h: DATA in h.seen)
    assert len(h.answer(1).body) == 1
    h.send(settings((4, 3)))
    h.until(lambda h: len(h.answer(1).body) > 1)
    assert len(h.answer(1).body) == 3
    h.send(window(1, 100))
    assert h.wait().body == b"as asked\n"
    h.close()


def test_negative_window(usher):
    h = H2(usher.port, ours=[(4, 3)], windows=False)
    h.send(head(path="/status?code=200"))
    h.until(lambda h: len(h.answer(1).body) == 3)
    h.send(settings((4, 2)), window(1, 1))
    assert h.alive()
    assert len(h.answer(1).body) == 3  # 2 + 1 allowed, 3 sent
    h.send(window(1, 1))
    h.until(lambda h: len(h.answer(1).body) > 3)
    assert len(h.answer(1).body) == 4
    h.close()


def test_client_overruns_its_window(usher):
    h = H2(usher.port, windows=False)
    h.until(lambda h: h.settings is not None)
    h.send(head(end=False, method="POST", path="/hang"))
    chunk = b"a" * 16384
    for _ in range((64 << 20) // len(chunk)):  # more than the sockets on the way take: as long as they do, the window is given back
        if not h.send(data(1, chunk, end=False)):
            break
    h.sock.settimeout(5)
    try:
        a = h.wait()
        assert a.reset == "FLOW_CONTROL_ERROR" or h.closed
    except socket.timeout:
        pytest.fail("%d frames beyond the window were taken" % len(h.seen))
    h.close()
