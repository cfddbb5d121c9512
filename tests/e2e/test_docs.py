# SPDX-License-Identifier: Apache-2.0
"""Examples in the README and the manual are what usher takes."""
import re
import shutil
import subprocess

import pytest

from conftest import ROOT, USHER


def readme_rules():
    return [b for b in re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M) if "listener" in b]


def page_examples(page):
    text = (ROOT / "docs" / page).read_text()
    return [b.replace("\\e", "\\").replace('\\(dq', '"') for b in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.S | re.M)]


EXAMPLES = [("README.md", t) for t in readme_rules()] + [
    (p, t) for p in ("usher.conf.5", "usher-rules.5") for t in page_examples(p)]


@pytest.mark.parametrize("where,text", EXAMPLES, ids=[w + "-%d" % i for i, (w, _) in enumerate(EXAMPLES)])
def test_rule_files(where, text, tmp_path, pki):
    (tmp_path / "tls").mkdir()
    (tmp_path / "ca").mkdir()
    shutil.copy(pki / "server-ecdsa-chain.pem", tmp_path / "tls/api.pem")
    shutil.copy(pki / "server-ecdsa.key", tmp_path / "tls/api.key")
    shutil.copy(pki / "ca-bundle.pem", tmp_path / "ca/partners.pem")
    shutil.copy(pki / "crl-a.pem", tmp_path / "ca/partners.crl")
    if "$partner_issuers" in text and "list partner_issuers" not in text:
        text = 'list partner_issuers : string { "A5" }\n' + text
    (tmp_path / "x.rules").write_text(text)
    done = subprocess.run([USHER, "lint", "x.rules"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout and "U3001" not in done.stdout, done.stdout


def test_eval_example():
    text = [b for b in page_examples("usher.1") if "eval" in b][0]
    done = subprocess.run(["sh", "-c", text.replace("usher eval", USHER + " eval")], capture_output=True, text=True)
    assert done.stdout == "true\n", done.stderr


def test_every_command_is_in_the_manual():
    page = (ROOT / "docs/usher.1").read_text()
    for name in re.findall(r'COMMAND\("(\w+)"', (ROOT / "cli/commands.def").read_text()):
        assert ".Cm " + name in page, name
        assert subprocess.run([USHER, name, "--help"], capture_output=True).returncode == 0


def test_shipped_rules():
    for file in sorted((ROOT / "rules").glob("*.rules")):
        done = subprocess.run([USHER, "lint", str(file)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_every_refusal_is_in_the_manual():
    """docs/http.md has a row for each row of the two tables, and none besides."""
    rows = []
    for file, macro in (("headers/rejects.def", "REJECT"), ("proxy/faults.def", "FAULT")):
        text = (ROOT / file).read_text()
        found = re.findall(r'^%s\(\w+, (\d+), "(\w+)",\s*((?:"[^"]*"\s*)+)\)' % macro, text, re.M)
        assert len(found) == len(re.findall(r"^%s\(" % macro, text, re.M))
        rows += [(status, word, "".join(re.findall(r'"([^"]*)"', prose))) for status, word, prose in found]
    page = re.findall(r"^\| (\d+|–) \| `(\w+)` \| (.*) \|$", (ROOT / "docs/http.md").read_text(), re.M)
    assert [(status.replace("–", "0"), word, prose) for status, word, prose in page] == rows
    assert len({word for _, word, _ in rows}) == len(rows)


def test_every_reserved_name_is_in_the_manual():
    text = (ROOT / "docs/http.md").read_text().split("\n## What no client may say\n")[1].split("\n## ")[0]
    said = re.findall(r"^\| `([a-z-]+)(\*?)` \| (.*) \|$", text, re.M)
    rows = re.findall(r'^RESERVED\("([a-z-]+)", (true|false), "(.*)"\)$', (ROOT / "headers/reserved.def").read_text(), re.M)
    assert rows and said == [(name, "*" if prefix == "true" else "", prose) for name, prefix, prose in rows]
