# SPDX-License-Identifier: Apache-2.0
"""One message, one meaning: what usher's rules judged is what servers of others understand behind it.

Every request of tests/data/http1/requests.txt goes through usher to each origin of origins.py. For those that usher
passes, the origin's method, target, Host, header list and content are compared with the facts that rules saw; for all
of them, the origin must have read exactly as many requests as usher answered for, and stay usable.
"""
import base64
import hashlib
import json
import re
import socket
import time

import pytest

import origins
from conftest import PATIENCE, ROOT
from test_hostile import rows

RULES = """
server { workers 1 }
listener plain { address 127.0.0.1:{port}; http yes }
zone web {
    hosts   a.example, web.example, other.example, xn--bcher-kva.example, a_b.example, a-b.example, a, "[::1]", 127.0.0.1, 1.2.3, sentinel.example
    origin  {origin}
}
rule facts {
    when true
    then set request header "x-fact-method" = http.request.method
    then set request header "x-fact-uri"    = encode_base64(http.request.uri)
    then set request header "x-fact-host"   = http.host
    then set request header "x-fact-names"  = encode_base64(join(http.request.headers.names, "\\x01"))
    then remove request header "x-client-ski"
    then set request header "x-fact-values" = encode_base64(join(http.request.headers.values, "\\x01"))
}
"""

HOP = {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
       "expect", "content-length", "http2-settings", "max-forwards"}
EDITED = {"x-client-ski", "x_client_ski", "x-client_ski", "x.client.ski", "x~client!ski"}
ADDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via"}

# what an origin refuses that usher passes, as RFC 9110 wants it to
REFUSED_BY = {"nginx": r"OPTIONS (\*|of an absolute target without path)|token as method (X1|A\.B|[!*~%].*)",
              "node": "(method of one's own|token as method|a method of one's own) (?!M-SEARCH|ACL|SOURCE).*"}


def unescape(text):
    return re.sub(r"\\(x..|.)", lambda m: {"r": "\r", "n": "\n", "t": "\t"}.get(m[1], m[1]) if m[1][0] != "x" or len(m[1]) == 1
                  else chr(int(m[1][1:], 16)), text).encode("latin-1")


def cases():
    out = []
    for block in (ROOT / "tests/data/http1/requests.txt").read_text("latin-1").split("\n\n"):
        case = dict(line.partition(" ")[::2] for line in block.split("\n") if line and line[0] != "#")
        if "case" in case:
            out.append((case["case"], unescape(case["in"]), unescape(case["origin"]) if "origin" in case else None))
    return out


def content(message):
    """The content of a message that is written as usher writes."""
    head, _, rest = message.partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" not in head.lower():
        return rest
    out = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return out
        out, rest = out + rest[:int(size, 16)], rest[int(size, 16) + 2:]


def exchange(port, data, quiet=0.03):
    """Sends bytes as they are; everything that comes back until the peer closes or is quiet after an answer."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), 10 * PATIENCE) as s:
        s.sendall(data)
        s.settimeout(PATIENCE)
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    break
                got += more
                if got.endswith(b"}") or got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")) or data.startswith(b"HEAD") and got.endswith(b"\r\n\r\n"):
                    s.settimeout(quiet)
        except OSError:
            pass
    return got


def first_json(got):
    assert b"\r\n\r\n{" in got, got
    return json.JSONDecoder().raw_decode(got[got.index(b"\r\n\r\n{") + 4:].decode())[0]


def sentinel(port):
    got = exchange(port, b"GET /sentinel HTTP/1.1\r\nHost: sentinel.example\r\nConnection: close\r\n\r\n", PATIENCE)
    assert got.startswith(b"HTTP/1.1 200"), got
    seen = json.loads(got.partition(b"\r\n\r\n")[2])
    assert seen["target"] == "/sentinel"
    return seen["number"]


def lower(pairs):
    return sorted((n.lower(), v.strip(" \t")) for n, v in pairs)


def compare(seen, want):
    """What differs between an origin's reading and usher's facts."""
    named = dict((n.lower(), v) for n, v in seen["headers"])
    fact = lambda name: base64.b64decode(named["x-fact-" + name] + "==").decode("latin-1")
    out = []
    if seen["method"] != named["x-fact-method"]:
        out.append("method")
    if seen["target"] != fact("uri"):
        out.append("target %r %r" % (seen["target"], fact("uri")))
    if re.sub(r":\d*$", "", named["host"]).rstrip(".").lower() != named["x-fact-host"]:
        out.append("host %r %r" % (named["host"], named["x-fact-host"]))
    facts = lower(zip(fact("names").split("\x01"), fact("values").split("\x01")))
    gone = {t.strip().lower() for n, v in facts if n == "connection" for t in v.split(",")}
    theirs = [h for h in lower(seen["headers"]) if h[0] not in EDITED | HOP | ADDED and not h[0].startswith("x-fact-")]
    ours = [h for h in facts if h[0] not in EDITED | HOP | ADDED | gone]
    if theirs != ours:
        out.append("headers %r %r" % (theirs, ours))
    data = content(want) if want is not None else None
    if want is not None and (seen["size"], seen["sha256"]) != (len(data), hashlib.sha256(data).hexdigest()):
        out.append("content of %d" % seen["size"])
    return out


def answers(got):
    return len(re.findall(rb"HTTP/1\.1 200 OK", got))


def asked(port, data, number, passes=None):
    """What comes back, and the sentinels' numbers before and after. What was perhaps not read to its end, since usher or
    the origin was slow, is asked once more with patience; what is wrong is wrong then, too."""
    for quiet in (0.03, 0.5 * PATIENCE):
        got = exchange(port, data, quiet)
        before, number = number, sentinel(port)
        if number - before == answers(got) + 1 and passes in (None, answers(got) > 0):
            break
    return got, before, number


@pytest.fixture(params=origins.there(), ids=lambda kind: kind.name)
def behind(request, make_usher, tmp_path):
    """An origin, and an usher before it that is known to reach it."""
    origin = request.param(tmp_path)
    usher = make_usher(RULES, origin=origin.url)
    for _ in range(50):
        if exchange(usher.port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200"):
            break
        time.sleep(0.1)
    yield origin, usher
    origin.stop()


def test_differential(behind):
    origin, usher = behind
    number, wrong, passed = sentinel(usher.port), [], 0
    for name, data, want in cases():
        got, number, after = asked(usher.port, data, number, want is not None)
        if after - number != answers(got) + 1:
            wrong.append((name, "origin read %d, usher answered %d" % (after - number - 1, answers(got))))
        number = after
        if want is None:
            if answers(got):
                wrong.append((name, "passed"))
            continue
        passed += 1
        if re.fullmatch(REFUSED_BY.get(origin.name, ""), name):
            if not got.startswith(b"HTTP/1.1 400"):
                wrong.append((name, got[:400]))
        elif not answers(got):
            wrong.append((name, got[:400]))
        elif not data.startswith(b"HEAD"):
            differences = compare(first_json(got), want)
            if differences:
                wrong.append((name, differences))
    assert not wrong, "\n".join(map(str, wrong))
    assert passed > 100


def test_differential_hostile(behind):
    """Those of the hostile requests that may pass."""
    origin, usher = behind
    number, wrong, passed = sentinel(usher.port), [], 0
    for name, want, _, data in rows("hostile_requests.txt", 4):
        if "200" not in want:
            continue
        got, number, after = asked(usher.port, data, number)
        if after - number != answers(got) + 1:
            wrong.append((name, "origin read %d, usher answered %d" % (after - number - 1, answers(got))))
        number = after
        if answers(got) and not data.startswith(b"HEAD"):
            passed += 1
            seen = first_json(got)
            differences = compare(seen, None)
            if differences or seen["target"] == "/smuggled" or "spoof" in json.dumps(seen["headers"]):
                wrong.append((name, differences, seen))
    assert not wrong, "\n".join(map(str, wrong))
    assert passed > 80
