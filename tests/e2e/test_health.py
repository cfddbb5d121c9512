# SPDX-License-Identifier: Apache-2.0
"""Health checks speak to origins exactly as requests do: TLS as the pool says, HTTP/2 where it is spoken, the PROXY header."""
import socket
import ssl
import time

import pytest

import h2raw
from conftest import PATIENCE, until
from h2raw import frame, settings
from listening import Listening, head_of
from origin_frames import FramesOrigin

POOL = """
server { workers 1 }
listener l { address 127.0.0.1:{port} ; plain }
zone z { hosts localhost ; pool p }
pool p {
    origin %s
    health_check "/healthz" ; health_interval 100ms ; health_timeout %dms ; health_fall 1 ; health_rise 1
    %s
}
"""
CA = 'tls_ca "{pki}/root.pem"'


def pool(url, *lines, timeout=2000):
    return POOL % (url, timeout * PATIENCE, "\n    ".join(lines))


class Http1(Listening):
    """mode says what a check gets: a status, `hang`, `close`, `garbage` or `endless`."""

    def __init__(self, context=None, proxy=None):
        self.context, self.mode, self.heads, self.names, self.seen, self.proxy, self.ends = context, 200, [], [], [], proxy, 0
        if context:
            context.sni_callback = lambda sock, name, c: self.names.append(name)
        super().__init__()

    def serve(self, sock):
        if self.proxy:
            got = sock.recv(len(self.proxy), socket.MSG_WAITALL)
            assert got == self.proxy, got
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
            self.seen.append((sock.version(), sock.session_reused, bool(sock.getpeercert())))
        try:
            while self.mode != "close" and self.one_more(sock):
                pass
        finally:
            self.ends += 1

    def one_more(self, sock):
        self.heads.append(head_of(sock).decode("latin-1"))
        if self.mode == "close":
            return False
        if self.mode == "garbage":
            sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        elif self.mode == "endless":
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                sock.sendall(b"x" * 65536)
        elif self.mode != "hang":
            sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 %d Asked\r\nContent-Length: 5\r\n\r\nhello" % self.mode)
        return True


class Http2(FramesOrigin):
    """The same; and `goaway` refuses the check, `last` answers it and goes."""

    def __init__(self, tls=None, first=settings()):
        self.mode = 200
        super().__init__(self.answer, tls=tls, first=first)

    def answer(self, peer, f, lines):
        if self.mode == "close":
            peer.sock.shutdown(socket.SHUT_RDWR)
        elif self.mode == "garbage":
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)
        elif self.mode == "goaway":
            peer.send(frame(h2raw.GOAWAY, 0, 0, bytes(8)))
        elif self.mode == "reset":
            peer.send(h2raw.reset(f.stream, 2))
        elif self.mode != "hang":
            peer.answer(f.stream, 103, end=False)
            peer.answer(f.stream, 200 if self.mode == "last" else self.mode, b"hello")
            if self.mode == "last":
                peer.send(frame(h2raw.GOAWAY, 0, 0, f.stream.to_bytes(4, "big") + bytes(4)))


def secure(pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pki / "server-ecdsa-chain.pem"), str(pki / "server-ecdsa.key"))
    return context


@pytest.fixture
def place(pki):
    """An origin of a kind, its URL, and the lines of its pool."""
    made = []

    def make(kind, **how):
        tls = "s" in kind.split("/")[0]
        if kind.endswith("2"):
            made.append(Http2((pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key") if tls else None, **how))
        else:
            made.append(Http1(secure(pki) if tls else None, **how))
        o = made[-1]
        o.where = "%s://localhost:%d" % ("https" if tls else "http", o.port)
        o.lines = ([CA] if tls else []) + (["protocol h2"] if kind.endswith("2") else [])
        return o

    yield make
    for o in made:
        o.stop()


def wait(usher, health, count):
    event = usher.wait_event("origin_health", count, 30)
    assert event["health"] == health, event
    return event


KINDS = ["http/1", "https/1", "http/2", "https/2"]


@pytest.mark.parametrize("kind", KINDS)
def test_good_and_bad(make_usher, make_curl, place, kind):
    o = place(kind)
    usher = make_usher(pool(o.where, *o.lines, timeout=500))
    curl, modes = make_curl(usher), [503, "hang", "close", "garbage"] + (["reset", "goaway"] if kind.endswith("2") else [])
    assert curl("http://localhost/x").status == 200
    for n, mode in enumerate(modes):
        o.mode = mode
        event = wait(usher, "bad", 2 * n + 1)
        if mode == 503:
            assert (event["reason"], event["detail"]) == ("status", "503")
        elif mode == "hang":
            assert event["reason"] == "origin_first_byte_timeout"
        elif mode in ("close", "reset", "goaway"):
            assert event["reason"] == "origin_closed"
        elif mode == "garbage":  # what nghttp2 says of it is nghttp2's matter
            assert event["reason"] in ("origin_bad_syntax", "origin_bad_start_line", "origin_closed"), event
        assert curl("http://localhost/x").status == 503
        o.mode = "last" if kind.endswith("2") else 302
        wait(usher, "good", 2 * n + 2)
    o.mode = 200
    assert curl("http://localhost/x").status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_asks(make_usher, place, kind):
    o = place(kind)
    make_usher(pool(o.where, *o.lines, 'health_host check.example'))
    if kind.endswith("2"):
        until(lambda: len(o.requests) > 2)
        got = o.requests[0][2]
        assert (got[":method"], got[":path"], got[":authority"], got[":scheme"]) == \
            ("GET", "/healthz", "check.example", kind.split("/")[0])
        assert got["user-agent"].startswith("usher-health/")
        assert [r[:2] for r in o.requests[:3]] == [(1, 1), (2, 1), (3, 1)]  # a new connection each time
    else:
        until(lambda: len(o.heads) > 2)
        assert o.heads[0].startswith("GET /healthz HTTP/1.1\r\nHost: check.example\r\nuser-agent: usher-health/")
        assert "\r\nConnection: close\r\n" in o.heads[0]
        until(lambda: o.ends > 0)


@pytest.mark.parametrize("version,protocol", [("1.2", 1), ("1.3", 1), ("1.3", 2)])
def test_the_handshake_is_the_pools(make_usher, make_curl, pki, place, version, protocol):
    """Its version, server name and certificate of usher's own; and a full one each time, for a resumed one shows no certificate."""
    context = secure(pki)
    context.load_verify_locations(str(pki / "ca-bundle.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    if protocol == 2:
        context.set_alpn_protocols(["h2"])
    o = Http1(context)
    lines = [CA, "tls_version " + version, "tls_name api.example.com"] + (["protocol h2"] if protocol == 2 else [])
    usher = make_usher(pool("https://127.0.0.1:%d" % o.port, *lines, 'tls_certificate "{pki}/good-chain.pem"', 'tls_key "{pki}/good.key"'))
    until(lambda: len(o.seen) > 3)
    assert set(o.seen) == {("TLSv" + version, False, True)} and set(o.names) == {"api.example.com"}
    if protocol == 1:
        assert not usher.events("origin_health")
        usher.reload(pool("https://127.0.0.1:%d" % o.port, *lines))  # without the certificate
        assert wait(usher, "bad", 1)["reason"] in ("origin_tls", "origin_closed")
        assert make_curl(usher)("http://localhost/x").status == 503
    o.stop()


@pytest.mark.parametrize("kind", ["https/1", "https/2"])
@pytest.mark.parametrize("lines,detail", [
    (['tls_ca "{pki}/foreign-root.pem"'], "origin_certificate"), ([CA, "tls_name elsewhere.example"], "origin_certificate_name")])
def test_a_certificate_that_does_not_verify(make_usher, make_curl, place, kind, lines, detail):
    o = place(kind)
    h2 = [x for x in o.lines if "h2" in x]
    usher = make_usher(pool(o.where, *lines, *h2))
    event = wait(usher, "bad", 1)
    assert (event["origin"], event["reason"], event["detail"]) == ("localhost:%d" % o.port, "origin_tls", detail)
    assert make_curl(usher)("http://localhost/x").status == 503
    usher.reload(pool(o.where, *h2, "tls_verify no"))
    wait(usher, "good", 2)
    assert make_curl(usher)("http://localhost/x").status == 200


def test_tls_without_h2(make_usher, pki, place):
    o = place("https/1")
    event = wait(make_usher(pool(o.where, CA, "protocol h2")), "bad", 1)
    assert (event["reason"], event["detail"]) == ("origin_tls", "no_h2")


def test_an_origin_in_the_clear(make_usher, place):
    """It waits for a request, or answers a handshake with nonsense."""
    o = place("http/1")
    assert wait(make_usher(pool("https://localhost:%d" % o.port, CA, timeout=500)), "bad", 1)["reason"] in (
        "origin_connect_timeout", "origin_tls")


def test_h2_without_settings(make_usher, place):
    o = place("http/2", first=b"")
    o.mode = "hang"
    assert wait(make_usher(pool(o.where, *o.lines, timeout=500)), "bad", 1)["reason"] == "origin_first_byte_timeout"


def test_nobody_there(make_usher, place):
    from conftest import free_port
    assert wait(make_usher(pool("http://127.0.0.1:%d" % free_port())), "bad", 1)["reason"] == "origin_connect"


def test_endless_content(make_usher, place):
    """The status is good; the rest is cut when the check's time is over."""
    o = place("http/1")
    o.mode = "endless"
    usher = make_usher(pool(o.where, timeout=300))
    until(lambda: o.ends > 1)
    assert not usher.events("origin_health")


def test_over_a_unix_socket(make_usher, make_origin, make_curl, tmp_path):
    where = "unix:%s/origin" % tmp_path
    usher = make_usher(pool(where))
    assert wait(usher, "bad", 1)["reason"] == "origin_connect"
    make_origin(where)
    wait(usher, "good", 2)
    assert make_curl(usher)("http://localhost/x").status == 200


@pytest.mark.parametrize("check", ['"/healthz"', "tcp"])
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("version,header", [
    ("v1", b"PROXY UNKNOWN\r\n"), ("v2", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")])
def test_with_a_proxy_header(make_usher, pki, version, header, tls, check):
    """A check speaks for usher itself: UNKNOWN, LOCAL. TLS begins after it."""
    o = Http1(secure(pki) if tls else None, proxy=header)
    usher = make_usher(pool(("https://localhost:%d" if tls else "http://localhost:%d") % o.port, CA, "proxy_protocol " + version)
                       .replace('"/healthz"', check))
    if check == "tcp":
        time.sleep(0.5)
    else:
        until(lambda: len(o.heads) > 2)
    assert not usher.events("origin_health")
    o.stop()


def test_a_check_is_no_request(make_usher, place):
    """It is in no log, and max_requests does not count it."""
    o = place("http/1")
    o.mode = "hang"
    usher = make_usher(pool(o.where, "max_requests 1", "health_fall 100", timeout=60000).replace("health_fall 1 ;", ""))
    until(lambda: o.heads)
    o.mode = 200
    with socket.create_connection(("127.0.0.1", usher.port), 10 * PATIENCE) as s:
        s.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert s.recv(65536).startswith(b"HTTP/1.1 103")
    assert [a["path"] for a in usher.accesses(1)] == ["/x"]


@pytest.mark.parametrize("kind", KINDS)
def test_reloads_and_the_end_while_checks_hang(make_usher, place, kind):
    o = place(kind)
    o.mode = "hang"
    usher = make_usher(pool(o.where, *o.lines, timeout=60000))
    for n in range(3):
        until(lambda: len(o.requests if kind.endswith("2") else o.heads) > n)
        usher.reload()
