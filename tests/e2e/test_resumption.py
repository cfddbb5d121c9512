# SPDX-License-Identifier: Apache-2.0
"""Session tickets with real clients: what is resumed is judged again, and what does not fit opens nothing."""
import re
import signal
import subprocess
import time

import pytest

from conftest import needs

RULES = """
server {{server}}
listener public {
    address       127.0.0.1:{port}
    default_zone  a
}
zone a {
    hosts        a.test, *.wild.test
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    certificate  "{pki}/server-rsa-chain.pem"
    key          "{pki}/server-rsa.key"
    client_auth  {auth}
    client_ca    "{pki}/{ca}.pem"
    client_crl   "{pki}/crl-root.pem", "{pki}/{crl}.pem"
    origin       {origin}
    transforms   tls_client_auth_headers
}
zone b {
    hosts        b.test
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  required
    client_ca    "{pki}/root.pem"
    origin       {origin}
}
zone open {
    hosts        open.test
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    origin       {origin}
}
rule seen { when true then set request header "x-seen" = tls.client.verify_result }
rule revoked { when cf.tls_client_auth.cert_revoked then block 403 }
"""

VERSIONS = ["tls1_2", "tls1_3"]


@pytest.fixture
def place(make_usher, origin):
    def make(server="", **words):
        words = dict({"auth": "optional", "ca": "root", "crl": "crl-a"}, **words)
        usher = make_usher(RULES.replace("{server}", " " + server + " "), origin=origin.url, **words)
        usher.rules = RULES.replace("{server}", " " + server + " ")
        return usher
    return make


class Client:
    """openssl s_client: one request over one connection, with a session kept in a file between two runs."""

    def __init__(self, usher, pki, directory, version):
        self.usher, self.pki, self.version = usher, pki, version
        self.file = directory / ("session-" + version)

    def __call__(self, name="a.test", cert="good", resume=False, usher=None):
        usher = usher or self.usher
        before = len(usher.accesses())
        command = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % usher.port, "-" + self.version,
                   "-CAfile", str(self.pki / "root.pem"), "-ign_eof", "-sess_out", str(self.file)]
        command += ["-servername", name] if name else ["-noservername"]
        if cert:
            command += ["-cert", str(self.pki / (cert + ".pem")), "-cert_chain", str(self.pki / (cert + "-chain.pem")),
                        "-key", str(self.pki / (cert + ".key"))]
        if resume:
            command += ["-sess_in", str(self.file)]
        request = "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (name or "a.test")
        out = subprocess.run(command, input=request.encode(), capture_output=True, timeout=20)
        text = out.stdout.decode(errors="replace")
        self.reused = "Reused, TLS" in text
        status = re.search(r"HTTP/1\.1 (\d+) ", text)
        self.status = int(status[1]) if status else None
        self.seen = re.findall(r'\["x-seen", "(\w+)"\]', text)
        self.headers = dict(re.findall(r'\["(cf-[\w-]+|cert-[\w-]+)", "([^"]*)"\]', text, re.I))
        self.log = usher.accesses(before + 1)[-1]
        return self


@pytest.fixture(params=VERSIONS)
def client(request, pki, tmp_path):
    return lambda usher: Client(usher, pki, tmp_path, request.param)


def full_then(c, name="a.test", cert="good"):
    first = c(name, cert)
    assert first.status == 200 and not first.reused and first.log["resumed"] is False
    return dict(first.headers)


def test_same_facts(place, client):
    c = client(place())
    headers = full_then(c)
    again = c(resume=True)
    assert again.reused and again.status == 200 and again.log["resumed"] is True
    assert again.seen == ["ok"] and again.headers == headers and len(headers) > 5
    assert again.log["verify_result"] == "ok" and again.log["fingerprint"] in headers.values()


def test_revoked_meanwhile(place, client):
    usher = place()
    c = client(usher)
    full_then(c)
    usher.words["crl"] = "crl-a-more"
    usher.reload(usher.rules)
    again = c(resume=True)
    assert again.reused and again.status == 403
    assert again.log["verify_result"] == "revoked" and again.log["rule"] == "revoked"


def test_revoked_where_required(place, client):
    usher = place(auth="required")
    c = client(usher)
    full_then(c)
    usher.words["crl"] = "crl-a-more"
    usher.reload(usher.rules)
    again = c(resume=True)
    assert again.status is None
    assert again.log["reason"] == "client_certificate_refused" and again.log["detail"] == "revoked"
    assert again.log["ticket_refused"] == "not_good_now" and again.log["verify_result"] == "revoked"


@pytest.mark.parametrize("words", [{"ca": "foreign-root"}, {"auth": "required"}, {"auth": "off"}])
def test_zone_changed_meanwhile(place, client, words):
    usher = place()
    c = client(usher)
    full_then(c)
    usher.words.update(words)
    usher.reload(usher.rules)
    again = c(resume=True)
    assert not again.reused and again.log["ticket_refused"] == "other_zone" and again.status == 200
    assert again.seen == [{"foreign-root": "untrusted", "required": "ok", "off": "absent"}[list(words.values())[0]]]


@pytest.mark.parametrize("name, refused, status", [
    ("b.test", "other_zone", 200),
    ("open.test", "other_zone", 200),
    ("x.wild.test", "other_name", 200),
    (None, "other_name", 200),
])
def test_other_name(place, client, name, refused, status):
    c = client(place())
    full_then(c)
    again = c(name, resume=True)
    assert not again.reused and again.log["ticket_refused"] == refused and again.status == status


def test_without_certificate_where_required(place, client):
    c = client(place())
    full_then(c, "open.test", None)
    again = c("b.test", None, resume=True)
    assert again.status is None and again.log["reason"] == "client_certificate_required"
    assert again.log["ticket_refused"] == "other_zone" and again.log["verify_result"] == "absent"


def test_restart_forgets_keys(place, client):
    one, two = place(), place()
    c = client(one)
    full_then(c)
    again = c(resume=True, usher=two)
    assert not again.reused and again.log["ticket_refused"] == "unknown_key" and again.status == 200


def test_shared_keys(place, client, tmp_path):
    keys = tmp_path / "ticket.keys"
    keys.write_text("# of the first week\n" + "0123456789abcdef" * 4 + "\n")
    keys.chmod(0o600)
    one, two = (place('ticket_keys "%s"' % keys) for _ in range(2))
    c = client(one)
    headers = full_then(c)
    again = c(resume=True, usher=two)
    assert again.reused and again.headers == headers
    # a new key seals, the old one opens; then the old one is gone
    keys.write_text("fedcba9876543210" * 4 + "\n" + "0123456789abcdef" * 4 + "\n")
    two.reload()
    c(usher=one)
    assert c(resume=True, usher=two).reused
    c(usher=one)
    keys.write_text("fedcba9876543210" * 4 + "\n")
    two.reload()
    gone = c(resume=True, usher=two)
    assert not gone.reused and gone.log["ticket_refused"] == "unknown_key"
    # a bad file changes nothing
    c(usher=two)
    keys.write_text("fedcba98\n")
    two.reload(event="reload_failed")
    assert c(resume=True, usher=two).reused


def test_used_once(place, pki, tmp_path):
    c = Client(place(), pki, tmp_path, "tls1_3")
    full_then(c)
    ticket = c.file.read_bytes()
    assert c(resume=True).reused
    c.file.write_bytes(ticket)
    again = c(resume=True)
    assert not again.reused and again.log["ticket_refused"] == "used" and again.status == 200


@pytest.mark.parametrize("option", ["--tlsv1.2 --tls-max 1.2", "--tlsv1.3"])
def test_curl(place, pki, make_curl, option):
    usher = place()
    url = "https://x.wild.test:%d/" % usher.port
    make_curl(usher)("https://x.wild.test/", *option.split(), "-H", "Connection: close", url, "--next", "-sS", "--http1.1",
                     "--cacert", str(pki / "root.pem"), "--resolve", "x.wild.test:%d:127.0.0.1" % usher.port,
                     "--cert", str(pki / "good-chain.pem"), "--key", str(pki / "good.key"), *option.split(), url,
                     cert="good")
    lines = usher.accesses(3)
    assert [x["verify_result"] for x in lines] == ["ok"] * 3
    # curl asks for no tickets in TLS 1.2, and usher keeps no sessions by their id
    assert lines[0]["resumed"] is False and any(x["resumed"] for x in lines[1:]) == ("1.3" in option)


@needs("gnutls-cli")
@pytest.mark.parametrize("priority", ["NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"])
def test_gnutls(place, pki, priority):
    usher = place()
    process = subprocess.Popen(["gnutls-cli", "--resume", "--waitresumption", "--x509cafile", str(pki / "root.pem"),
                                "--x509certfile", str(pki / "good-chain.pem"), "--x509keyfile", str(pki / "good.key"),
                                "--priority", priority, "--sni-hostname", "a.test", "--insecure",
                                "-p", str(usher.port), "127.0.0.1"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        time.sleep(3)
        out, _ = process.communicate(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", timeout=20)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
    text = out.decode(errors="replace")
    assert "This is a resumed session" in text, text
    assert '["x-seen", "ok"]' in text, text
    assert usher.accesses(1)[-1]["resumed"] is True
