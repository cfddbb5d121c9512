# SPDX-License-Identifier: Apache-2.0
"""usher lint as a user meets it: messages pinned, exit codes, the example of the manual."""
import pathlib
import re
import subprocess

import pytest

from conftest import ROOT, USHER

DATA = ROOT / "tests/data/lint"


def lint(*files, cwd=None):
    return subprocess.run([USHER, "lint", *map(str, files)], capture_output=True, cwd=cwd, text=True)


@pytest.mark.parametrize("name", sorted(p.name for p in DATA.glob("*.rules")))
def test_messages_are_pinned(name):
    done = lint(name, cwd=DATA)
    assert done.returncode == 1
    assert done.stdout == (DATA / name).with_suffix(".out").read_text()


def test_exit_codes(tmp_path):
    good, bad = tmp_path / "good.rules", tmp_path / "bad.rules"
    good.write_text('rule a { when ssl then block }\n')
    bad.write_text('rule a { when sll then block }\n')
    assert lint(good).returncode == 0
    assert lint(bad).returncode == 1
    assert lint(tmp_path / "none.rules").returncode == 2
    assert lint().returncode == 2
    assert lint("--nonsense", good).returncode == 2


def test_warnings_are_no_errors(tmp_path):
    file = tmp_path / "warn.rules"
    file.write_text('rule a { when cf.tls_client_auth.cert_ski eq "AB" then block }\n')
    done = lint(file)
    assert done.returncode == 0 and "warning[U3001]" in done.stdout


def test_include_loop(tmp_path):
    (tmp_path / "a.rules").write_text('include "b.rules"\n')
    (tmp_path / "b.rules").write_text('include "a.rules"\n')
    done = lint(tmp_path / "a.rules")
    assert done.returncode == 1 and "U8002" in done.stdout


def test_include_in_name_order(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "2.rules").write_text('rule b { when ssl and then block }\n')
    (tmp_path / "d" / "1.rules").write_text('rule a { when sll then block }\n')
    (tmp_path / "main.rules").write_text('include "d/*.rules"\n')
    out = lint(tmp_path / "main.rules").stdout
    assert 0 <= out.index("1.rules:1:") < out.index("2.rules:1:")


def test_files_that_do_not_serve(tmp_path, pki):
    file = tmp_path / "tls.rules"
    file.write_text("""
listener a { address 127.0.0.1:1 }
zone z {
    hosts z.example
    certificate "%(pki)s/server-rsa.pem"
    key         "%(pki)s/server-ecdsa.key"
    client_auth required
    client_ca   "%(pki)s/good.key"
    client_crl  "%(pki)s/good.pem"
    origin      http://127.0.0.1:1
}
""" % {"pki": pki})
    done = lint(file)
    assert done.returncode == 1
    for code in ("U3026", "U3027", "U3028"):
        assert code in done.stdout, done.stdout


def test_nothing_to_serve(tmp_path):
    file = tmp_path / "rules.rules"
    file.write_text("rule a { when ssl then block }\n")
    done = subprocess.run([USHER, "serve", str(file)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "no listener" in done.stderr


def test_a_reload_that_leaves_nothing_to_serve(make_usher, origin):
    rules = "listener l { address 127.0.0.1:{port} ; plain }\nzone z { hosts localhost ; origin {origin} }\n"
    usher = make_usher(rules, origin=origin.url)
    usher.reload("rule a { when ssl then block }\n", event="reload_failed")
    assert usher.process.poll() is None
    usher.reload(rules)


def explanation(code):
    """Title, prose and the two examples of usher explain."""
    done = subprocess.run([USHER, "explain", code], capture_output=True, text=True)
    assert done.returncode == 0, code
    parts = {"why": []}
    name = "why"
    for line in done.stdout.splitlines()[1:]:
        if line in ("    Wrong:", "    Right:"):
            name = line.strip(" :").lower()
            parts[name] = []
        else:
            parts[name].append(line[8:] if name != "why" else line.strip())
    return {name: "\n".join(lines).strip() for name, lines in parts.items()}


CODES = re.findall(r"^DIAG\((U\d+)", (ROOT / "base/diags.def").read_text(), re.M)


@pytest.mark.parametrize("code", CODES)
def test_explanations(code, tmp_path):
    told = explanation(code)
    assert len(told["why"]) > 40
    assert ("wrong" in told) == ("right" in told)
    for name in ("wrong", "right"):
        if name in told:
            file = tmp_path / (name + ".rules")
            file.write_text(told[name] + "\n")
            done = lint(file)
            assert (f"[{code}]" in done.stdout) == (name == "wrong"), done.stdout
            assert name == "wrong" or "error[" not in done.stdout, done.stdout


def test_explain():
    def explain(*codes):
        return subprocess.run([USHER, "explain", *codes], capture_output=True, text=True)

    assert explain("u0005", "U1004").stdout.count("(error)") == 2
    assert explain("U9999").returncode == 2 and "U9999" in explain("U9999").stderr
    assert explain().returncode == 2
