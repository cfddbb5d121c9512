# SPDX-License-Identifier: Apache-2.0
"""Messages that mean harm, tests/data/http1/hostile_*.txt, through a whole usher.

Besides what each case wants, some things hold for all of them. The origin gets messages with one meaning and nothing
between them, exactly one for each 200; never /smuggled; never `spoof` in a header that usher or a rule answers for. And
whoever comes after a case, on the same connection or another, gets the answer to what they asked.
"""
import re
import socket
import threading
import time

import pytest

import h2raw
from conftest import PATIENCE, ROOT
from listening import Listening
from origin import Reader

RULES = """
server { workers 1 }
listener plain { address 127.0.0.1:{port}; http yes }
zone web   { hosts web.example;   origin {origin} }
zone other { hosts other.example; origin {origin} }
rule untag { when true then remove request header "x-client-ski" }
"""

SHORT = {"G": "GET / HTTP/1.1\\r\\nHost: web.example\\r\\n", "P": "POST / HTTP/1.1\\r\\nHost: web.example\\r\\n",
         "C": "POST / HTTP/1.1\\r\\nHost: web.example\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n",
         "S": "GET /smuggled HTTP/1.1\\r\\nHost: web.example\\r\\n\\r\\n",
         "2": "GET /second HTTP/1.1\\r\\nHost: web.example\\r\\n\\r\\n"}
LATER = b"\0later\0"
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}


def unescape(text):
    text = re.sub(r"\{r:(\d+):([^}]*)\}", lambda m: m[2] * int(m[1]), text)
    text = text.replace("{L}", LATER.decode())
    text = re.sub(r"\{([GPCS2])\}", lambda m: SHORT[m[1]], text)
    return re.sub(r"\\(x[0-9a-f]{2}|.)", lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1 else ESCAPES[m[1]],
                  text).encode("latin-1")


def rows(name, columns):
    for line in (ROOT / "tests/data/http1" / name).read_text().split("\n"):
        if line and line[0] != "#":
            fields = line.split(" | ", columns - 1)
            yield fields[:-1] + [unescape(fields[-1])]


class Stream(Reader):
    """Bytes from a socket, read as strictly as can be."""

    def lines(self):
        out = []
        while line := self.until(b"\r\n"):
            assert re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?([!-~\x80-\xff]([ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?", line), line
            name, _, value = line.partition(b":")
            out.append((name.decode().lower(), value.strip().decode("latin-1")))
        return out

    def content(self, headers, or_rest=False):
        lengths, codings = ([v for n, v in headers if n == name] for name in ("content-length", "transfer-encoding"))
        assert len(lengths) + len(codings) <= 1, headers
        if lengths:
            assert re.fullmatch(r"0|[1-9]\d*", lengths[0]), headers
            return self.exactly(int(lengths[0])), []
        if codings:
            assert codings[0] == "chunked", headers
            out = b""
            while True:
                size = self.until(b"\r\n")
                assert re.fullmatch(rb"0|[1-9a-fA-F][0-9a-fA-F]*", size), size
                if size == b"0":
                    return out, self.lines()
                out += self.exactly(int(size, 16))
                assert self.exactly(2) == b"\r\n"
        if or_rest:
            try:
                while True:
                    self.more()
            except EOFError:
                out, self.data = self.data, b""
                return out, []
        return b"", []


class Recorder(Listening):
    """An origin that keeps every request, and why one could not be read. plays: bytes to answer /play with."""

    def __init__(self):
        self.requests, self.faults, self.plays, self.played = [], [], None, threading.Event()
        super().__init__()

    def serve(self, sock):
        stream = Stream(sock)
        try:
            while True:
                start = stream.until(b"\r\n")
                assert re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Z-]+ (/[!-~]*|\*) HTTP/1\.1", start), start
                headers = stream.lines()
                assert [n for n, _ in headers].count("host") == 1, headers
                content, trailers = stream.content(headers)
                method, target, _ = start.decode().split(" ")
                self.requests.append((method, target, headers, content, trailers))
                if target == "/play":
                    data, end = self.plays
                    for piece in data.split(LATER):
                        sock.sendall(piece)
                        time.sleep(0.05 if LATER in data else 0)
                    self.played.set()
                    if end:
                        return
                    continue
                body = target.encode()
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + (b"" if method == "HEAD" else body))
        except AssertionError as e:
            self.faults.append(str(e))


@pytest.fixture
def recorder():
    r = Recorder()
    yield r
    r.stop()


class Client:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.sock.settimeout(5 * PATIENCE)
        self.stream = Stream(self.sock)

    def answer(self, method="GET"):
        """(status, body), or None when the connection ended, or "wait" when nothing comes."""
        try:
            status = int(self.stream.until(b"\r\n").split(b" ")[1])
            headers = self.stream.lines()
            if method == "HEAD" or status < 200 or status in (204, 304):
                return status, b""
            return status, self.stream.content(headers, True)[0]
        except (EOFError, ConnectionError):
            return None
        except socket.timeout:
            return "wait"

    def ask(self, target, host=b"web.example"):
        try:
            self.sock.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, host))
        except ConnectionError:
            return None
        return self.answer()


def expand(word):
    status, _, times = word.partition("x")
    return [status] * int(times or 1)


def alternatives(want):
    """"100 200/400" → what may come, one list for each way."""
    ways = [[]]
    if re.fullmatch(r"[\d/]+/100 200", want):
        return [[w] for w in want[:-8].split("/")] + [["100", "200"]]
    for word in want.split(" "):
        ways = [w + more for w in ways for one in word.split("/") for more in ([] if one == "close" else expand(one),)]
    return ways


def try_request(usher, recorder, want, fate, data, pieces, wrong):
    before = len(recorder.requests)
    client = Client(usher.port)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for at in range(pieces):
            client.sock.sendall(data[len(data) * at // pieces:len(data) * (at + 1) // pieces])
            time.sleep(0.002 if pieces > 1 else 0)
    except ConnectionError:
        pass
    ways, got, content = alternatives(want), [], []
    alive = True
    while len(got) < max(map(len, ways)):
        one = client.answer("HEAD" if data.startswith(b"HEAD") else "GET")
        if one is None or one == "wait":
            alive = one is not None
            break
        got.append(str(one[0]))
        content.append(one[1])
    if got not in ways:
        wrong("answers %s, wanted %s" % (" ".join(got), want))
    last = client.ask(b"/after") if alive else None
    if last not in (None, (200, b"/after")):
        wrong("the next request on the connection got %r" % (last,))
    if fate == "keep" and last is None or fate == "close" and last is not None:
        wrong("the connection was to %s" % fate)
    client.sock.close()
    other = Client(usher.port)
    if (found := other.ask(b"/other")) != (200, b"/other"):
        wrong("another connection got %r" % (found,))
    other.sock.close()
    seen = [r for r in recorder.requests[before:] if r[1] not in ("/after", "/other")]
    if len(seen) != got.count("200"):
        wrong("UNSAFE: origin read %d requests, client got %s" % (len(seen), got))
    for method, target, headers, _, trailers in seen:
        if target == "/smuggled":
            wrong("UNSAFE: smuggled")
        if any("spoof" in v for _, v in headers + trailers):
            wrong("UNSAFE: spoofed %r %r" % (headers, trailers))
    if recorder.faults:
        wrong("UNSAFE: origin could not read %s" % recorder.faults)
        recorder.faults.clear()


@pytest.mark.parametrize("pieces", [1, 3])
def test_requests(make_usher, recorder, pieces):
    usher, found, count = make_usher(RULES, origin=recorder.url), [], 0
    for name, want, fate, data in rows("hostile_requests.txt", 4):
        count += 1
        try_request(usher, recorder, want, fate, data, pieces, lambda text, name=name: found.append("%s: %s" % (name, text)))
    assert not found, "\n".join(found)
    assert count > 500


# ---- identity --------------------------------------------------------------------------------------------------------

IDENTITY = """
server { workers 1 }
listener public { address 127.0.0.1:{port}; protocols h2, http/1.1 }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    origin       {origin}
    transforms   tls_client_auth_headers, client_cert_rfc9440, xfcc, true_client_ip
}
rule untag { when true then remove request header "x-client-ski" }
rule tag   { when cf.tls_client_auth.cert_verified then set request header "x-client-ski" = cf.tls_client_auth.cert_ski }
"""


def spoofs():
    """Names from the hostile requests, and those of lines that usher itself sends."""
    found = {m[1].decode() for *_, data in rows("hostile_requests.txt", 4) for m in re.finditer(rb"\n([\w.~-]+): spoof", data)}
    return sorted(found | {"x-client-ski", "X_CLIENT_SKI"})


@pytest.mark.parametrize("cert", [None, "good"])
def test_identity_is_only_ushers(make_usher, make_raw, recorder, pki, cert):
    usher = make_usher(IDENTITY, origin=recorder.url)
    names, raw = spoofs(), make_raw(usher, tls=True, sni="api.example.com", cert=cert)
    raw.send("GET /plain HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    assert raw.response()[0] == 200
    truth = sorted(recorder.requests[-1][2])
    assert len(names) > 40 and (cert is None) == ("client-cert" not in dict(truth))
    ours = [n for n, _ in truth if n not in ("host", "via")]
    for name in names + ours + [n.replace("-", "_") for n in ours] + [n.upper() for n in ours]:
        more = "%s: spoof\r\n" % name.swapcase() + ("Connection: %s\r\n" % name if len(name) % 2 else "")
        raw.send("GET /spoof HTTP/1.1\r\nHost: api.example.com\r\n%s: spoof\r\n%s\r\n" % (name, more))
        assert raw.response()[0] == 200, name
        assert sorted(recorder.requests[-1][2]) == truth, name
        raw.send("GET /spoof HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%s: spoof\r\n\r\n" % name)
        assert raw.response()[0] == 200, name
        _, _, headers, _, trailers = recorder.requests[-1]
        assert sorted(h for h in headers if h[0] != "transfer-encoding") == truth and trailers == [], (name, trailers)
    h, stream = h2raw.H2(usher.port, pki, sni="api.example.com", cert=cert), 1
    for name in names + ours + [n.replace("-", "_") for n in ours]:
        h.send(h2raw.head(stream, path="/spoof", host="api.example.com", scheme="https", more=[(name.lower(), "spoof")] * 2))
        assert h.wait(stream).status == 200, name
        assert [x for x in sorted(recorder.requests[-1][2]) if x[0] not in ("forwarded", "via")] == \
            [x for x in truth if x[0] not in ("forwarded", "via")], name
        stream += 2
    h.sock.close()


# ---- answers ---------------------------------------------------------------------------------------------------------

class Got:
    """All that a client got for one request: statuses, the last one's content, whether it was whole."""

    def __init__(self, client, method):
        self.text, self.lines = [], []
        try:
            while True:
                status = int(client.stream.until(b"\r\n").split(b" ")[1])
                headers = client.stream.lines()
                self.text.append(str(status))
                self.lines += headers
                if status >= 200:
                    break
            body = b""
            if method != "HEAD" and status not in (204, 304):
                body, trailers = client.stream.content(headers, True)
                self.lines += trailers
            if body and status not in (502, 504):
                self.text.append(body.decode("latin-1"))
        except (EOFError, ConnectionError):
            self.text = ["cut"]
        except socket.timeout:
            self.text = ["wait"]


def try_answer(usher, recorder, method, want, end, data, wrong):
    recorder.plays = (data, end == "eof")
    recorder.played.clear()
    client = Client(usher.port)
    client.sock.sendall(b"%s /play HTTP/1.1\r\nHost: web.example\r\n\r\n" % method.encode())
    got = Got(client, method)
    text = " ".join(got.text)
    ways = want.split("/")
    if text not in ways and want != "any":
        wrong("client got %r, wanted %s" % (text[:100], want[:100]))
    if any("spoof" in v for _, v in got.lines):
        wrong("UNSAFE: spoofed %r" % got.lines)
    if LATER in data:  # once another answer comes out of usher, it has seen what came in before
        assert recorder.played.wait(10 * PATIENCE)
        other = Client(usher.port)
        assert other.ask(b"/", b"no.example")[0] == 421
        other.sock.close()
    if text != "cut":
        found = client.ask(b"/after")
        if found not in (None, (200, b"/after")):
            wrong("UNSAFE: the next request on the connection got %r" % (found,))
    client.sock.close()
    for target in (b"/one", b"/two"):
        other = Client(usher.port)
        if (found := other.ask(target)) != (200, target):
            wrong("UNSAFE: another connection got %r" % (found,))
        other.sock.close()


def test_answers(make_usher, recorder):
    usher, found, count = make_usher(RULES, origin=recorder.url), [], 0
    for name, method, want, end, data in rows("hostile_responses.txt", 5):
        count += 1
        want = unescape(want).decode("latin-1")
        try_answer(usher, recorder, method, want, end, data, lambda text, name=name: found.append("%s: %s" % (name, text)))
    assert not found, "\n".join(found)
    assert count > 130
