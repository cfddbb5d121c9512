# SPDX-License-Identifier: Apache-2.0
"""PROXY headers from a trusted proxy: who the client is, what else version 2 says of it, and that none of it becomes a
fact about a certificate."""
import json
import socket
import struct

import pytest

from h2raw import H2, head

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.8") + struct.pack("!HH", 1234, 443)
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "2001:db8::8") + struct.pack("!HH", 1234, 443)

RULES = """
server { workers 1 }
listener plain { address 127.0.0.1:{port}; http yes; protocols http/1.1, h2; proxy_protocol from 127.0.0.0/8 }
listener tls   { address 127.0.0.1:{second}; proxy_protocol from 127.0.0.0/8 }
zone web { hosts web.example; origin {origin} }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    origin       {origin}
    transforms   tls_client_auth_headers, client_cert_rfc9440
}
rule members { when http.request.uri.path eq "/members" and not cf.tls_client_auth.cert_verified then block 403 }
rule told    { when proxy_protocol.tls then set request header "x-told" = concat(proxy_protocol.tls.version, "|",
               proxy_protocol.tls.cipher, "|", proxy_protocol.tls.cn, "|", proxy_protocol.authority, "|", proxy_protocol.alpn, "|",
               proxy_protocol.unique_id) }
rule good    { when proxy_protocol.tls.verified then set request header "x-good" = proxy_protocol.tls.cn }
rule crypt   { when ssl then set request header "x-ssl" = http.request.full_uri }
"""


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def tlv(kind, value):
    return bytes([kind]) + struct.pack("!H", len(value)) + value


def v2(fields=b"", addresses=V4, command=0x21, family=0x11):
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(addresses) + len(fields)) + addresses + fields


def checked(fields, wrong=0, **how):
    """With a checksum."""
    whole = v2(fields + tlv(3, bytes(4)), **how)
    return whole[:-4] + struct.pack("!I", crc32c(whole) ^ wrong)


def ssl(client=7, verify=0, *more):
    return tlv(0x20, struct.pack("!BI", client, verify) + b"".join(more))


WORDS = [tlv(0x21, b"TLSv1.3"), tlv(0x23, b"TLS_AES_128_GCM_SHA256"), tlv(0x22, b"alice")]
EVERYTHING = tlv(1, b"h2") + tlv(2, b"shop.example") + tlv(5, b"id-1") + tlv(4, b"\0" * 5) + tlv(0xee, b"own") + ssl(7, 0, *WORDS)
GET = b"GET %s HTTP/1.1\r\nHost: web.example\r\n\r\n"


@pytest.fixture
def place(make_usher, origin):
    from conftest import free_port
    return make_usher(RULES, origin=origin.url, second=free_port())


def asked(raw, header, path=b"/"):
    raw.send(header + GET % path)
    status, _, body = raw.response()
    assert status == 200, (status, body)
    return dict((n.lower(), v) for n, v in json.loads(body)["headers"])


def test_what_it_says_can_be_asked_and_is_logged(place, make_raw):
    got = asked(make_raw(place), checked(EVERYTHING))
    assert got["x-told"] == "TLSv1.3|TLS_AES_128_GCM_SHA256|alice|shop.example|h2|id-1" and got["x-good"] == "alice"
    assert got["x-ssl"] == "https://web.example/" and got["x-forwarded-proto"] == "https"
    assert got["x-forwarded-for"] == "192.0.2.7, 127.0.0.1"
    line = place.accesses(1)[-1]
    assert (line["client"], line["client_port"], line["proxy"]) == ("192.0.2.7", 1234, "127.0.0.1")
    assert (line["proxy_tls"], line["proxy_tls_verified"], line["proxy_cn"]) == ("TLSv1.3", True, "alice")
    assert (line["proxy_authority"], line["proxy_id"]) == ("shop.example", "id-1")


@pytest.mark.parametrize("header, tls, good", [
    (v2(), False, False), (v2(tlv(2, b"shop.example")), False, False), (v2(ssl(0, 0)), False, False), (v2(ssl(1, 0)), True, False),
    (v2(ssl(3, 1, *WORDS)), True, False), (v2(ssl(6, 0, *WORDS)), False, False), (v2(ssl(5, 0, *WORDS)), True, True),
    (v2(ssl(7, 0x01000000, *WORDS)), True, False), (v2(EVERYTHING, V6, family=0x21), True, True)])
def test_what_it_says_of_tls(place, make_raw, header, tls, good):
    got = asked(make_raw(place), header)
    assert ("x-ssl" in got) == tls and got["x-forwarded-proto"] == ("https" if tls else "http") and ("x-good" in got) == good


def test_it_is_no_certificate(place, make_raw):
    """However sure the proxy is: no rule about certificates holds for what usher has not seen."""
    raw = make_raw(place)
    raw.send(checked(EVERYTHING) + GET % b"/members")
    assert raw.response()[0] == 403
    line = place.accesses(1)[-1]
    assert "tls" not in line and "verify_result" not in line


def test_tls_behind_it_is_ushers_own(place, make_raw, pki):
    import ssl as tls
    sock = socket.create_connection(("127.0.0.1", int(place.words["second"])), 10)
    sock.sendall(v2(ssl(7, 0, *WORDS) + tlv(2, b"other.example")))
    context = tls.create_default_context(cafile=str(pki / "root.pem"))
    context.check_hostname = False
    with context.wrap_socket(sock, server_hostname="api.example.com") as s:
        for path, status in ((b"/members", b"403"), (b"/", b"200")):
            s.sendall(b"GET %s HTTP/1.1\r\nHost: api.example.com\r\n\r\n" % path)
            answer = s.recv(65536)
            assert answer.startswith(b"HTTP/1.1 " + status)
        named = dict((n.lower(), v) for n, v in json.loads(answer.partition(b"\r\n\r\n")[2])["headers"])
    assert named["cf-cert-presented"] == "false" and named["cf-cert-verified"] == "false" and "client-cert" not in named
    assert place.accesses(2)[-1]["sni"] == "api.example.com"


def test_the_scheme_of_http2_is_the_clients(place):
    for header, status in ((checked(ssl(1, 0)), 200), (v2(), 400)):
        h = H2(place.port)
        h.sock.close()
        h.sock = socket.create_connection(("127.0.0.1", place.port), 10)
        h.sock.sendall(header + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        h.send(head(1, host="web.example", scheme="https"))
        assert h.wait(1).status == status
        h.close()
    assert place.accesses(2)[-1]["reason"] == "bad_scheme"


def test_absolute_https_target(place, make_raw):
    for header, status in ((v2(ssl(1, 0)), 200), (v2(), 400)):
        raw = make_raw(place)
        raw.send(header + b"GET https://web.example/ HTTP/1.1\r\nHost: web.example\r\n\r\n")
        assert raw.response()[0] == status


BAD = {
    "checksum": checked(EVERYTHING, 1), "checksum of three bytes": v2(tlv(3, b"abc")), "checksum twice": v2(tlv(3, bytes(4)) * 2),
    "half a field": v2(tlv(2, b"shop.example")[:-1]), "half a field's head": v2(b"\2\0"), "one byte": v2(b"\0"),
    "a field beyond the end": v2(b"\xee\xff\xff"), "authority twice": v2(tlv(2, b"a") * 2), "authority empty": v2(tlv(2, b"")),
    "authority with NUL": v2(tlv(2, b"a\0b")), "authority with LF": v2(tlv(2, b"a\nb")), "authority too long": v2(tlv(2, b"a" * 256)),
    "id too long": v2(tlv(5, b"a" * 129)), "id empty": v2(tlv(5, b"")), "alpn twice": v2(tlv(1, b"h2") * 2),
    "ssl of four bytes": v2(tlv(0x20, bytes(4))), "ssl twice": v2(ssl(1, 0) * 2), "ssl with half a field": v2(ssl(1, 0, b"\x21\0")),
    "ssl with a field beyond its end": v2(ssl(1, 0, b"\x21\0\x09TLSv1") + tlv(4, b"abcd")),
    "cn twice": v2(ssl(7, 0, tlv(0x22, b"a") * 2)), "cn with CR": v2(ssl(7, 0, tlv(0x22, b"a\rb"))),
    "version empty": v2(ssl(1, 0, tlv(0x21, b""))), "over a stream of UDP": v2(family=0x12), "another version": v2(command=0x31),
    "command 2": v2(command=0x22), "short addresses": v2(addresses=V4[:-1]), "all of 64 KB": SIGNATURE + b"\x21\x11\xff\xff" + bytes(65535),
    "version 1 with a zero": b"PROXY TCP4 192.0.2.7 192.0.2.8 01234 443\r\n", "version 1 in lower case": b"proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "version 1 for UDP": b"PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n", "version 1 ended by LF": b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\n",
    "none": b"",
}


def test_bad_headers_end_the_connection(place, make_raw):
    for n, (name, header) in enumerate(BAD.items(), 1):
        raw = make_raw(place)
        try:
            raw.send(header + GET % b"/")
            assert raw.all() == b"", name
        except OSError:
            pass
        line = place.accesses(n)[-1]
        assert (line["kind"], line["reason"]) == ("handshake", "bad_proxy_header"), (name, line)


@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN 2001:db8::1 2001:db8::2 1 2\r\n", v2(addresses=b"", command=0x20, family=0),
    v2(EVERYTHING, command=0x20), v2(addresses=b"", family=0), v2(tlv(2, b"a"), addresses=b"", family=0),
    v2(addresses=b"/a".ljust(216, b"\0"), family=0x31)])
def test_health_checks_speak_for_the_proxy_itself(place, make_raw, header):
    """UNKNOWN and LOCAL: the connection's own addresses count, and whatever else is said is dropped."""
    raw = make_raw(place)
    got = asked(raw, header)
    assert got["x-forwarded-for"] == "127.0.0.1" and "x-ssl" not in got and "x-told" not in got
    line = place.accesses(1)[-1]
    assert line["client"] == "127.0.0.1" and not any(k.startswith("proxy") for k in line)
    closed = make_raw(place)
    closed.send(header)  # a check of TCP alone: the header, and no request
    closed.sock.shutdown(socket.SHUT_WR)
    assert closed.all() == b""
    raw.send(GET % b"/")
    assert raw.response()[0] == 200
    assert len(place.accesses(2)) == 2


def test_byte_by_byte(place, make_raw):
    raw = make_raw(place)
    raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    header = checked(EVERYTHING)
    for i in range(len(header)):
        raw.send(header[i:i + 1])
    assert asked(raw, b"")["x-good"] == "alice"
