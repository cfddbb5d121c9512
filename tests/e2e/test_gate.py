# SPDX-License-Identifier: Apache-2.0
"""The main job: who gets in, who does not, what the origin is told. Real certificates, real clients."""
import json
import shutil
import ssl
import subprocess

import pytest

from conftest import ROOT, USHER, needs

GATE = """
listener public {
    address  127.0.0.1:{port}
}
zone partners {
    hosts        api.example.com
    certificate  {certificates}
    key          {keys}
    client_auth  {auth}
    client_ca    "{pki}/ca-bundle.pem"
    client_crl   "{crl}/*.pem"
    origin       {origin}
    transforms   tls_client_auth_headers, client_cert_rfc9440, xfcc, true_client_ip
}
zone other {
    hosts        staff.example
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  off
    origin       {origin}
}
include "{gate}/partners.rules"
"""

CLIENTS = [  # client, verify_result, deciding rule, status
    ("good", "ok", None, 200),
    ("other", "ok", "pin-issuer", 403),
    ("expired", "expired", "require-certificate", 403),
    ("early", "not_yet_valid", "require-certificate", 403),
    ("revoked", "revoked", "revoked", 403),
    ("issuer-revoked", "issuer_revoked", "require-certificate", 403),
    ("foreign", "untrusted", "require-certificate", 403),
    ("impostor", "crl_missing", "require-certificate", 403),
    ("self", "untrusted", "require-certificate", 403),
    ("wrongeku", "bad_usage", "require-certificate", 403),
    ("nc-soft-bad", "name_constraint", "require-certificate", 403),
    (None, "absent", "require-certificate", 403),
]


@pytest.fixture
def gate(make_usher, pki, origin, tmp_path):
    def make(kind="ecdsa", auth="optional", crl=None, rules=GATE):
        home = tmp_path / "rules"
        if not home.exists():
            home.mkdir()
            shutil.copy(ROOT / "rules/partners.rules", home)
            facts = subprocess.run([USHER, "cert", str(pki / "ca-a.pem"), "--format=json"], check=True, capture_output=True)
            (home / "partner_issuers.txt").write_text(json.loads(facts.stdout)["cf.tls_client_auth.cert_ski"] + "\n")
            (home / "crl").mkdir()
            for name in ("root", "a", "b"):
                shutil.copy(pki / ("crl-%s.pem" % name), home / "crl")
        both = ["rsa", "ecdsa"] if kind == "both" else [kind]
        return make_usher(rules, origin=origin.url, auth=auth, gate=home, crl=crl or home / "crl",
                          certificates=", ".join('"%s/server-%s-chain.pem"' % (pki, k) for k in both),
                          keys=", ".join('"%s/server-%s.key"' % (pki, k) for k in both))

    return make


def judged(usher, count=1):
    line = [x for x in usher.accesses(count) if x["kind"] == "request"][-1]
    return line["verify_result"], line.get("rule"), line["status"]


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_every_client(gate, make_curl, kind, version):
    usher = gate(kind)
    curl = make_curl(usher)
    for i, (client, result, rule, status) in enumerate(CLIENTS):
        answer = curl("https://api.example.com/orders", "--tlsv" + version, "--tls-max", version, cert=client)
        assert answer.status == status, client
        assert judged(usher, i + 1) == (result, rule, status), client


@pytest.mark.parametrize("client", ["good", "good-rsa", "good-p384"])
def test_headers_at_the_origin(gate, make_curl, pki, client):
    usher = gate("both")
    answer = make_curl(usher)("https://api.example.com/orders", cert=client)
    assert answer.status == 200
    facts = json.loads(subprocess.run([USHER, "cert", str(pki / (client + "-chain.pem")), "--format=json", "--ca",
                                       str(pki / "ca-bundle.pem")], check=True, capture_output=True).stdout)
    for header, fact in [("cf-cert-serial", "cert_serial"), ("cf-cert-ski", "cert_ski"),
                         ("cf-cert-issuer-ski", "cert_issuer_ski"), ("cf-cert-subject-dn", "cert_subject_dn"),
                         ("cf-cert-fingerprint-sha256", "cert_fingerprint_sha256"), ("client-cert", "cert_rfc9440"),
                         ("cf-cert-subject-dn-legacy", "cert_subject_dn_legacy"), ("cf-cert-not-after", "cert_not_after")]:
        assert answer.received(header) == [facts["cf.tls_client_auth." + fact]], header
    assert answer.received("cf-cert-verified") == ["true"]
    assert answer.received("cf-cert-revoked") == ["false"]
    assert answer.received("x-client-ski") == [facts["cf.tls_client_auth.cert_ski"]]
    assert "Hash=" + facts["cf.tls_client_auth.cert_fingerprint_sha256"] in answer.received("x-forwarded-client-cert")[0]
    assert answer.received("true-client-ip") == ["127.0.0.1"]


SPOOFS = [
    "Client-Cert: :AAAA:", "client-cert: :AAAA:", "CLIENT-CERT: :AAAA:", "Client_Cert: :AAAA:", "client_Cert-Chain: :AAAA:",
    "Client-Cert-Chain: :AAAA:", "CF-Cert-Verified: true", "cf_cert_verified: true", "cf-Cert_Presented: true",
    "Cf-Connecting-IP: 192.0.2.9", "cf-anything: x", "CF_ANYTHING: x", "X-Forwarded-Client-Cert: Hash=1",
    "x_forwarded_client_cert: Hash=1", "X-Forwarded-For: 192.0.2.9", "X_Forwarded_For: 192.0.2.9", "Forwarded: for=192.0.2.9",
    "True-Client-IP: 192.0.2.9", "true_client_ip: 192.0.2.9", "X-Forwarded-Proto: gopher", "x-forwarded_host: evil.test",
    "x-client-ski: 00", "X_Client_SKI: 00", "x-client_ski: 00",
]


@pytest.mark.parametrize("spoof", SPOOFS)
def test_spoofed_headers(gate_plain, make_curl, spoof):
    answer = make_curl(gate_plain)("http://api.example.com/x", "-H", spoof)
    assert answer.status == 200
    name, text = spoof.split(": ")
    for received, value in answer.echo["headers"]:
        assert value != text, received
        assert "_" not in received or received.lower().replace("_", "-") != name.lower().replace("_", "-")


@pytest.fixture
def gate_plain(make_usher, origin):
    return make_usher("""
listener public { address 127.0.0.1:{port}  ; plain }
zone api {
    hosts api.example.com
    origin {origin}
    transforms tls_client_auth_headers, true_client_ip
}
rule untag { when true then remove request header "x-client-ski" }
""", origin=origin.url)


def test_spoofed_trailers(gate_plain, make_raw):
    raw = make_raw(gate_plain)
    raw.send("POST /x HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n"
             "3\r\nabc\r\n0\r\nX-Sum: 3\r\nClient-Cert: :AAAA:\r\ncf_cert_verified: true\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
    status, _, body = raw.response()
    assert status == 200
    names = [n.lower() for n, _ in json.loads(body)["trailers"]]
    assert not set(names) & {"client-cert", "cf_cert_verified", "x-forwarded-for"}


def test_connection_cannot_delete_ours(gate_plain, make_curl):
    answer = make_curl(gate_plain)("http://api.example.com/x", "-H", "Connection: close, cf-cert-verified, true-client-ip")
    assert answer.received("cf-cert-verified") == ["false"]
    assert answer.received("true-client-ip") == ["127.0.0.1"]


# ---- zones ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_host_of_another_zone(gate, make_raw, version):
    usher = gate(rules=GATE.replace('include "{gate}/partners.rules"', ""))
    raw = make_raw(usher, tls=True, sni="staff.example", version=version)
    raw.send("GET /a HTTP/1.1\r\nHost: staff.example\r\n\r\n" "GET /b HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    assert raw.response()[0] == 200
    assert raw.response()[0] == 421
    reasons = [x.get("reason") for x in usher.accesses(2)]
    assert reasons[1] == "zone_other"


@pytest.mark.parametrize("sni", [None, "nobody.test"])
def test_handshake_of_no_zone(gate, make_raw, sni):
    usher = gate()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        make_raw(usher, tls=True, sni=sni)
    line = usher.accesses(1)[0]
    assert line["kind"] == "handshake" and line["reason"] == ("no_sni" if sni is None else "unknown_sni")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("client,works", [("good", True), ("other", True), ("revoked", False), ("expired", False), (None, False)])
def test_required(gate, make_curl, version, client, works):
    usher = gate(auth="required", rules=GATE.replace('include "{gate}/partners.rules"', ""))
    answer = make_curl(usher)("https://api.example.com/x", "--tlsv" + version, "--tls-max", version, cert=client, check=False)
    assert (answer.status == 200) == works
    if not works:
        assert answer.status == 0
        assert usher.accesses(1)[0]["kind"] == "handshake"


# ---- revocation and reload --------------------------------------------------------------------------------------

def test_revoked_by_reload(gate, make_curl, make_raw, pki, tmp_path):
    usher = gate()
    curl = make_curl(usher)
    open_before = make_raw(usher, tls=True, sni="api.example.com", cert="good")
    open_before.send("GET /a HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    assert open_before.response()[0] == 200
    shutil.copy(pki / "crl-a-more.pem", tmp_path / "rules" / "crl" / "crl-a.pem")
    usher.reload()
    assert curl("https://api.example.com/x", cert="good").status == 403
    # the connection that was open sees it, too: closed at once, or its next request is refused
    try:
        open_before.send("GET /b HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
        assert open_before.response()[0] in (403, 421)
    except (EOFError, ConnectionError, ssl.SSLError):
        pass


def test_crl_expired_fails_closed(gate, make_curl, pki, tmp_path):
    usher = gate()
    shutil.copy(pki / "crl-a-expired.pem", tmp_path / "rules" / "crl" / "crl-a.pem")
    usher.reload()
    assert make_curl(usher)("https://api.example.com/x", cert="good").status == 403
    assert judged(usher)[0] == "crl_expired"


def test_crl_missing_fails_closed(gate, make_curl, tmp_path):
    usher = gate()
    (tmp_path / "rules" / "crl" / "crl-a.pem").unlink()
    usher.reload()
    assert make_curl(usher)("https://api.example.com/x", cert="good").status == 403
    assert judged(usher)[0] == "crl_missing"


def test_broken_file_changes_nothing(gate, make_curl):
    usher = gate()
    good = usher.file.read_text()
    usher.file.write_text(good + "\nrule broken { when http.hots eq \"x\" then block }\n")
    event = usher.reload(event="reload_failed")
    assert event
    assert make_curl(usher)("https://api.example.com/x", cert="good").status == 200
    usher.file.write_text(good)
    usher.reload()
    assert make_curl(usher)("https://api.example.com/x", cert="good").status == 200


# ---- other clients ----------------------------------------------------------------------------------------------

@needs("gnutls-cli")
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("client,status", [("good", "200"), ("revoked", "403"), (None, "403")])
def test_gnutls(gate, pki, version, client, status):
    usher = gate()
    command = ["gnutls-cli", "--x509cafile", str(pki / "root.pem"), "--priority", "NORMAL:-VERS-ALL:+VERS-TLS" + version,
               "--sni-hostname", "api.example.com", "--verify-hostname", "api.example.com", "-p", str(usher.port), "127.0.0.1"]
    if client:
        command += ["--x509certfile", str(pki / (client + "-chain.pem")), "--x509keyfile", str(pki / (client + ".key"))]
    done = subprocess.run(command, input=b"GET /x HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n",
                          capture_output=True, timeout=20)
    assert ("HTTP/1.1 " + status).encode() in done.stdout, done.stdout + done.stderr


MBEDTLS = ROOT / "build/deps/bin/mbedtls_ssl_client2"


@pytest.mark.skipif(not MBEDTLS.exists(), reason="the library's client is not built")
@pytest.mark.parametrize("version", ["tls12", "tls13"])
@pytest.mark.parametrize("client,status", [("good", "200"), ("revoked", "403"), (None, "403")])
def test_mbedtls(gate, pki, version, client, status):
    usher = gate()
    command = [str(MBEDTLS), "server_addr=127.0.0.1", "server_port=%d" % usher.port, "server_name=api.example.com",
               "ca_file=%s" % (pki / "root.pem"), "force_version=" + version, "request_page=/x", "auth_mode=required",
               "crt_file=%s" % (pki / (client + "-chain.pem") if client else "none"),
               "key_file=%s" % (pki / (client + ".key") if client else "none")]
    done = subprocess.run(command, capture_output=True, timeout=30)
    assert ("HTTP/1.1 " + status).encode() in done.stdout, done.stdout[-2000:]
