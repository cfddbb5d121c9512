# SPDX-License-Identifier: Apache-2.0
"""Where usher learns of revoked certificates while it serves: files that change, lists and answers that are fetched."""
import os
import shutil
import socket
import ssl
import subprocess
import time

import pytest

import authority
from conftest import PATIENCE, USHER, until

RULES = """
server { watch_interval {watch} ; {server} }
listener public { address 127.0.0.1:{port} }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    {zone}
    origin       {origin}
}
rule verdict { when true then set request header "x-verdict" = tls.client.verify_result }
"""


@pytest.fixture
def place(make_usher, make_curl, origin):
    def make(zone, server="", watch="100ms", **words):
        rules = RULES.replace("{zone}", zone).replace("{server}", server).replace("{watch}", watch)
        usher = make_usher(rules, origin=origin.url, **words)
        curl = make_curl(usher)
        usher.verdict = lambda cert="good": curl("https://api.example.com/", cert=cert).received("x-verdict")[0]
        return usher
    return make


def put(source, target):
    """As somebody who knows how: the file appears whole."""
    shutil.copy(source, str(target) + ".part")
    os.rename(str(target) + ".part", target)


@pytest.fixture
def crls(tmp_path, pki):
    where = tmp_path / "crl"
    where.mkdir()
    for name in ("crl-a", "crl-b", "crl-root"):
        shutil.copy(pki / (name + ".pem"), where)
    return where


# ---- files ----

@pytest.mark.parametrize("how", ["{crl}/*.pem", "{crl}"], ids=["glob", "directory"])
def test_a_changed_file_is_noticed(place, crls, pki, tmp_path, how):
    p = place('client_crl "%s"' % how, crl=crls)
    assert p.verdict() == "ok" and p.verdict("revoked") == "revoked"
    shutil.copy(pki / "crl-a-more.pem", tmp_path / "new")
    os.rename(tmp_path / "new", crls / "crl-a.pem")
    p.wait_event("reloaded")
    assert p.verdict() == "revoked"
    asked = p.events("reload_asked")
    assert len(asked) == 1 and asked[0]["reason"] == "file_changed" and str(crls) in asked[0]["file"]
    shutil.copy(pki / "crl-a-more.der", crls / "more.pem")  # a new file counts as a change
    p.wait_event("reloaded", 2)
    time.sleep(0.5)
    assert len(p.events("reload_asked")) == 2


def test_a_changed_ca_is_noticed(place, pki, tmp_path):
    shutil.copy(pki / "root.pem", tmp_path / "ca.pem")
    p = place('client_ca "{ca}"', ca=tmp_path / "ca.pem")
    assert p.verdict("foreign") == "untrusted"
    put(pki / "foreign-root.pem", tmp_path / "ca.pem")
    p.wait_event("reloaded")
    assert p.verdict("foreign") == "ok"


def test_a_bad_file_replaces_nothing_and_is_tried_once(place, crls, pki):
    p = place('client_crl "{crl}"', crl=crls)
    (crls / "crl-a.pem").write_text("-----BEGIN X509 CRL-----\nAAAA\n")
    p.wait_event("reload_failed")
    time.sleep(0.6)
    assert len(p.events("reload_failed")) == 1
    assert p.verdict() == "ok" and p.verdict("revoked") == "revoked"
    shutil.copy(pki / "crl-a-more.pem", crls / "crl-a.pem")
    until(lambda: p.verdict() == "revoked")


def test_lists_that_go_away_open_no_door(place, crls):
    p = place('client_crl "{crl}/*.pem" ; crl_required no', crl=crls)
    for file in list(crls.iterdir()):
        file.rename(str(file) + ".old")
    p.wait_event("reload_failed")
    assert p.verdict("revoked") == "revoked"


def test_watching_can_be_off(place, crls, pki):
    p = place('client_crl "{crl}"', watch="0s", crl=crls)
    shutil.copy(pki / "crl-a-more.pem", crls / "crl-a.pem")
    time.sleep(0.5)
    assert p.events("reload_asked") == [] and p.verdict() == "ok"
    p.reload()
    assert p.verdict() == "revoked"


def test_grace(make_usher, place, crls, pki):
    shutil.copy(pki / "crl-a-expired.pem", crls / "crl-a.pem")
    assert place('client_crl "{crl}"', crl=crls).verdict() == "crl_expired"
    # made in 2020; nothing but its age is wrong with it
    late = {"USHER_FAKE_OFFSET": str(31 * 86400)}
    shutil.copy(pki / "crl-a.pem", crls / "crl-a.pem")
    assert place('client_crl "{crl}"', crl=crls, env=late).verdict() == "crl_expired"
    assert place('client_crl "{crl}" ; crl_grace 2d', crl=crls, env=late).verdict() == "ok"


# ---- lists by address ----

@pytest.fixture
def web():
    w = authority.Web()
    yield w
    w.stop()


@pytest.fixture
def ca(tmp_path):
    return authority.Authority(tmp_path / "authority")


def fetching(place, ca, zone, server="", **words):
    return place('client_ca "{ca}/ca.pem" ; ' + zone, 'state "state" ; crl_refresh 1s ; ' + server, ca=ca.dir, **words)


def test_a_list_is_fetched_and_refreshed(place, ca, web):
    web.files["/a.crl"] = ca.crl(began=10)
    good, bad = ca.client("good"), ca.client("bad")
    p = fetching(place, ca, 'client_crl "%s/a.crl"' % web.url)
    p.wait_event("reloaded")
    assert p.verdict(good) == "ok" and p.verdict(bad) == "ok"
    web.files["/a.crl"] = ca.crl("bad")
    until(lambda: p.verdict(bad) == "revoked")
    assert p.verdict(good) == "ok"
    count = len(p.events("reload_asked"))
    time.sleep(2.5)  # the same list again is no news
    assert len(p.events("reload_asked")) == count == 2
    (kept,) = (p.dir / "state").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600 and kept.parent.stat().st_mode & 0o777 == 0o700


def test_until_it_is_there_nobody_is_verified(place, ca, web):
    web.files["/a.crl"] = 404
    good = ca.client("good")
    p = fetching(place, ca, 'client_crl "%s/a.crl"' % web.url)
    assert p.wait_event("crl_fetch_failed")["reason"] == "status 404"
    assert p.verdict(good) == "crl_missing"
    web.files["/a.crl"] = ca.crl()
    until(lambda: p.verdict(good) == "ok")


def test_a_list_survives_a_restart(place, ca, web, tmp_path):
    web.files["/a.crl"] = ca.crl()
    good = ca.client("good")
    zone = 'client_crl "%s/a.crl"' % web.url
    p = fetching(place, ca, zone)
    p.wait_event("reloaded")
    web.stop()
    q = place('client_ca "{ca}/ca.pem" ; ' + zone, 'state "%s"' % (p.dir / "state"), ca=ca.dir)
    assert q.verdict(good) == "ok"
    q.wait_event("crl_fetch_failed")
    assert q.verdict(good) == "ok" and q.events("reload_asked") == []


def test_a_damaged_state_is_fetched_again(place, ca, web):
    web.files["/a.crl"] = ca.crl()
    good = ca.client("good")
    zone = 'client_crl "%s/a.crl"' % web.url
    p = fetching(place, ca, zone)
    p.wait_event("reloaded")
    next((p.dir / "state").iterdir()).write_bytes(b"no list")
    q = place('client_ca "{ca}/ca.pem" ; ' + zone, 'state "%s"' % (p.dir / "state"), ca=ca.dir)
    until(lambda: q.verdict(good) == "ok")


@pytest.mark.parametrize("what", ["no list", "older", "from the future", "too large"])
def test_what_may_not_replace_a_list(place, ca, web, what):
    bad = ca.client("bad")
    old = ca.crl(began=3600)
    web.files["/a.crl"] = ca.crl("bad", began=60)
    p = fetching(place, ca, 'client_crl "%s/a.crl"' % web.url, 'foreign_fields refuse }\nlimits { crl 4k')
    p.wait_event("reloaded")
    assert p.verdict(bad) == "revoked"
    ca.revoked = []
    web.files["/a.crl"] = {"no list": b"<html>", "older": old, "from the future": ca.crl(began=-900),
                           "too large": ca.crl(pad=200)}[what]
    reason = p.wait_event("crl_fetch_failed")["reason"]
    assert {"no list": "CRL", "older": "older", "from the future": "not valid yet", "too large": "more than 4096 bytes"}[what] in reason
    assert p.verdict(bad) == "revoked" and len(p.events("reload_asked")) == 1


def test_redirects(place, ca, web):
    good = ca.client("good")
    web.files.update({"/a.crl": "/b.crl", "/b.crl": ca.crl()})
    p = fetching(place, ca, 'client_crl "%s/a.crl"' % web.url)
    until(lambda: p.verdict(good) == "ok")


@pytest.mark.parametrize("hosts,to", [("127.0.0.1", "http://localhost:%d/b.crl"), ("localhost", "http://localhost:%d/b.crl"),
                                      ("127.0.0.1", "file:///etc/passwd"), ("127.0.0.1", "/a.crl")])
def test_redirects_that_are_not_followed(place, ca, web, hosts, to):
    web.files.update({"/a.crl": to % web.port if "%" in to else to, "/b.crl": ca.crl()})
    p = fetching(place, ca, 'client_crl "%s/a.crl" ; crl_hosts %s' % (web.url, hosts))
    reason = p.wait_event("crl_fetch_failed")["reason"]
    assert "not listed" in reason or "not an address" in reason or "too many" in reason, reason
    assert "/b.crl" not in web.asked


def test_a_server_that_does_not_answer(place, ca, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        p = fetching(place, ca, 'client_crl "http://127.0.0.1:%d/a.crl"' % silent.getsockname()[1],
                     "foreign_fields refuse }\ntimeouts { fetch 300ms")
        assert "imeout" in p.wait_event("crl_fetch_failed")["reason"]


def test_https_must_prove_its_name(place, ca, web, pki):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key")
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    web.files["/a.crl"] = ca.crl()
    p = fetching(place, ca, 'client_crl "https://localhost:%d/a.crl"' % web.port)
    assert "certificate" in p.wait_event("crl_fetch_failed")["reason"] and web.asked == []


def test_usher_ends_while_it_fetches(place, ca):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = "http://127.0.0.1:%d/" % silent.getsockname()[1]
        p = fetching(place, ca, 'client_crl "%sa.crl" ; ocsp soft ; ocsp_url "%socsp"' % (url, url))
        begin = time.monotonic()
        assert p.stop() == 0 and time.monotonic() - begin < 9 * PATIENCE


# ---- lists that certificates name ----

def test_distribution_points(place, ca, web):
    web.files["/points.crl"] = ca.crl()
    good, bad = (ca.client(who, crl=web.url + "/points.crl") for who in ("good", "bad"))
    other = authority.Authority(ca.dir.parent / "other")
    zone = "client_crl distribution_points ; crl_hosts 127.0.0.1:%d" % web.port
    p = fetching(place, ca, zone)
    assert p.verdict(other.client("stranger", crl=web.url + "/stranger.crl")) == "untrusted"
    assert p.verdict(good) == "crl_missing"
    p.wait_event("reloaded")
    assert p.verdict(good) == "ok"
    assert set(web.asked) == {"/points.crl"}  # a stranger's certificate sends nobody anywhere
    web.files["/points.crl"] = ca.crl("bad")
    until(lambda: p.verdict(bad) == "revoked")
    web.stop()
    q = place('client_ca "{ca}/ca.pem" ; ' + zone, 'state "%s"' % (p.dir / "state"), ca=ca.dir)
    assert q.verdict(bad) == "revoked" and q.verdict(good) == "ok"


@pytest.mark.parametrize("hosts", ["localhost", "127.0.0.1", "*.0.0.1", "127.0.0.1:1"])
def test_a_host_that_is_not_listed(place, ca, web, hosts):
    web.files["/points.crl"] = ca.crl()
    good = ca.client("good", crl=web.url + "/points.crl")
    p = fetching(place, ca, "client_crl distribution_points ; crl_hosts " + hosts)
    for _ in range(3):
        assert p.verdict(good) == "crl_missing"
    time.sleep(1.5)
    (refused,) = p.events("crl_fetch_refused")
    assert refused["url"] == web.url + "/points.crl" and web.asked == []


@pytest.mark.parametrize("zone,server", [("client_crl distribution_points", 'state "s"'),
                                         ('client_crl "http://crl.example/a"', ""),
                                         ('client_crl "http://u@crl.example/a"', 'state "s"'),
                                         ("client_crl distribution_points ; crl_hosts http://x", 'state "s"'),
                                         ("ocsp hard", "")])
def test_what_a_rule_file_must_say(tmp_path, pki, zone, server):
    text = RULES.replace("{zone}", zone).replace("{server}", server).replace("{watch}", "1s")
    text = text.replace("{pki}", str(pki)).replace("{port}", "1").replace("{origin}", "http://127.0.0.1:1")
    (tmp_path / "x.rules").write_text(text)
    done = subprocess.run([USHER, "lint", str(tmp_path / "x.rules")], capture_output=True, text=True)
    assert done.returncode == 1 and "error[U800" in done.stdout, done.stdout


# ---- OCSP ----

@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("by", ["url", "certificate"])
def test_ocsp(place, ca, web, mode, by):
    web.post = lambda request: ca.ocsp(request, {"good", "bad"})
    where = {"ocsp": web.url + "/ocsp"} if by == "certificate" else {}
    good, bad, strange = (ca.client(who, **where) for who in ("good", "bad", "strange"))
    ca.revoked = ["bad"]
    hosts = 'ocsp_url "%s/ocsp"' % web.url if by == "url" else "ocsp_hosts 127.0.0.1:%d" % web.port
    p = place('client_ca "{ca}/ca.pem" ; ocsp %s ; %s' % (mode, hosts), ca=ca.dir)
    first = {"soft": "ok", "hard": "crl_missing"}[mode]
    assert p.verdict(good) == first
    until(lambda: p.verdict(good) == "ok")
    p.verdict(bad), p.verdict(strange)
    until(lambda: p.verdict(bad) == "revoked")
    until(lambda: p.verdict(strange) == "crl_missing" and len(web.asked) >= 3)
    count = len(web.asked)
    for _ in range(5):
        assert (p.verdict(good), p.verdict(bad)) == ("ok", "revoked")
    assert len(web.asked) == count  # answers are remembered


@pytest.mark.parametrize("mode,verdict", [("soft", "ok"), ("hard", "crl_missing")])
def test_a_responder_that_is_down(place, ca, web, mode, verdict):
    good = ca.client("good")
    p = place('client_ca "{ca}/ca.pem" ; ocsp %s ; ocsp_url "%s/ocsp"' % (mode, web.url), ca=ca.dir)
    assert p.verdict(good) == verdict
    assert p.wait_event("ocsp_failed")["reason"] == "status 503"
    assert p.verdict(good) == verdict
    p.verdict(ca.client("another"))
    until(lambda: len(web.asked) == 2)
    assert len(p.events("ocsp_failed")) == 1  # told once


@pytest.mark.parametrize("mode,verdict", [("soft", "ok"), ("hard", "crl_missing")])
def test_a_responder_that_is_not_listed(place, ca, web, mode, verdict):
    good = ca.client("good", ocsp=web.url + "/ocsp")
    p = place('client_ca "{ca}/ca.pem" ; ocsp %s ; ocsp_hosts localhost' % mode, ca=ca.dir)
    assert p.verdict(good) == verdict
    assert "ocsp_hosts" in p.wait_event("ocsp_failed")["reason"]
    assert p.verdict(good) == verdict and web.asked == []


def test_an_open_connection_hears_of_it(place, ca, web, make_raw):
    web.post = ca.ocsp
    bad = ca.client("bad")
    ca.revoked = ["bad"]
    p = place('client_ca "{ca}/ca.pem" ; ocsp soft ; ocsp_url "%s/ocsp"' % web.url, ca=ca.dir)
    raw = make_raw(p, tls=True, sni="api.example.com", cert=str(bad))
    raw.send("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    assert raw.response()[0] == 200
    assert raw.all() == b""  # within seconds: what rests on no answer is looked at again


# ---- warnings ----

def test_a_list_that_runs_out_is_told_once_each_time(place, ca, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "a.crl").write_bytes(ca.crl(ends=4))
    good = ca.client("good")
    p = place('client_ca "{ca}/ca.pem" ; client_crl "%s" ; crl_warning 1h' % lists, watch="0s", ca=ca.dir)
    soon = p.wait_event("expires_soon")
    assert soon["what"] == "crl" and soon["zone"] == "partners" and soon["name"] == "CN=Publishing CA" and soon["seconds_left"] <= 4
    p.reload()
    assert p.wait_event("expired")["what"] == "crl"
    assert p.verdict(good) == "crl_expired"
    p.reload()
    assert len(p.events("expires_soon")) == len(p.events("expired")) == 1
    (lists / "b.crl").write_bytes(ca.crl(ends=7200))  # a newer one takes its place
    p.reload()
    assert p.verdict(good) == "ok" and len(p.events("expires_soon")) == 1


def test_certificates_that_run_out(place, ca):
    p = place('client_ca "{ca}/ca.pem"', ca=ca.dir, env={"USHER_FAKE_OFFSET": str(299 * 86400)})
    told = {(e["what"], e["name"]) for e in p.events("expires_soon")}
    assert told == {("ca", "CN=Publishing CA")}  # the server's has 66 days left
    p = place('client_ca "{ca}/ca.pem"', ca=ca.dir, env={"USHER_FAKE_OFFSET": str(360 * 86400)})
    assert [e["name"] for e in p.events("expires_soon") if e["what"] == "certificate"] == ["CN=server ecdsa,O=usher test"]
    assert [e["name"] for e in p.events("expired")] == ["CN=Publishing CA"]


# ---- what comes over the wire without protection ----

def test_a_forged_list_replaces_nothing(place, ca, web):
    bad = ca.client("bad")
    web.files["/a.crl"] = ca.crl("bad", began=60)
    p = fetching(place, ca, 'client_crl "%s/a.crl"' % web.url)
    p.wait_event("reloaded")
    ca.revoked = []
    forged = bytearray(ca.crl())
    forged[-1] ^= 1
    web.files["/a.crl"] = bytes(forged)
    assert "signature" in p.wait_event("crl_fetch_failed")["reason"]
    assert p.verdict(bad) == "revoked" and len(p.events("reload_asked")) == 1


def test_points_of_the_cas_themselves(place, ca, web):
    web.files["/root.crl"] = ca.crl()
    below = ca.client("below", crl=web.url + "/root.crl")
    key = authority.ec.generate_private_key(authority.ec.SECP256R1())
    x509 = authority.x509
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(web.url + "/root.crl")], None, None, None)
    middle = ca.sign(authority.name("Middle CA"), key, [(x509.BasicConstraints(True, None), True),
                     (x509.CRLDistributionPoints([point]), False)])
    ca.write("ca.pem", (ca.dir / "ca.pem").read_bytes() + middle.public_bytes(authority.PEM))
    p = fetching(place, ca, "client_crl distribution_points ; crl_hosts 127.0.0.1:%d" % web.port)
    p.wait_event("reloaded")  # before any client came
    assert p.verdict(below) == "ok"
