# SPDX-License-Identifier: Apache-2.0
"""Every action as a client and an origin see it."""
import pytest

RULES = """
listener l { address 127.0.0.1:{port} ; plain }
zone z { hosts localhost, other.test ; origin {origin} ; transforms security_headers, remove_x_powered_by }
pool second { origin {second} }
"""


@pytest.fixture
def ask(make_usher, make_origin, make_curl, origin):
    def make(rules):
        second = make_origin()
        usher = make_usher(RULES + rules, origin=origin.url, second=second.url)
        curl = make_curl(usher)

        def one(path, *args, host="localhost", **how):
            return curl("http://%s%s" % (host, path), *args, **how)

        one.usher, one.second = usher, second
        return one

    return make


@pytest.mark.parametrize("then,status,kind,body", [
    ("block", 403, None, None),
    ("block 418", 418, None, None),
    ('block 403 json "{\\"a\\":1}"', 403, "application/json", b'{"a":1}'),
    ('block 451 text "no\\x0a"', 451, "text/plain", b"no\n"),
    ('block 403 html "<p>no"', 403, "text/html", b"<p>no"),
    ('block 403 xml "<no/>"', 403, "text/xml", b"<no/>"),
    ('respond 200 text "hello"', 200, "text/plain", b"hello"),
    ("respond 204", 204, None, b""),
])
def test_answers(ask, then, status, kind, body):
    one = ask('rule r { when http.request.uri.path eq "/x" then %s }' % then)
    answer = one("/x")
    assert answer.status == status
    if kind:
        assert answer.header("content-type")[0].startswith(kind)
    if body is not None:
        assert answer.body == body
    line = one.usher.accesses(1)[0]
    assert line["rule"] == "r" and line["action"] == then.split()[0] and line["status"] == status
    assert one("/y").status == 200


def test_head_gets_no_body(ask):
    answer = ask('rule r { when true then block 403 text "no" }')("/x", "-I")
    assert answer.status == 403 and answer.body == b""


@pytest.mark.parametrize("then,status,where", [
    ('redirect "https://a.example/"', 301, "https://a.example/"),
    ('redirect 302 "https://a.example/b" preserve_query', 302, "https://a.example/b?q=1&r=2"),
    ('redirect 308 concat("https://a.example", http.request.uri.path)', 308, "https://a.example/x"),
    ('redirect 307 wildcard_replace(http.request.full_uri, "http://*/x*", "https://b.example/${2}")', 307, "https://b.example/?q=1&r=2"),
])
def test_redirects(ask, then, status, where):
    answer = ask("rule r { when true then %s }" % then)("/x?q=1&r=2")
    assert answer.status == status and answer.header("location") == [where]


@pytest.mark.parametrize("then,target", [
    ('rewrite path = "/v2/y"', "/v2/y?q=1"),
    ('rewrite path = wildcard_replace(http.request.uri.path, "/v1/*", "/v2/${1}")', "/v2/y?q=1"),
    ('rewrite query = "a=b"', "/v1/y?a=b"),
    ('rewrite query = ""', "/v1/y"),
    ('rewrite path = "/z" then rewrite query = "n=1"', "/z?n=1"),
])
def test_rewrites(ask, then, target):
    answer = ask("rule r { when true then %s }" % then)("/v1/y?q=1")
    assert answer.echo["target"] == target


def test_firewall_sees_the_rewritten_path_and_raw_the_old(ask):
    one = ask('''
rule move { when http.request.uri.path eq "/old" then rewrite path = "/new" }
rule stop { when http.request.uri.path eq "/new" and raw.http.request.uri.path eq "/old" then block 410 }''')
    assert one("/old").status == 410 and one("/new").status == 200


def test_request_headers(ask):
    one = ask('''
rule a { when true then set request header "x-a" = "1" }
rule b { when true then add request header "x-a" = "2" }
rule c { when true then remove request header "x-gone" }
rule d { when true then set request header "x-path" = http.request.uri.path }
rule e { when true then set request header "x-empty" = http.request.headers["nope"][0] }''')
    answer = one("/p", "-H", "x_a: twin", "-H", "X-Gone: here", "-H", "x-empty: client")
    assert answer.received("x-a") == ["1", "2"] and answer.received("x_a") == []
    assert answer.received("x-gone") == [] and answer.received("x-path") == ["/p"] and answer.received("x-empty") == []


def test_response_headers(ask):
    one = ask('''
rule a { when true then remove response header "server" }
rule b { when http.response.code eq 200 then add response header "set-cookie" = "c=3" }
rule c { when true then set response header "x-host" = http.host }''')
    answer = one("/leaky")
    assert answer.header("server") == [] and answer.header("x-powered-by") == []
    assert answer.header("set-cookie") == ["a=1", "b=2", "c=3"] and answer.header("x-host") == ["localhost"]
    assert answer.header("x-content-type-options") == ["nosniff"]


RAW = """
rule a { when true then set request header "x-a" = "edited" then set request header "x-new" = "1" }
rule b { when true then set response header "x-powered-by" = "edited" then remove response header "server" }
rule c { when any(raw.http.request.headers["x-a"][*] eq "edited") then block 410 phase response_firewall }
rule d { when any(raw.http.request.headers.names[*] in {"x-new" "x-forwarded-for" "via"}) then block 411 phase response_firewall }
rule e { when len(raw.http.request.headers["x-a"]) eq 1 and raw.http.request.headers["x-a"][0] eq "client"
         and any(raw.http.response.headers["x-powered-by"][*] eq "origin") and any(raw.http.response.headers.names[*] eq "Server")
         and any(raw.http.response.headers.values[*] eq "origin/1.0") and http.response.headers["x-powered-by"][0] eq "edited"
         and not any(http.response.headers.names[*] eq "Server") then block 418 phase response_firewall }
"""


def test_raw_headers_are_those_that_came(ask):
    assert ask(RAW)("/leaky", "-H", "x-a: client").status == 418


def test_response_firewall(ask):
    one = ask('rule r { when http.response.code eq 500 then block 503 text "later" phase response_firewall }')
    answer = one("/status?code=500")
    assert answer.status == 503 and answer.body == b"later"
    assert one("/status?code=404").status == 404


def test_values_that_must_not_be_sent(ask):
    one = ask('rule bad { when http.request.uri.path eq "/x" then set request header "x-v" = url_decode(http.request.uri.query) }')
    assert one("/x?a%0d%0ab").status == 500
    line = one.usher.accesses(1)[0]
    assert (line["reason"], line["detail"], line["rule"]) == ("rule_failed", "bad_value", "bad")
    assert one("/x?ab").status == 200


def test_route(ask):
    one = ask('''
rule p { when http.request.uri.path eq "/p" then route pool second }
rule o { when http.request.uri.path eq "/o" then route origin "{second}" }
rule h { when http.request.uri.path eq "/h" then route host_header "inside.example" }''')
    for path in ("/p", "/o"):
        assert one(path).status == 200
    assert {x["origin"] for x in one.usher.accesses(2)} == {one.second.address}
    assert one("/h").received("host") == ["inside.example"]


def test_config(ask):
    one = ask('rule c { when http.request.uri.path eq "/slow" then config timeout_first_byte 200ms }')
    assert one("/slow?s=2").status == 504
    assert one.usher.accesses(1)[0]["reason"] == "origin_first_byte_timeout"


def test_log_and_dry_run(ask):
    one = ask('''
rule note { when true then log "seen" }
ruleset trial { mode log
    rule would { when true then block }
}''')
    assert one("/x").status == 200
    rules = one.usher.accesses(1)[0]["rules"]
    assert [(r["rule"], r["action"]) for r in rules] == [("note", "log"), ("would", "block")]
    assert rules[1]["dry_run"] is True


def test_skip(ask):
    one = ask('''
ruleset door {
    rule friend { when http.request.headers["x-friend"][0] eq "yes" then skip rules }
    rule closed { when true then block }
}
rule after { when http.request.uri.path eq "/after" then block 410 }''')
    assert one("/x").status == 403
    assert one("/x", "-H", "x-friend: yes").status == 200
    assert one("/after", "-H", "x-friend: yes").status == 410


def test_rate_limit(ask):
    one = ask('''
rule slow { when http.request.uri.path eq "/x" then rate_limit { by ip.src, http.request.headers["x-k"][0]
    requests 3 per 60s  for 60s  block 429 text "slow down" } }''')
    assert [one("/x").status for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = one("/x")
    assert answer.body == b"slow down" and int(answer.header("retry-after")[0]) > 0
    assert one("/x", "-H", "x-k: other").status == 200  # another counter
    assert one("/y").status == 200
    one.usher.reload()
    assert one("/x").status == 429  # counters of an unchanged rule survive


def test_rate_limit_counts_what_it_is_told(ask):
    one = ask('''
rule fails { when true then rate_limit { by ip.src  requests 2 per 60s  for 60s  counting http.response.code eq 401  block 429 } }''')
    assert [one("/status?code=200").status for _ in range(4)] == [200] * 4
    assert [one("/status?code=401").status for _ in range(4)] == [401, 401, 401, 429]


def test_body_fields(ask, tmp_path):
    one = ask('''
rule sql { when http.request.body.raw contains "union select" then block }
rule form { when any(http.request.body.form["role"][*] eq "admin") then block 401 }
rule json { when lookup_json_string(http.request.body.raw, "user", "name") eq "eve" then block 402 }''')
    assert one("/x", "-d", "q=union select 1").status == 403
    assert one("/x", "-d", "role=admin&x=1").status == 401
    assert one("/x", "-H", "content-type: application/json", "-d", '{"user":{"name":"eve"}}').status == 402
    (tmp_path / "long").write_text("a" * 300000)
    answer = one("/x", "-d", "@%s" % (tmp_path / "long"))
    assert answer.status == 200 and answer.echo["body_size"] == 300000


def test_expensive_pattern_fails_closed(ask):
    """A pattern that hits its limit has no answer: a block fires, any other rule ends the request with 500."""
    one = ask('''
rule stop { when http.request.uri.path eq "/stop" and http.request.uri.query matches "^(x+)+$" then block }
rule note { when http.request.uri.path eq "/note" and http.request.uri.query matches "^(x+)+$" then log }''')
    query = "?" + "x" * 3000 + "!"
    assert [one(path + query).status for path in ("/stop", "/note", "/else")] == [403, 500, 200]
    stop, note, other = one.usher.accesses(3)
    assert (stop["rule"], stop["reason"]) == ("stop", "match_limit")
    assert (note["rule"], note["detail"]) == ("note", "match_limit")
    assert "reason" not in other
