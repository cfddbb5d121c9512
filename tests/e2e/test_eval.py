# SPDX-License-Identifier: Apache-2.0
"""usher eval: expressions over requests given as JSON, from the command line."""
import json
import random
import re
import subprocess

import pytest

from conftest import ROOT, USHER


def usher_eval(*args, facts="", cwd=None):
    if isinstance(facts, list):
        facts = "".join(json.dumps(f) + "\n" for f in facts)
    done = subprocess.run([USHER, "eval", *args], input=facts.encode(), capture_output=True, cwd=cwd, check=False)
    return done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="replace")


HOST = [{"http.host": "a.example"}, {"http.host": "b.example"}, {"http.host": None}]


def test_lines():
    assert usher_eval('http.host eq "a.example"', facts=HOST) == (0, "true\nfalse\nfalse\n", "")
    assert usher_eval("http.host", facts=HOST) == (0, "a.example\nb.example\nmissing\n", "")
    assert usher_eval("--format=json", "http.host", facts=HOST) == (0, '"a.example"\n"b.example"\nnull\n', "")
    assert usher_eval("--format=json", "len(http.host)", facts=HOST) == (0, "9\n9\nnull\n", "")
    assert usher_eval("true", facts="") == (0, "", "")
    assert usher_eval("true", facts="\n{}\n\n{}\n") == (0, "true\ntrue\n", "")


def test_quiet():
    assert usher_eval("-q", 'http.host eq "b.example"', facts=HOST) == (0, "", "")
    assert usher_eval("-q", 'http.host eq "c.example"', facts=HOST) == (1, "", "")
    assert usher_eval("-q", "http.host", facts=HOST) == (1, "", "")
    assert usher_eval("-q", "http.hots", facts=HOST)[0] == 2


def test_values():
    facts = [{"http.request.headers": {"b": ["1"], "a": ["x", "y"]}, "ip.src": "2001:db8::1",
              "http.user_agent": {"hex": "ff00"}, "http.referer": "two\nlines"}]
    assert usher_eval("http.request.headers", facts=facts)[1] == '{"a":["x","y"],"b":["1"]}\n'
    assert usher_eval("ip.src", facts=facts)[1] == "2001:db8::1\n"
    assert usher_eval("ip.src", "--format=json", facts=facts)[1] == '"2001:db8::1"\n'
    assert usher_eval("http.user_agent", "--format=json", facts=facts)[1] == '{"hex":"ff00"}\n'
    assert usher_eval("http.referer", "--format=json", facts=facts)[1] == '"two\\nlines"\n'


def test_errors_of_the_expression():
    code, out, err = usher_eval('http.hots eq "a" and ip.src eq "b"', facts=HOST)
    assert code == 2 and out == ""
    assert err.startswith("1:1: error[U1001]: ")
    assert "did you mean http.host?" in err
    assert "1:32: error[U1003]: " in err
    assert usher_eval("http.host eq", facts=HOST)[0] == 2


@pytest.mark.parametrize("wrong, meant", [
    ("http.hots", "http.host"), ("HTTP.Host", "http.host"), ("http.path", "http.request.uri.path"),
    ("country", "ip.src.country"), ("ip.addr", "ip.src"), ("remote_addr", "ip.src"), ("http.status", "http.response.code"),
    ("http.request.uri.path.ext", "http.request.uri.path.extension"), ("tls.client.cn", "tls.client.subject.cn"),
    ("cf.bot_management.scor", "cf.bot_management.score"), ("cert_verified", "cf.tls_client_auth.cert_verified"),
    ("http.request.header", "http.request.headers"), ("tls.client.san.dn", "tls.client.san.dns")])
def test_what_was_meant(wrong, meant):
    assert f"help: did you mean {meant}?\n" in usher_eval(wrong)[2]
    if not meant.startswith("cf.bot"):
        assert f"did you mean {meant}?\n" in usher_eval("true", facts=[{wrong: 1}])[2]


@pytest.mark.parametrize("expression, instead", [
    ('http.host starts_with "a"', 'starts_with(FIELD, "…")'), ('http.host ends_with "a"', 'ends_with(FIELD, "…")'),
    ('http.host starts with "a"', 'starts_with(FIELD, "…")'), ('http.host does not contain "a"', 'not FIELD contains "…"'),
    ("http.response.code in {200-299}", "a range is written 200..299"), ("ip.src eq 10.0.0.0/8", "in {10.0.0.0/8}"),
    ("ssl eq true", "write ssl, or not ssl"), ("http.response.code eq 200and ssl", "200 and")])
def test_what_to_write(expression, instead):
    code, _, err = usher_eval(expression)
    assert code == 2 and instead in err.split("help: ")[1], err


def test_what_was_not_meant():
    for expression in ("foo", 'foo eq "x"', 'any(foo[*] eq "x")'):
        assert "help: usher help fields" in usher_eval(expression)[2]
    for expression in ("http.host eq foo", "lower(foo)", "http.host eq name", "ip.src.country eq DE"):
        assert "needs quotes" in usher_eval(expression)[2]
    assert "did you mean client_certificate?" in usher_eval("true", facts=[{"client_cert": "x"}])[2]


def test_errors_of_facts():
    for facts, text in [('{"http.hots": "a"}', "http.hots: no such field; did you mean http.host?"),
                        ('{"http.host": 1}', "http.host: a string"), ('{"ssl": "true"}', "ssl: true or false"),
                        ('{"ip.src": "1.2.3"}', "ip.src: an IP address"), ("[]", "a JSON object"), ("{", ""),
                        ('{"http.host": "a", "http.host": "b"}', ""), ('{"time": "noon"}', "time:"),
                        ('{"request": {"uri": "a b"}}', "refused"), ('{"request": 1}', "request: an object"),
                        ('{"request": {"version": "HTTP/3"}}', "request.version"),
                        ('{"cf.bot_management.score": 1}', "no meaning here"),
                        ('{"client_certificate": "/nonexistent.pem"}', "No such file")]:
        code, out, err = usher_eval("true", facts=facts)
        assert (code, out) == (2, ""), facts
        assert text in err and "1:" in err, (facts, err)
    # the lines that can be answered are
    code, out, err = usher_eval("http.host", facts='{"http.host":"a"}\n{"nope":1}\n{"http.host":"c"}\n')
    assert (code, out) == (2, "a\nc\n") and "standard input:2:" in err


def test_a_bad_line_spares_the_others():
    for bad, column in [('{"http.host":', 14), ("nonsense", 8), ('{"http.host":"b"', 17), ('{"http.host":"b}', 16),
                        ('{"http.host":"\xe9" 5}', 19), ('{"http.response.code":99999999999999999999}', 42)]:
        code, out, err = usher_eval("http.host", facts=f'{{"http.host":"a"}}\n{bad}\n{{"http.host":"c"}}\n')
        assert (code, out) == (2, "a\nc\n"), bad
        assert err.startswith(f"standard input:2:{column}: "), (bad, err)
    # of an object laid out over lines that its own line spoils, the rest is no line of its own
    code, out, err = usher_eval("http.host", facts='{\n "http.host": x\n}\n{\n "http.host": "b"\n}\n')
    assert (code, out) == (2, "b\n") and err.startswith("standard input:2:")
    assert usher_eval("http.host", facts='{"http.host":"a"} {"http.hots":1}')[2].startswith("standard input:1:19: ")
    assert usher_eval("http.host", facts='\ufeff{"http.host":"a"}') == (0, "a\n", "")


def test_members_of_a_request():
    for facts, text in [({"url": "/x"}, "request.url: there is no such member; did you mean uri?"),
                        ({"path": "/x"}, "request.path: there is no such member")]:
        code, _, err = usher_eval("true", facts=[{"request": facts}])
        assert code == 2 and text in err
    assert "response.code:" in usher_eval("true", facts=[{"response": {"code": 200}}])[2]
    facts = [{"request": {"uri": "https://A.example:8443/x?y"}}, {"request": {"uri": "*", "method": "OPTIONS"}}]
    assert usher_eval('concat(http.host, " ", http.request.uri.path)', facts=facts)[1] == "a.example /x\n *\n"


def test_files(tmp_path):
    (tmp_path / "one.json").write_text('{"http.host": "a"}\n{"http.host": "b"}\n')
    (tmp_path / "two.json").write_text('{\n  "http.host":\n    "c"\n}\n')
    assert usher_eval("http.host", "one.json", "two.json", cwd=tmp_path) == (0, "a\nb\nc\n", "")
    assert usher_eval("http.host", "two.json", "-", facts='{"http.host":"d"}', cwd=tmp_path)[1] == "c\nd\n"
    code, _, err = usher_eval("http.host", "none.json", cwd=tmp_path)
    assert code == 2 and "none.json" in err


def test_usage():
    assert usher_eval()[0] == 2
    assert usher_eval("--nope", "true")[0] == 2
    assert "usage: usher eval" in usher_eval()[2]
    assert usher_eval("--format", "json", "http.host", facts=HOST)[1] == '"a.example"\n"b.example"\nnull\n'
    assert "'xml'" in usher_eval("--format=xml", "true")[2]
    assert "--rules needs a value" in usher_eval("--rules")[2]


def test_lists(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "hosts.txt").write_text("a.example # the first\n*.example.org\n")
    (tmp_path / "more" / "more.rules").write_text("list numbers : int { 1..5 }\n")
    (tmp_path / "lists.rules").write_text(
        'list sites : host from "hosts.txt"\nlist nets : ip { 192.0.2.0/24 }\ninclude "more/*.rules"\n'
        "zone z { hosts a.example\n certificate \"none.pem\"\n key \"none.key\"\n origin http://127.0.0.1:1 }\n"
        "rule r { when http.host in $sites then block }\nserver { foreign_fields default }\n")
    facts = [{"http.host": "x.example.org", "ip.src": "192.0.2.9", "http.response.code": 5}]
    rules = f"--rules={tmp_path / 'lists.rules'}"
    assert usher_eval(rules, "http.host in $sites and ip.src in $nets", facts=facts)[:2] == (0, "true\n")
    assert usher_eval(rules, "http.response.code in $numbers", facts=facts)[:2] == (0, "true\n")
    assert usher_eval(rules, "cf.bot_management.score eq 0", facts=facts)[:2] == (0, "true\n")
    assert usher_eval("http.host in $sites", facts=facts)[0] == 2
    (tmp_path / "bad.rules").write_text("list n : int { 1 x }\n")
    code, _, err = usher_eval("--rules", str(tmp_path / "bad.rules"), "true", facts=facts)
    assert code == 2 and "bad.rules:1:18: error[" in err


def test_foreign_fields(tmp_path):
    """Names of the language without meaning here: refused with the reason, or what the documentation gives without a score."""
    rules = tmp_path / "foreign.rules"
    rules.write_text("server { foreign_fields default }\n")
    for expression, value in [("cf.waf.score", "100"), ("cf.waf.score lt 20", "false"), ("cf.waf.score.sqli", "100"),
                              ("cf.llm.prompt.injection_score", "100"), ("cf.bot_management.score", "0"),
                              ("cf.client.bot", "false"), ("cf.schema_validation.learned.violated", "false"),
                              ('cf.llm.prompt.custom_topic_categories["a"]', "missing"), ("cf.threat_score", "0")]:
        code, out, err = usher_eval("--rules", str(rules), expression, facts="{}")
        assert (code, out) == (0, value + "\n") and "warning[U1012]" in err, expression
        assert usher_eval(expression, facts="{}")[2].startswith("1:1: error[U1009]: ")
    for expression in ("cf.waf.newer", "cf.bot_management.scor lt 30", "cf.llm.prompt.newer[0] eq 5"):
        assert usher_eval("--rules", str(rules), expression, facts="{}")[2].startswith("1:1: error[U1009]: ")
    assert usher_eval("cf.tls_client_auth.newer", facts="{}")[2].startswith("1:1: error[U1001]: ")


def test_geography(tmp_path):
    subprocess.run(["/usr/bin/python3", str(ROOT / "tests/tools/mmdb.py"), str(tmp_path / "geo.mmdb")], check=True)
    (tmp_path / "geo.rules").write_text('server { geoip "geo.mmdb" }\n')
    facts = [{"ip.src": a} for a in ("192.0.2.1", "198.51.100.1", "203.0.113.200", "2001:db8::1")] + [{}]
    rules = f"--rules={tmp_path / 'geo.rules'}"
    assert usher_eval(rules, "ip.src.country", facts=facts)[1] == "DE\nUS\nXX\nJP\nmissing\n"
    assert usher_eval(rules, "ip.src.asnum eq 64500", facts=facts)[1] == "true\nfalse\nfalse\nfalse\nfalse\n"
    assert usher_eval(rules, "ip.src.timezone.name", facts=facts[:1])[1] == "Europe/Berlin\n"
    # ISO 3166-2 with its country, as expressions elsewhere write it
    assert usher_eval(rules, "ip.src.subdivision_1_iso_code", facts=facts[:1])[1] == "DE-NW\n"
    assert usher_eval(rules, "ip.src.subdivision_2_iso_code in {\"DE-K\"}", facts=facts[:1])[1] == "true\n"
    assert usher_eval(rules, "ip.src.region_code", facts=facts[:1])[1] == "NW\n"
    # what the database does not say is "", 0 or false, so that ne holds; without an address it is missing
    for name in ("city", "region_code", "subdivision_1_iso_code", "lat", "timezone.name"):
        assert usher_eval("--format=json", rules, f"ip.src.{name}", facts=facts[2:])[1] == '""\n""\nnull\n'
    assert usher_eval(rules, "ip.src.asnum", facts=facts[1:])[1] == "0\n0\n64501\nmissing\n"
    assert usher_eval(rules, "ip.src.asnum ne 64500", facts=facts)[1] == "false\ntrue\ntrue\ntrue\nfalse\n"
    assert usher_eval(rules, "ip.src.is_in_european_union", facts=facts)[1] == "true\nfalse\nfalse\nfalse\nmissing\n"


def test_clock():
    facts = [{"time": 1700000000}, {"time": 1700000000.25}, {"time": "2023-11-14T22:13:20Z"}]
    assert usher_eval("http.request.timestamp.sec", facts=facts)[1] == "1700000000\n" * 3
    assert usher_eval("http.request.timestamp.msec", facts=facts)[1] == "0\n250\n0\n"


def test_certificates(pki):
    facts = [{"client_certificate": str(pki / "good-chain.pem"), "client_ca": str(pki / "root.pem")},
             {"client_certificate": str(pki / "good.pem")}, {},
             {"client_certificate": str(pki / "good-chain.pem"), "client_ca": str(pki / "root.pem"), "time": 4000000000}]
    assert usher_eval("cf.tls_client_auth.cert_verified", facts=facts)[1] == "true\nfalse\nfalse\nfalse\n"
    assert usher_eval("cf.tls_client_auth.cert_presented", facts=facts)[1] == "true\ntrue\nfalse\ntrue\n"
    results = usher_eval("tls.client.verify_result", facts=facts)[1].split()
    assert results[0] == "ok" and results[2:] == ["absent", "expired"]
    want = subprocess.run(["openssl", "x509", "-in", str(pki / "good.pem"), "-noout", "-fingerprint", "-sha256"],
                          capture_output=True, check=True).stdout.decode().split("=")[1].replace(":", "").lower()
    assert usher_eval("cf.tls_client_auth.cert_fingerprint_sha256", facts=facts[:1])[1] == want
    revoked = [{"client_certificate": str(pki / "revoked-chain.pem"), "client_ca": str(pki / "root.pem"),
                "client_crl": [str(pki / "crl-a.pem"), str(pki / "crl-root.pem")]}]
    assert usher_eval("cf.tls_client_auth.cert_verified and cf.tls_client_auth.cert_revoked", facts=revoked)[1] == "true\n"
    # a field of the object has the last word
    facts[0]["cf.tls_client_auth.cert_verified"] = False
    assert usher_eval("cf.tls_client_auth.cert_verified", facts=facts[:1])[1] == "false\n"


class Patterns:
    """Random patterns of the subset that Python's re reads alike in bytes mode."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.groups = 0

    def atom(self, depth):
        r = self.random
        kind = r.randrange(10 if depth else 6)
        if kind < 3:
            return r.choice("abc")
        if kind == 3:
            return r.choice([".", r"\d", r"\w", r"\s", r"\W", "\\."])
        if kind == 4:
            return r.choice(["[ab]", "[^a]", "[a-c]", r"[\d_]", "[^b-c1]", "[-a]"])
        if kind == 5:
            return r.choice(["^", r"\b", r"\A"]) if r.random() < 0.4 else r.choice("ab1")
        if kind < 8 and self.groups < 8:
            self.groups += 1
            return "(" + self.alternatives(depth - 1) + ")"
        return "(?:" + self.alternatives(depth - 1) + ")"

    def piece(self, depth):
        atom = self.atom(depth)
        if atom in ("^", r"\b", r"\B", r"\A") or self.random.random() < 0.55:
            return atom
        return atom + self.random.choice(["*", "+", "?", "{2}", "{1,2}", "{0,3}"]) + self.random.choice(["", "", "?"])

    def sequence(self, depth):
        return "".join(self.piece(depth) for _ in range(self.random.randrange(1, 4)))

    def alternatives(self, depth):
        return "|".join(self.sequence(depth) for _ in range(self.random.choice([1, 1, 2, 3])))

    def pattern(self):
        self.groups = 0
        return self.random.choice(["", "", "(?i)", "(?s)", "(?m)"]) + self.alternatives(2)


def python_answer(pattern, groups, subject):
    """What regex_replace(subject, pattern, "<${1}|${2}…>") gives, by Python."""
    flags = re.match(r"\(\?([ims])\)", pattern)
    mode = {"i": re.I, "s": re.S, "m": re.M}[flags.group(1)] if flags else 0
    found = re.compile(pattern[flags.end() if flags else 0:].encode(), mode).search(subject.encode())
    if not found:
        return subject
    middle = "<" + "|".join((found.group(i) or b"").decode() for i in range(1, groups + 1)) + ">"
    return subject[:found.start()] + middle + subject[found.end():]


@pytest.mark.parametrize("seed", range(4))
def test_patterns_against_python(seed):
    made = Patterns(seed)
    r = random.Random(seed)
    subjects = ["".join(r.choice("aabbcc1.- \nB_") for _ in range(r.randrange(14))) for _ in range(60)]
    facts = [{"http.user_agent": s} for s in subjects]
    for _ in range(40):
        pattern = made.pattern()
        # an empty round of a repeated group leaves other captures behind in the two engines
        groups = 0 if re.search(r"\)[*+?{]", pattern) else made.groups
        replacement = "<" + "|".join(f"${{{i}}}" for i in range(1, groups + 1)) + ">"
        expression = f'regex_replace(http.user_agent, r"{pattern}", "{replacement}")'
        code, out, err = usher_eval("--format=json", expression, facts=facts)
        assert code == 0, (pattern, err)
        for subject, line in zip(subjects, out.splitlines(), strict=True):
            assert json.loads(line) == python_answer(pattern, groups, subject), (pattern, subject)


def test_responses_are_read_as_the_proxy_does():
    for headers, why in (([["Bad Name", "x"]], "no token"), ([["X", "a\r\nb: c"]], "control character"),
                         ([["Content-Length", "x"]], "Content-Length")):
        code, out, err = usher_eval("http.response.code", facts=[{"response": {"headers": headers}}, {"response": {"status": 404}}])
        assert (code, out) == (2, "404\n") and "1:1: response: refused, as the proxy would (" in err and why in err, err
