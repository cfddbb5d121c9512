# SPDX-License-Identifier: Apache-2.0
"""usher cert: facts of files, with openssl(1) as the witness."""
import json
import subprocess

import pytest

from conftest import USHER

FACTS = "cf.tls_client_auth."


def run(*args, stdin=None):
    return subprocess.run([USHER, "cert", *map(str, args)], capture_output=True, input=stdin)


def facts(*args):
    done = run(*args, "--format=json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def openssl(file, *options):
    return subprocess.run(["openssl", "x509", "-in", str(file), "-noout", *options], capture_output=True, check=True,
                          text=True).stdout.strip().split("=", 1)[1]


@pytest.mark.parametrize("name", ["good", "strange", "nul", "other", "hugeserial", "good-rsa"])
def test_facts_of_a_file(pki, name):
    file = pki / f"{name}.pem"
    f = facts(file)
    assert f[FACTS + "cert_subject_dn_rfc2253"] == openssl(file, "-subject", "-nameopt", "RFC2253")
    assert f[FACTS + "cert_subject_dn_legacy"] == openssl(file, "-subject", "-nameopt", "compat")
    assert f[FACTS + "cert_serial"].lstrip("0") == openssl(file, "-serial").lstrip("0")
    assert f[FACTS + "cert_not_after"] == openssl(file, "-enddate")
    assert f[FACTS + "cert_fingerprint_sha256"] == openssl(file, "-fingerprint", "-sha256").replace(":", "").lower()
    assert f["tls.client.verify_result"] == "untrusted"
    assert f[FACTS + "cert_issuer_ski"] == "" and f[FACTS + "cert_issuer_serial"] == ""


@pytest.mark.parametrize("name,crls,result", [
    ("good", [], "ok"),
    ("good", ["crl-root.pem", "crl-a.der"], "ok"),
    ("good", ["crl-a.pem"], "crl_missing"),
    ("revoked", ["crl-root.pem", "crl-a.pem"], "revoked"),
    ("issuer-revoked", ["crl-root.pem", "crl-revoked.pem"], "issuer_revoked"),
    ("expired", [], "expired"),
    ("early", [], "not_yet_valid"),
    ("self", [], "untrusted"),
    ("foreign", [], "untrusted"),
    ("wrongeku", [], "bad_usage"),
    ("nc-bad", [], "name_constraint"),
    ("nc-soft-bad", [], "name_constraint"),
    ("weak-sha1", [], "weak"),
])
def test_verdicts(pki, name, crls, result):
    f = facts(pki / f"{name}-chain.pem", "--ca", pki / "root.pem", *[f"--crl={pki / c}" for c in crls])
    assert f["tls.client.verify_result"] == result
    assert f[FACTS + "cert_verified"] is (result in ("ok", "revoked"))
    assert f[FACTS + "cert_revoked"] is (result == "revoked")


def test_at_another_time(pki):
    chain, ca = pki / "expired-chain.pem", pki / "ca-a.pem"
    assert facts(chain, "--ca", ca, "--at", "2020-06-01T00:00:00Z")["tls.client.verify_result"] == "not_yet_valid"
    f = facts(pki / "good-chain.pem", "--ca", pki / "ca-a.pem", "--at=2100-01-01T00:00:00+01:00")
    assert f["tls.client.verify_result"] == "expired" and f["tls.client.days_left"] < -20000


def test_text_is_rules(pki, tmp_path):
    """Every line that usher cert prints is an expression, and lint takes each of them."""
    text = run(pki / "strange-chain.pem", "--ca", pki / "root.pem").stdout.decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) > 35
    rules = tmp_path / "facts.rules"
    rules.write_text("".join(f"rule fact-{i} {{ when {line} then log }}\n" for i, line in enumerate(lines)))
    done = subprocess.run([USHER, "lint", str(rules)], capture_output=True, text=True)
    assert done.returncode == 0 and "error" not in done.stdout, done.stdout


def test_several_cas_in_both_encodings(pki, tmp_path):
    der = tmp_path / "ca-a.der"
    subprocess.run(["openssl", "x509", "-in", pki / "ca-a.pem", "-outform", "DER", "-out", der], check=True)
    f = facts(pki / "good.pem", "--ca", pki / "ca-b.pem", "--ca", der, "--ca", pki / "root.pem")
    assert f["tls.client.verify_result"] == "ok"


def test_standard_input(pki):
    done = run("-", stdin=(pki / "good.pem").read_bytes())
    assert done.returncode == 0 and b'subject.cn eq "good client"' in done.stdout


@pytest.mark.parametrize("args,code,says", [
    ([], 2, "which file?"),
    (["{pki}/nowhere.pem"], 2, "No such file"),
    (["{pki}/good.key"], 1, "there is no certificate"),
    (["{pki}/good.pem", "--ca", "{pki}/good.pem"], 1, "not a CA"),
    (["{pki}/good.pem", "--crl", "{pki}/crl-a-delta.pem"], 1, "delta CRL"),
    (["{pki}/good.pem", "--at", "tomorrow"], 2, "no time"),
    (["{pki}/good.pem", "--format", "xml"], 2, "text or json"),
    (["{pki}/good.pem", "--cat", "x"], 2, "unknown option"),
    (["{pki}/good.pem", "{pki}/other.pem"], 2, "one file"),
])
def test_what_goes_wrong(pki, args, code, says):
    done = run(*[a.format(pki=pki) for a in args])
    assert done.returncode == code and says in done.stderr.decode(), done.stderr
    assert done.stdout == b""
