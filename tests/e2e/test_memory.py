# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out at each allocation in a connection's life: no crash, no half-judged request, no harm later."""
import os
import subprocess
import sys
import time

import pytest

import h2raw
from conftest import HERE, Raw, free_port, stop
from dns import Dns
from h2raw import H2, data, head
from memory import FOREVER, Allocations
from test_hostile import recorder  # pylint: disable=unused-import

pytestmark = pytest.mark.skipif(bool(os.environ.get("SAN")), reason="sanitizers have their own allocator")

RULES = """
server { workers 1 }
listener plain { address 127.0.0.1:{plain}; http yes; protocols http/1.1, h2 }
listener public { address 127.0.0.1:{port}; protocols h2, http/1.1 }
zone web { hosts web.example; origin {origin} }
zone second { hosts second.example; pool second }
pool second { origin http://{second}; protocol h2 }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    origin       {origin}
    transforms   tls_client_auth_headers, client_cert_rfc9440, xfcc
}
rule must    { when zone.name eq "partners" and not cf.tls_client_auth.cert_verified then block 403 }
rule tag     { when cf.tls_client_auth.cert_verified then set request header "x-tag" = cf.tls_client_auth.cert_serial }
rule rewrite { when starts_with(http.request.uri.path, "/v1") then rewrite path = "/v2" }
rule answer  { when true then set response header "x-rule" = concat(http.host, "-", http.request.method) }
"""


def plain(usher, pki):
    raw = Raw(usher, port=usher.words["plain"])
    raw.send("POST /v1 HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
             "3\r\nabc\r\n0\r\nX: 1\r\n\r\n")
    return raw.all()


def tls(usher, pki):
    raw = Raw(usher, pki, sni="api.example.com", cert="good")
    raw.send("GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
    return raw.all()


def over_h2(h, host, scheme):
    """As HTTP/1.1 would write it."""
    try:
        h.send(head(1, method="POST", path="/v1", host=host, scheme=scheme, end=False), data(1, b"abc", end=False),
               head(1, lines=[("x", "1")]))
        a = h.wait()
        if not a.ended or a.reset:
            return b""
        return b"HTTP/1.1 %d \r\n%s\r\n" % (a.status, "".join("%s: %s\r\n" % x for x in a.headers).encode()) + a.body
    finally:
        h.close()


def h2_plain(usher, pki):
    return over_h2(H2(usher.words["plain"], seconds=0.5), "web.example", "http")


def h2_tls(usher, pki):
    return over_h2(H2(usher.port, pki, sni="api.example.com", cert="good", seconds=0.5), "api.example.com", "https")


def h2_origin(usher, pki):
    return over_h2(H2(usher.words["plain"], seconds=0.5), "second.example", "http")


@pytest.fixture
def second():
    process = subprocess.Popen([sys.executable, str(HERE / "origin_h2.py")], stdout=subprocess.PIPE)
    yield process.stdout.readline().decode().split()[1]
    stop(process, 9)


@pytest.mark.parametrize("client, cases", [(plain, 100), (tls, 150), (h2_plain, 200), (h2_tls, 60), (h2_origin, 200)])
def test_no_memory(make_usher, origin, second, pki, tmp_path, client, cases):
    memory = Allocations(tmp_path)
    usher = make_usher(RULES, origin=origin.url, second=second, plain=free_port(), env=memory.env)
    assert client(usher, pki).startswith(b"HTTP/1.1 200")
    total = memory.count(lambda: client(usher, pki))
    for count in (1, FOREVER):
        # the last ones are where requests are judged; the many before them are a handshake's
        for first in memory.positions(total, cases, 40):
            memory.set(first, count)
            try:
                answer = client(usher, pki)
            except OSError:
                answer = b""
            memory.set(0, 0)
            assert usher.process.poll() is None
            if answer.startswith(b"HTTP/1.1 200"):
                assert b"x-rule: " in answer and b'"/v2"' in answer
                assert client not in (tls, h2_tls) or b'"x-tag"' in answer
            else:
                assert answer == b"" or answer.split(b" ")[1] in (b"500", b"502", b"503"), answer
        assert client(usher, pki).startswith(b"HTTP/1.1 200")


STOPS = RULES + """
rule evil    { when http.request.body.raw contains "evil" then block 403 }
rule bad     { when any(http.request.headers["x-bad"][*] eq "1") then block 403 }
rule secret  { when http.request.uri.path matches "^/(a|b)*sec.*t$" then block 403 }
rule limited { when http.request.uri.path eq "/limited" then rate_limit { by http.host requests 1 per 1h for 1d block 429 } }
"""


def ask(usher, text):
    raw = Raw(usher, port=usher.words["plain"])
    raw.send(text)
    return raw.all()


def nobody(usher, pki):
    raw = Raw(usher, pki, sni="api.example.com")
    raw.send("GET /nobody HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
    return raw.all()


def stranger(usher, pki):
    raw = Raw(usher, pki, sni="api.example.com", cert="foreign")
    raw.send("GET /stranger HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
    return raw.all()


def evil(usher, pki):
    return ask(usher, "POST /v1 HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                      "9\r\nthis is e\r\n3\r\nvil\r\n0\r\n\r\n")


def secret(usher, pki):
    return ask(usher, "GET /ababsecret HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")


def limited(usher, pki):
    return ask(usher, "GET /limited HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")


def http2(usher, pki):
    h = h2raw.H2(usher.words["plain"])
    h.send(h2raw.head(host="web.example", more=[("x-bad", "1")]), h2raw.head(3, host="web.example", end=False),
           h2raw.data(3, b"evil"))
    texts = [b"HTTP/1.1 %d" % a.status if a.status else b"" for a in (h.wait(1), h.wait(3))]
    h.sock.close()
    return max(texts)  # "200" would be the smallest: seen by the origin


@pytest.mark.parametrize("client, cases", [(nobody, 60), (stranger, 60), (evil, 60), (secret, 60), (limited, 60), (http2, 80)])
def test_no_memory_lets_nobody_in(make_usher, recorder, pki, tmp_path, client, cases):
    memory = Allocations(tmp_path)
    usher = make_usher(STOPS, origin=recorder.url, second="127.0.0.1:9", plain=free_port(), env=memory.env)
    if client is limited:
        assert limited(usher, pki).startswith(b"HTTP/1.1 200")
    before = len(recorder.requests)
    wanted = b"HTTP/1.1 429" if client is limited else b"HTTP/1.1 403"
    assert client(usher, pki).startswith(wanted)
    total = memory.count(lambda: client(usher, pki))
    assert total > 0
    for count in (1, FOREVER):
        for first in memory.positions(total, cases, 20):
            memory.set(first, count)
            try:
                answer = client(usher, pki)
            except OSError:
                answer = b""
            memory.set(0, 0)
            assert usher.process.poll() is None
            assert answer == b"" or answer.split(b" ")[1][:3] in (b"403", b"429", b"500", b"503"), answer
            assert recorder.requests[before:] == [], (first, count)
    assert client(usher, pki).startswith(wanted)


NAMED = """
server { workers 1 ; resolver "{dns}" }
timeouts { resolve_min 100ms ; resolve 1s ; dns 200ms ; connect 2s }
listener plain { address 127.0.0.1:{port}; http yes }
zone web { hosts web.example; pool p }
pool p { origin https://localhost.example:{there} ; tls_name localhost ; tls_ca "{pki}/root.pem" ; retries 0 }
"""


def test_no_memory_for_names_and_sessions(make_usher, make_origin, pki, tmp_path):
    """Of a name that is looked up for each request, an address that refuses, and a TLS session that is resumed."""
    dns, memory = Dns(), Allocations(tmp_path)
    dns.set("localhost.example", ["127.0.0.1"], ["::1"], ttl=0)
    there = make_origin(tls=[pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key"])
    usher = make_usher(NAMED, dns=dns.address, there=there.address.rsplit(":", 1)[1], env=memory.env)

    def once():
        time.sleep(0.11)
        raw = Raw(usher)
        raw.send("GET /until_close HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")
        return raw.all()

    try:
        assert once().startswith(b"HTTP/1.1 200")
        total = memory.count(once)
        for count in (1, FOREVER):
            for first in memory.positions(total, 60, 20):
                memory.set(first, count)
                try:
                    answer = once()
                except OSError:
                    answer = b""
                memory.set(0, 0)
                assert usher.process.poll() is None
                assert answer == b"" or answer.split(b" ")[1] in (b"200", b"502", b"503", b"504"), answer
        assert once().startswith(b"HTTP/1.1 200")
    finally:
        dns.stop()
