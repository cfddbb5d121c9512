# SPDX-License-Identifier: Apache-2.0
"""Connections that are open while the rule file, the CAs or the CRLs change: none outlives what it rests on."""
import ssl
import time

import pytest

from conftest import PATIENCE, until
from gates import Gate
from listening import Listening, head_of

RULES = """
listener public {
    address  127.0.0.1:{port}
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
}
zone other {
    hosts        staff.example
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    origin       {origin}
}
rule revoked { when cf.tls_client_auth.cert_revoked then block 403 }
"""

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def place(make_usher, pki, origin, tmp_path):
    return lambda auth="optional", on_revoked="close", origin_url=origin.url: Gate(make_usher, RULES, pki, origin_url, tmp_path,
                                                                                auth, on_revoked)


def ask(raw, path="/", host="api.example.com"):
    return raw.get(path, host=host)


def open_as(make_raw, place, version=None, cert="good", sni="api.example.com"):
    return make_raw(place.usher, tls=True, sni=sni, cert=cert, version=version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("auth", ["optional", "required"])
def test_idle_connection_ends(place, make_raw, version, auth):
    p = place(auth)
    raw, innocent = open_as(make_raw, p, version), open_as(make_raw, p, version, cert="other")
    assert ask(raw)[0] == 200 and ask(innocent)[0] == 200
    p.revoke()
    assert raw.all() == b""
    assert ask(innocent)[0] == 200
    ended = [a for a in p.usher.accesses(4) if a["kind"] == "connection"]
    assert len(ended) == 1 and ended[0]["verify_result"] == "revoked"
    assert ended[0]["reason"] == ("client_certificate_required" if auth == "required" else "client_certificate_withdrawn")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_connection_wakes_up(place, make_raw, version):
    """After half a second at rest a connection has given back its buffers: nothing of that may show."""
    p = place(on_revoked="evaluate")
    raw = open_as(make_raw, p, version)
    for _ in range(3):
        assert ask(raw)[0] == 200
        time.sleep(0.8)
    raw.send("GET / HTTP/1.1\r\nHo")
    time.sleep(0.8)
    raw.send("st: api.example.com\r\n\r\n")
    assert raw.response()[0] == 200
    time.sleep(0.8)
    p.revoke()
    assert ask(raw)[0] == 403
    assert [a["verify_result"] for a in p.usher.accesses(5)] == ["ok"] * 4 + ["revoked"]


@pytest.mark.parametrize("version", VERSIONS)
def test_rules_see_the_new_facts(place, make_raw, version):
    p = place(on_revoked="evaluate")
    raw = open_as(make_raw, p, version)
    assert ask(raw)[0] == 200
    p.revoke()
    assert ask(raw)[0] == 403
    line = p.usher.accesses(2)[-1]
    assert line["rule"] == "revoked" and line["verify_result"] == "revoked"
    assert ask(raw)[0] == 403


def test_required_means_421_even_when_rules_would_judge(place, make_raw):
    p = place("required", "evaluate")
    raw = open_as(make_raw, p)
    before = p.usher.sockets()
    raw.send("GET /slow?s=2 HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    until(lambda: p.usher.sockets() > before)
    p.revoke()  # while a request is under way: it ends as it began, the next one does not begin
    assert raw.response()[0] == 200
    raw.send("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    everything = raw.all()
    assert everything == b"" or everything.startswith(b"HTTP/1.1 421")


def test_pipelined_behind_a_running_request(place, make_raw):
    p = place()
    raw = open_as(make_raw, p)
    before = p.usher.sockets()
    raw.send("GET /slow?s=2 HTTP/1.1\r\nHost: api.example.com\r\n\r\nGET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    until(lambda: p.usher.sockets() > before)
    p.revoke()
    assert raw.response()[0] == 200
    status, headers, _ = raw.response()
    assert status == 421 and ("Connection", "close") in headers
    assert raw.all() == b""


def test_anchor_taken_away(place, make_raw):
    p = place()
    raw = open_as(make_raw, p)
    assert ask(raw)[0] == 200
    p.usher.reload(RULES.replace("ca-bundle.pem", "ca-b.pem"))
    assert raw.all() == b""


def test_client_auth_switched_to_required(place, make_raw):
    p = place("optional")
    raw = open_as(make_raw, p, cert=None)
    assert ask(raw)[0] == 200
    p.usher.reload(RULES.replace("{auth}", "required"))
    assert raw.all() == b""


def test_zone_taken_away(place, make_raw):
    p = place()
    raw, other = open_as(make_raw, p), open_as(make_raw, p, sni="staff.example", cert=None)
    assert ask(raw)[0] == 200 and ask(other, host="staff.example")[0] == 200
    p.usher.reload(RULES.replace("zone partners", "zone renamed"))
    assert raw.all() == b""
    assert ask(other, host="staff.example")[0] == 200
    assert any(a.get("reason") == "zone_gone" for a in p.usher.accesses(4))


def test_many_connections_are_judged_soon(place, make_raw):
    p = place()
    raws = [open_as(make_raw, p) for _ in range(100)]
    begin = time.monotonic()
    p.revoke()
    for raw in raws:
        assert raw.all() == b""
    assert time.monotonic() - begin < 8 * PATIENCE


# ---- upgraded connections --------------------------------------------------------------------------------------------

class Upgrading(Listening):
    """An origin that agrees to every upgrade and then sends back what it gets."""

    def __init__(self):
        self.heads = []
        super().__init__()

    def serve(self, sock):
        data = head_of(sock)
        self.heads.append(data)
        if b"refuse" in data:
            sock.sendall(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno")
            return
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                     b"Sec-WebSocket-Accept: x\r\n\r\nhello")
        while got := sock.recv(65536):
            sock.sendall(got)


@pytest.fixture
def upgrading():
    o = Upgrading()
    yield o
    o.stop()


UPGRADE = ("GET /ws HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def test_websocket(place, make_raw, upgrading):
    p = place(origin_url=upgrading.url)
    raw = open_as(make_raw, p)
    raw.send(UPGRADE + "early")
    head = raw.until(b"\r\n\r\n").lower()
    assert head.startswith(b"http/1.1 101") and b"upgrade: websocket" in head and b"connection: upgrade" in head
    raw.send("x" * 200000)
    want = b"helloearly" + b"x" * 200000
    while len(raw.data) < len(want):
        raw.data += raw.sock.recv(65536)
    assert raw.data == want
    assert b"upgrade: websocket" in upgrading.heads[0].lower()
    raw.close()
    line = p.usher.accesses(1)[-1]
    assert line["status"] == 101 and line["bytes_in"] == 200005


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "foo"])
def test_no_other_protocol_is_switched_to(place, make_raw, upgrading, protocol):
    """After h2c, say, the origin would take requests that no rule has seen."""
    p = place(origin_url=upgrading.url)
    raw = open_as(make_raw, p)
    raw.send(UPGRADE.replace("websocket", protocol))
    assert raw.response()[0] == 502
    assert p.usher.accesses(1)[-1]["reason"] == "origin_bad_status"
    assert b"upgrade" not in upgrading.heads[0].lower()


def test_websocket_refused_by_the_origin(place, make_raw, upgrading):
    p = place(origin_url=upgrading.url)
    raw = open_as(make_raw, p)
    raw.send(UPGRADE.replace("/ws", "/refuse"))
    assert raw.response()[0] == 426


def test_websocket_ends_with_its_certificate(place, make_raw, upgrading):
    p = place(origin_url=upgrading.url)
    raw = open_as(make_raw, p)
    raw.send(UPGRADE)
    assert raw.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101")
    p.revoke()
    assert raw.all() == b"hello"
    assert [a["kind"] for a in p.usher.accesses(2)] == ["connection", "request"]
