# SPDX-License-Identifier: Apache-2.0
"""WebSocket over HTTP/2 (RFC 8441): judged, opened, carried, ended and refused as the HTTP/1.1 form is."""
import base64
import os
import shutil
import signal
import subprocess
import time

import pytest
from wsproto.events import CloseConnection, Ping, Pong

import h2raw
from conftest import PATIENCE, needs, until
from memory import Allocations
from websocket import Client, Origin

PLAIN = """
listener plain { address 127.0.0.1:{port}; tls no; protocols h2, http/1.1 }
zone z { hosts api.example.com; origin {origin} }
"""

GATE = """
listener public { address 127.0.0.1:{port}; protocols h2, http/1.1 }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem" ; key "{pki}/server-ecdsa.key"
    client_auth  {auth}
    client_ca    "{pki}/ca-bundle.pem"
    client_crl   "{crl}/*.pem"
    on_revoked   {on_revoked}
    origin       {origin}
    transforms   tls_client_auth_headers
}
zone other {
    hosts        staff.example
    certificate  "{pki}/server-ecdsa-chain.pem" ; key "{pki}/server-ecdsa.key"
    origin       {origin}
}
"""


@pytest.fixture
def origin():
    o = Origin()
    yield o
    o.stop()


@pytest.fixture
def make_client(pki):
    made = []

    def make(usher, tls=False, **how):
        made.append(Client(usher.port, pki if tls else None, **how))
        return made[-1]

    yield make
    for c in made:
        c.close()


@pytest.fixture
def make_h2():
    made = []

    def make(usher):
        made.append(h2raw.H2(usher.port))
        return made[-1]

    yield make
    for h in made:
        h.close()


@pytest.fixture
def plain(make_usher, origin):
    return lambda more="", **words: make_usher(PLAIN + more, origin=origin.url, **words)


@pytest.fixture
def gate(make_usher, pki, origin, tmp_path):
    def make(more="", auth="optional", on_revoked="close"):
        crl = tmp_path / "crl"
        crl.mkdir()
        for name in ("crl-a", "crl-b", "crl-root"):
            shutil.copy(pki / (name + ".pem"), crl)
        u = make_usher(GATE + more, origin=origin.url, auth=auth, on_revoked=on_revoked, crl=crl)
        u.revoke = lambda: (shutil.copy(pki / "crl-a-more.pem", crl / "crl-a.pem"), u.reload())
        return u

    return make


def requests(usher, count):
    return [a for a in usher.accesses(count) if a["kind"] == "request"]


def lines(head):
    return [tuple(x.split(": ", 1)) for x in head.split("\r\n")[1:] if x]


# ---- what it is for --------------------------------------------------------------------------------------------------

def test_messages_both_ways(gate, make_client, origin):
    u = gate()
    c = make_client(u, tls=True, cert="good")
    n = c.open("/echo?x=1", more=[("sec-websocket-protocol", "chat")])
    s = c.streams[n]
    assert s.status == 200 and s.header("sec-websocket-protocol") == ["chat"] and s.header("x-origin") == ["here"]
    assert not any(name in dict(s.headers) for name in ("upgrade", "connection", "sec-websocket-accept", "content-length"))
    assert c.h2.remote_settings[8] == 1
    assert c.say(n, "hello") == "hello"
    assert c.say(n, "long " * 100000) == "long " * 100000  # beyond every window
    c.send(n, Ping(b"x"))
    c.until(lambda: isinstance(s.messages[-1], Pong))
    c.send(n, CloseConnection(1000))
    assert c.rest(n).ended and isinstance(s.messages[-1], CloseConnection)
    head = origin.heads[0]
    assert head.startswith("GET /echo?x=1 HTTP/1.1\r\n")
    got = {name.lower(): value for name, value in lines(head)}
    assert got["upgrade"] == "websocket" and got["connection"] == "upgrade" and got["host"] == "api.example.com"
    assert got["sec-websocket-version"] == "13" and len(base64.b64decode(got["sec-websocket-key"])) == 16
    assert got["cf-cert-verified"] == "true" and "content-length" not in got and "transfer-encoding" not in got
    line = requests(u, 1)[0]
    assert (line["status"], line["method"], line["protocol"], line["upgrade"]) == (101, "GET", "HTTP/2", "websocket")
    assert line["bytes_in"] > 500000 and line["bytes_out"] > 500000 and "reason" not in line


def test_many_on_one_connection_beside_requests(plain, make_client, origin):
    c = make_client(plain())
    numbers = [c.open() for _ in range(20)]
    for i, n in enumerate(numbers):
        assert c.say(n, "message %d" % i) == "message %d" % i
    keys = {v for head in origin.heads for name, v in lines(head) if name.lower() == "sec-websocket-key"}
    assert len(keys) == 20
    assert c.streams[c.open("/refuse")].status == 403
    assert c.say(numbers[0], "still here") == "still here"


NODE = """
const c = require('http2').connect('http://127.0.0.1:' + process.argv[1]);
c.on('error', (e) => { console.log('error ' + e); process.exit(1); });
c.on('remoteSettings', (s) => {
    console.log('enabled ' + s.enableConnectProtocol);
    const r = c.request({':method': 'CONNECT', ':protocol': 'websocket', ':path': '/echo', ':authority': 'api.example.com',
                         ':scheme': 'http', 'sec-websocket-version': '13'});
    r.on('response', (h) => {
        console.log('status ' + h[':status']);
        r.write(Buffer.from([0x81, 0x85, 1, 2, 3, 4, 0x68 ^ 1, 0x65 ^ 2, 0x6c ^ 3, 0x6c ^ 4, 0x6f ^ 1]));
    });
    r.on('data', (d) => { console.log('data ' + d.toString('hex')); r.end(); });
    r.on('end', () => { console.log('end'); c.close(); });
});
"""


@needs("node")
def test_node(plain):
    done = subprocess.run(["node", "-e", NODE, str(plain().port)], capture_output=True, text=True, timeout=20 * PATIENCE)
    assert done.stdout.split("\n") == ["enabled true", "status 200", "data 810568656c6c6f", "end", ""], done.stderr


def test_bytes_sent_ahead(plain, make_client):
    """A client need not wait for the answer."""
    c = make_client(plain())
    n = c.open("/slow", wait=False)
    c.put(n, bytes([0x81, 0x85, 0, 0, 0, 0]) + b"early")
    s = c.streams[n]
    c.until(lambda: s.messages)
    assert s.messages == ["early"]


# ---- rules -----------------------------------------------------------------------------------------------------------

RULES = [  # what an operator may have written against WebSockets, for whichever version
    'any(http.request.headers["upgrade"][*] eq "websocket")',
    'len(http.request.headers["sec-websocket-key"][0]) == 24',
    'http.request.method eq "GET"',
    'any(http.request.headers["sec-websocket-version"][*] eq "13")',
    'http.request.uri.path eq "/echo"',
]


@pytest.mark.parametrize("rule", RULES, ids=range(len(RULES)))
def test_rules_judge_both_forms(plain, make_client, make_raw, origin, rule):
    u = plain("rule sockets { when %s then block 403 }\n" % rule)
    c = make_client(u)
    assert c.streams[c.open()].status == 403
    raw = make_raw(u)
    raw.send("GET /echo HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    assert raw.response()[0] == 403
    assert origin.heads == []
    assert [a["rule"] for a in requests(u, 2)] == ["sockets", "sockets"]


def test_no_rule_sees_connect(plain, make_client):
    u = plain('rule c { when http.request.method eq "CONNECT" then block 403 }\n'
              'rule v { when http.request.version ne "HTTP/2" then block 403 }\n')
    c = make_client(u)
    assert c.say(c.open(), "x") == "x"


def test_success_by_rule_opens_nothing(plain, make_client):
    """2xx would tell the client that the WebSocket is open."""
    u = plain('rule shut { when true then respond 200 text "closed for today" }\n')
    c = make_client(u)
    n = c.open()
    s = c.rest(n)
    assert s.status == 403 and s.data == b"closed for today" and s.ws is None
    assert requests(u, 1)[0]["status"] == 403


def test_rules_of_the_answer(plain, make_client):
    c = make_client(plain('rule r { when http.response.code eq 101 then set response header "x-seen" = "yes" }\n'))
    assert c.streams[c.open()].header("x-seen") == ["yes"]


def test_client_says_a_key(plain, make_client, origin):
    """It is not what RFC 8441 lets it say, and whatever it says is not believed."""
    c = make_client(plain())
    for said in ("sec-websocket-key", "sec_websocket_key"):
        n = c.open(more=[(said, "AAAAAAAAAAAAAAAAAAAAAA==")])
        assert c.say(n, "x") == "x"
        keys = [v for name, v in lines(origin.heads[-1]) if name.lower().replace("_", "-") == "sec-websocket-key"]
        assert len(keys) == 1 and keys[0] != "AAAAAAAAAAAAAAAAAAAAAA=="


# ---- refused ---------------------------------------------------------------------------------------------------------

def handshake(lines=(), drop=(), method="CONNECT", protocol="websocket", more=()):
    out = [(":method", method), (":protocol", protocol), (":scheme", "http"), (":path", "/echo"),
           (":authority", "api.example.com")]
    return [(n, v) for n, v in out if n not in drop] + list(more) + [("sec-websocket-version", "13")]


REFUSED = {
    "other protocol": (handshake(protocol="connect-udp"), 501, "unknown_protocol", False),
    "webtransport": (handshake(protocol="webtransport"), 501, "unknown_protocol", False),
    "h2c": (handshake(protocol="h2c"), 501, "unknown_protocol", False),
    "plain CONNECT": ([(":method", "CONNECT"), (":authority", "api.example.com:443")], 405, "method_refused", False),
    "GET with a protocol": (handshake(method="GET"), 400, "bad_pseudo_header", True),
    "no path": (handshake(drop=[":path"]), 400, "bad_pseudo_header", True),
    "no scheme": (handshake(drop=[":scheme"]), 400, "bad_pseudo_header", True),
    "length": (handshake(more=[("content-length", "3")]), 400, "content_length_differs", True),
    "upgrade": (handshake(more=[("upgrade", "websocket")]), 400, "connection_header_h2", True),
    "other zone's name": (handshake(drop=[":authority"], more=[(":authority", "nobody.example")]), 421, "zone_unknown", False),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(plain, make_h2, origin, name):
    fields, status, reason, malformed = REFUSED[name]
    u = plain()
    h = make_h2(u)
    h.send(h2raw.head(1, lines=fields, end=False))
    a = h.wait()
    assert h.alive() and origin.heads == []
    assert (a.status, a.reset) == (status, "PROTOCOL_ERROR" if malformed else "NO_ERROR")
    assert requests(u, 1)[0]["reason"] == reason


def test_another_zones_name(gate, make_client, origin):
    c = make_client(gate(), tls=True, cert="good")
    assert c.streams[c.open(host="staff.example")].status == 421
    assert c.say(c.open(), "x") == "x" and len(origin.heads) == 1


@pytest.mark.parametrize("path", ["/wrong-key", "/no-key", "/two-keys", "/other-protocol", "/no-upgrade-line", "/success",
                                  "/empty"])
def test_origin_that_does_not_agree(plain, make_client, origin, path):
    u = plain()
    c = make_client(u)
    s = c.streams[c.open(path)]
    assert s.status == 502
    assert requests(u, 1)[0]["reason"] == "origin_no_upgrade"
    assert c.say(c.open(), "x") == "x"


@pytest.mark.parametrize("path", ["/other-protocol", "/no-upgrade-line"])
def test_origin_that_switches_to_something_else(plain, make_raw, path):
    u = plain()
    raw = make_raw(u)
    raw.send("GET %s HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n" % path)
    assert raw.response()[0] == 502
    assert requests(u, 1)[0]["reason"] == "origin_no_upgrade"


@pytest.mark.parametrize("path,status,body", [("/refuse", 403, b""), ("/too-old", 426, b"no"), ("/elsewhere", 302, b"")])
def test_origin_that_refuses(plain, make_client, path, status, body):
    u = plain()
    c = make_client(u)
    n = c.open(path, wait=False)
    c.put(n, b"sent ahead, for nothing")
    s = c.rest(n)
    assert (s.status, s.data) == (status, body)
    assert not s.header("upgrade") and not s.header("connection")
    assert requests(u, 1)[0]["status"] == status


def test_only_data_after_it(plain, make_h2):
    h = make_h2(plain())
    h.send(h2raw.head(1, lines=handshake(), end=False))
    h.until(lambda h: h.answer(1).status)
    assert h.answer(1).status == 200
    h.send(h2raw.head(1, lines=[("x-test", "trailer")]))
    assert h.wait().reset == "PROTOCOL_ERROR" and h.alive()


@pytest.mark.parametrize("upgrade", ["h2c", "TLS/1.0", "websocket2", "x, h2c"])
def test_no_other_upgrade_reaches_the_origin(plain, make_raw, origin, upgrade):
    raw = make_raw(plain())
    raw.send("GET /success HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\n"
             "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" % upgrade)
    assert raw.response()[0] == 200
    assert not {"upgrade", "connection", "http2-settings"} & {n.lower() for n, _ in lines(origin.heads[0])}


def test_continue_comes_before_the_switch(plain, make_raw, origin):
    raw = make_raw(plain())
    raw.send("GET /echo HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    assert raw.response()[0] == 100
    raw.until(b"HTTP/1.1 101 ")
    assert "expect" not in {n.lower() for n, _ in lines(origin.heads[0])}


# ---- the end ---------------------------------------------------------------------------------------------------------

def test_client_ends(plain, make_client, origin):
    """END_STREAM is a FIN to the origin; what that still sends arrives."""
    u = plain()
    c = make_client(u)
    n = c.open()
    c.put(n, bytes([0x81, 0x83, 0, 0, 0, 0]) + b"bye", end=True)
    s = c.rest(n)
    assert s.ended and s.messages == ["bye"] and origin.ended == ["eof"]
    assert "reason" not in requests(u, 1)[0]


def test_client_ends_with_the_handshake(plain, make_client, origin):
    c = make_client(plain())
    n = c.open(end=True)
    assert c.rest(n).ended and origin.ended == ["eof"]


def test_client_resets(plain, make_client, origin):
    u = plain()
    c = make_client(u)
    n = c.open()
    c.h2.reset_stream(n, 8)
    c.flush()
    assert requests(u, 1)[0]["reason"] == "stream_reset"
    until(lambda: origin.ended)


def test_connection_lost(plain, make_client, origin):
    u = plain()
    c = make_client(u)
    c.open(), c.open()
    c.close()
    assert [a["reason"] for a in requests(u, 2)] == ["client_closed"] * 2


def test_origin_ends(plain, make_client):
    u = plain()
    c = make_client(u)
    s = c.rest(c.open("/end"))
    assert s.status == 200 and s.ended
    assert c.say(c.open(), "x") == "x"
    assert "reason" not in requests(u, 1)[0]


def test_origin_resets(plain, make_client):
    u = plain()
    c = make_client(u)
    n = c.open("/reset")
    c.put(n, b"x")
    s = c.rest(n)
    assert s.reset == 8 and not s.ended  # CANCEL: RFC 8441, section 5.3
    assert requests(u, 1)[0]["reason"] == "origin_cut_short"


def test_idle_socket(plain, make_client, make_raw):
    u = plain("timeouts { tunnel 1s; idle 300ms; send 300ms; body 300ms; first_byte 5s; between_bytes 300ms }")
    c = make_client(u)
    n = c.open()
    for _ in range(4):
        time.sleep(0.5)
        assert c.say(n, "here") == "here"  # longer than every other limit
    s = c.rest(n)
    assert s.reset == 8
    raw = make_raw(u)
    raw.send("GET /echo HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    raw.all()
    assert [a["reason"] for a in requests(u, 2)] == ["tunnel_timeout", "tunnel_timeout"]


# ---- memory ----------------------------------------------------------------------------------------------------------

def test_client_that_takes_nothing(plain, make_client):
    u = plain()
    c = make_client(u)
    c.say(c.open(), "x")
    before = u.memory()
    c.reading = False
    n = c.open("/flood")
    s = c.streams[n]
    c.sock.settimeout(1)
    with pytest.raises(TimeoutError):
        c.end()
    assert len(s.data) <= 65535
    assert u.memory() - before < 4 << 20
    c.sock.settimeout(15 * PATIENCE)
    c.reading = True
    c.h2.increment_flow_control_window(1 << 30)
    c.h2.increment_flow_control_window(1 << 30, n)
    c.flush()
    c.until(lambda: s.messages and s.messages[-1] == "done")
    assert len(s.data) > 400 * 65536


def test_origin_that_takes_nothing(plain, make_client):
    u = plain("limits { http2_window 64k; http2_connection_window 128k }")
    c = make_client(u)
    c.say(c.open(), "x")
    before = u.memory()
    n = c.open("/deaf")
    sent = 0
    c.sock.settimeout(1)
    try:
        while sent < 256 << 20:
            c.put(n, b"x" * 65536)
            sent += 65536
    except TimeoutError:
        pass
    assert sent < 64 << 20  # what the kernels hold, and the windows
    assert u.memory() - before < 4 << 20
    other = c.open()  # the others have their share of the connection's window
    assert c.streams[other].status == 200


@pytest.mark.skipif(bool(os.environ.get("SAN")), reason="sanitizers have their own allocator")
def test_no_memory(make_usher, origin, tmp_path):
    """At each allocation: the WebSocket opens and works, or it is refused, reset, or its connection ends."""
    memory = Allocations(tmp_path)
    u = make_usher(PLAIN, origin=origin.url, env=memory.env)

    def attempt():
        h = h2raw.H2(u.port, seconds=0.5)
        try:
            h.send(h2raw.head(1, lines=handshake(), end=False))
            h.until(lambda h: h.answer(1).status or h.answer(1).reset is not None)
            a = h.answer(1)
            if a.status != 200:
                return a.status
            h.send(h2raw.data(1, bytes([0x81, 0x83, 0, 0, 0, 0]) + b"bye", end=True))
            h.wait()
            return 200 if a.ended and a.body == b"\x81\x03bye" else 0
        except OSError:
            return 0
        finally:
            h.close()

    assert attempt() == 200
    memory.set(1 << 30, 1)
    attempt()
    total = memory.seen()
    for count in (1, 1 << 29):
        for first in range(1, total + 2):
            memory.set(first, count)
            status = attempt()
            memory.set(0, 0)
            assert u.process.poll() is None and status in (0, 200, 502, 503), (first, count, status)
        assert attempt() == 200


# ---- reload and drain ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("auth,reason", [("optional", "client_certificate_withdrawn"), ("required", "client_certificate_required")])
def test_ends_with_its_certificate(gate, make_client, auth, reason):
    u = gate(auth=auth)
    c, innocent = make_client(u, tls=True, cert="good"), make_client(u, tls=True, cert="other")
    n, m = c.open(), innocent.open()
    assert c.say(n, "x") == "x" and innocent.say(m, "y") == "y"
    u.revoke()
    c.end()
    assert c.closed and c.streams[n].messages == ["x"]
    assert innocent.say(m, "z") == "z"
    ended = u.accesses(2)
    assert [(a["kind"], a["reason"]) for a in ended] == [("connection", reason), ("request", reason)]


def test_ends_with_its_zone(gate, make_client):
    """As over HTTP/1.1; a request beside it may still end."""
    u = gate()
    c = make_client(u, tls=True, cert="good")
    n, m = c.open(), c.open("/slow", wait=False)
    c.until(lambda: c.streams[m].status)
    u.reload(GATE.replace("zone partners", "zone renamed"))
    c.end()
    assert any(a["kind"] == "connection" and a["reason"] == "zone_gone" for a in u.accesses(3))


def test_ends_with_its_zone_after_the_requests_beside_it(gate, pki):
    u = gate()
    h = h2raw.H2(u.port, pki, sni="api.example.com", cert="good")
    secure = [(n, v if n != ":scheme" else "https") for n, v in handshake()]
    h.send(h2raw.head(1, lines=secure, end=False), h2raw.head(3, path="/late", host="api.example.com", scheme="https"))
    h.until(lambda h: h.answer(1).status)
    u.reload(GATE.replace("zone partners", "zone renamed"))
    assert h.wait(3).body == b"hello"
    h.end()
    assert h.closed and not h.answer(1).ended
    got = {(a["kind"], a.get("reason")) for a in u.accesses(3)}
    assert got == {("request", None), ("connection", "zone_gone"), ("request", "zone_gone")}
    h.close()


def test_rules_changed_meanwhile(plain, make_client):
    """Rules judge handshakes: one that is open stays open, as over HTTP/1.1; the next is judged by the new rules."""
    u = plain()
    c = make_client(u)
    n = c.open()
    u.reload(PLAIN + 'rule all { when true then block 403 }\n')
    assert c.say(n, "x") == "x"
    assert c.streams[c.open()].status == 403


def test_drain(plain, make_client):
    u = plain("timeouts { drain 2s }")
    c = make_client(u)
    n = c.open()
    u.process.send_signal(signal.SIGTERM)
    c.until(lambda: c.goaway is not None)
    assert c.goaway == 0
    c.end()
    assert requests(u, 1)[0]["reason"] == "drain_timeout"


def test_drain_waits_for_sockets_to_close(plain, make_h2):
    u = plain("timeouts { drain 60s }")
    h = make_h2(u)
    h.send(h2raw.head(1, lines=handshake(), end=False))
    h.until(lambda h: h.answer(1).status)
    u.process.send_signal(signal.SIGTERM)
    h.until(lambda h: len(h.goaway) == 2)
    h.send(h2raw.data(1, bytes([0x88, 0x80, 0, 0, 0, 0]), end=False))  # close
    assert h.wait().ended and h.end() == "NO_ERROR"
    assert u.process.wait(20 * PATIENCE) == 0
