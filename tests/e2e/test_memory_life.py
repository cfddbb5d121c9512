# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out at each allocation, in lives that do much: TLS to the origin, resumption, HTTP/2, content that is
held for rules, upgrades, reloads, the start of the process. Nobody gets in who must not, the log says why, nothing leaks,
and the next one is served."""
import os
import socket
import ssl
import subprocess
import time

import pytest

from conftest import PATIENCE, USHER, Raw, free_port
from h2raw import H2, data, head
from memory import FOREVER, Allocations
from test_open_connections import UPGRADE, upgrading  # pylint: disable=unused-import

pytestmark = pytest.mark.skipif(bool(os.environ.get("SAN")), reason="sanitizers have their own allocator")

RULES = """
server { workers 1 }
listener public { address 127.0.0.1:{port}; protocols h2, http/1.1 }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    client_crl   "{pki}/crl-a.pem", "{pki}/crl-b.pem", "{pki}/crl-root.pem"
    pool         both
    transforms   tls_client_auth_headers, client_cert_rfc9440, xfcc
}
pool both {
    origin https://{secure}; origin https://localhost:{secure_port}
    balance hash http.request.uri.path
    tls_ca "{pki}/root.pem"; tls_name api.example.com
    tls_certificate "{pki}/good-chain.pem"; tls_key "{pki}/good.key"
}
pool upgrades { origin {upgrades} }
list paths : string { "/a" "/b" "/in" }
rule guard   { when not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked then block 403 }
rule evil    { when http.request.body.raw contains "evil" then block 403 }
rule often   { when http.request.uri.path in $paths then rate_limit { by cf.tls_client_auth.cert_serial requests 100000 per 1h for 1h block 429 } }
rule shape   { when http.request.uri.path matches "^/(x|y)+/(?i)z$" or any(http.request.headers["x-a"][*] contains "no") then block 403 }
rule upgrade { when http.request.uri.path eq "/ws" then route pool upgrades }
rule rewrite { when starts_with(http.request.uri.path, "/v1") then rewrite path = regex_replace(http.request.uri.path, "^/v1", "/v2") }
rule tag     { when true then set request header "x-tag" = concat(cf.tls_client_auth.cert_serial, "-", lower(http.host)) }
rule answer  { when true then set response header "x-rule" = concat(http.host, "-", http.request.method) }
"""


class Life:
    """One client's doings with a usher. Each gives the answer, or b"", and notes the port it came from."""

    def __init__(self, usher, pki):
        self.usher, self.pki, self.port, self.session = usher, pki, 0, None

    def connect(self, version=None, cert="good", resume=False):
        context = ssl.create_default_context(cafile=str(self.pki / "root.pem"))
        if cert:
            context.load_cert_chain(str(self.pki / (cert + "-chain.pem")), str(self.pki / (cert + ".key")))
        if version:
            context.minimum_version = context.maximum_version = version
        session = None
        if resume:
            context, session = self.context, self.session
        plain = socket.create_connection(("127.0.0.1", self.usher.port), 10 * PATIENCE)
        plain.settimeout(10 * PATIENCE)
        self.port = plain.getsockname()[1]
        raw = Raw.__new__(Raw)
        raw.data = b""
        try:
            raw.sock = context.wrap_socket(plain, server_hostname="api.example.com", session=session)
        except OSError:
            plain.close()
            raise
        self.context = context
        return raw

    def ask(self, text, **how):
        try:
            raw = self.connect(**how)
        except OSError:
            return b""
        try:
            raw.send(text)
            return raw.all()
        except OSError:
            return raw.data
        finally:
            self.session, self.reused = raw.sock.session, raw.sock.session_reused
            raw.close()

    def full(self):
        return self.ask("GET /v1?a=1 HTTP/1.1\r\nHost: api.example.com\r\nX-A: yes\r\nCookie: a=b; c=d\r\nConnection: close\r\n\r\n")

    def prepare(self, act):
        """What comes before act, with memory enough: a session to resume."""
        version = {Life.resumed12: ssl.TLSVersion.TLSv1_2, Life.resumed13: ssl.TLSVersion.TLSv1_3}.get(act)
        if version:
            self.ask("GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n", version=version)

    def resumed12(self):
        return self.ask("GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n",
                        version=ssl.TLSVersion.TLSv1_2, resume=True)

    def resumed13(self):
        return self.ask("GET /v1 HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n",
                        version=ssl.TLSVersion.TLSv1_3, resume=True)

    def content(self):
        return self.ask("POST /v1 HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
                        ("8000\r\n" + "a" * 0x8000 + "\r\n") * 3 + "0\r\nX: 1\r\n\r\n")

    def evil(self):
        return self.ask("POST /in HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                        "9\r\nthis is e\r\n3\r\nvil\r\n0\r\n\r\n")

    def nobody(self):
        return self.ask("GET /in HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n", cert=None)

    def revoked(self):
        return self.ask("GET /in HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n", cert="revoked")

    def upgrade(self):
        try:
            raw = self.connect()
        except OSError:
            return b""
        try:
            raw.send(UPGRADE + "early")
            while not raw.data.endswith(b"helloearly"):
                got = raw.sock.recv(65536)
                if not got:
                    break
                raw.data += got
                if raw.data.startswith(b"HTTP/1.1 503"):
                    break
            return raw.data
        except OSError:
            return raw.data
        finally:
            raw.close()

    def http2(self):
        self.port = 0
        try:
            h = H2(self.usher.port, self.pki, sni="api.example.com", cert="good", seconds=1)
        except (OSError, AssertionError):
            return b""
        self.port = h.sock.getsockname()[1]
        try:
            h.send(head(1, method="POST", path="/v1", host="api.example.com", scheme="https", end=False),
                   data(1, b"abc", end=False), head(1, lines=[("x", "1")]))
            a = h.wait()
            if not a.ended or a.reset:
                return b""
            return b"HTTP/1.1 %d \r\n%s\r\n" % (a.status, "".join("%s: %s\r\n" % x for x in a.headers).encode()) + a.body
        except OSError:
            return b""
        finally:
            h.close()


GOOD, BAD = (Life.full, Life.resumed12, Life.resumed13, Life.content, Life.upgrade, Life.http2), (Life.evil, Life.nobody, Life.revoked)
SLOW = 3 * PATIENCE  # longer than that is a client that waits in vain


def unsaid(usher, failed):
    """Those of failed, by the client's port, about which the log does not say why."""
    time.sleep(0.3)
    said = {line.get("client_port") for line in usher.accesses() if line.get("reason")}
    said |= {event.get("client_port") for event in usher.events("accept_failed")}
    return [("unsaid", what) for port, what in failed.items() if port and port not in said]


@pytest.mark.parametrize("act", GOOD + BAD, ids=lambda act: act.__name__)
def test_no_memory_in_a_life(make_usher, make_origin, upgrading, pki, tmp_path, act):
    memory = Allocations(tmp_path)
    secure = make_origin(tls=[pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key", pki / "root.pem"])
    usher = make_usher(RULES, secure=secure.address, secure_port=secure.address.split(":")[1], upgrades=upgrading.url,
                       env=memory.env)
    life = Life(usher, pki)
    wanted = b"HTTP/1.1 101" if act is Life.upgrade else b"HTTP/1.1 200" if act in GOOD else b"HTTP/1.1 403"
    for _ in range(3):
        life.prepare(act)
        assert act(life).startswith(wanted)
    life.prepare(act)
    total = memory.count(lambda: act(life))
    assert total > 0
    failed, wrong = {}, []

    def once(first, count):
        life.prepare(act)
        began = time.monotonic()
        memory.set(first, count)
        answer = act(life)
        memory.set(0, 0)
        assert usher.process.poll() is None, (first, count)
        if time.monotonic() - began > SLOW:
            wrong.append(("slow", first, count, answer))
        if answer == b"" or answer.split(b" ")[1] in (b"500", b"502", b"503"):
            failed[life.port] = first, count, answer[:100]
        elif not answer.startswith(wanted):
            wrong.append(("answer", first, count, answer[:100]))
        elif wanted == b"HTTP/1.1 200" and not (b"x-rule: " in answer and b'"/v2' in answer and b'"x-tag"' in answer):
            wrong.append(("half", first, count, answer))

    for count in (1, FOREVER):
        for first in memory.positions(total, 20, 12):
            once(first, count)
            if memory.grows(lambda: once(first, count)):
                wrong.append(("leak", first, count))
    wrong += unsaid(usher, failed)
    print(act.__name__, total, len(failed), len(wrong))
    print("\n".join(map(str, wrong[:60])))
    assert not wrong
    life.prepare(act)
    assert act(life).startswith(wanted)


def start(make_usher, make_origin, upgrading, pki, memory, rules=RULES):
    secure = make_origin(tls=[pki / "server-ecdsa-chain.pem", pki / "server-ecdsa.key", pki / "root.pem"])
    return make_usher(rules, secure=secure.address, secure_port=secure.address.split(":")[1], upgrades=upgrading.url,
                      env=memory.env)


def test_no_memory_for_a_loop(make_usher, make_origin, upgrading, pki, tmp_path):
    """What libuv must have for one more descriptor, or end the process, was set aside."""
    memory = Allocations(tmp_path)
    usher = start(make_usher, make_origin, upgrading, pki, memory)
    memory.set(1, FOREVER, only_realloc=True)
    clients = [socket.create_connection(("127.0.0.1", usher.port), 10 * PATIENCE) for _ in range(300)]
    time.sleep(0.2)
    assert usher.process.poll() is None
    life = Life(usher, pki)
    assert life.full().startswith(b"HTTP/1.1 200")
    assert memory.failed() > 0
    memory.set(0, 0)
    for c in clients:
        c.close()
    assert life.full().startswith(b"HTTP/1.1 200")


def test_no_memory_at_a_reload(make_usher, make_origin, upgrading, pki, tmp_path):
    """A reload takes place whole, or not at all."""
    memory = Allocations(tmp_path)
    usher = start(make_usher, make_origin, upgrading, pki, memory)
    life, ports = Life(usher, pki), {}
    outcomes = ("reloaded", "reload_failed")

    def outcome(rules):
        before = {name: len(usher.events(name)) for name in outcomes}
        usher.write(rules)
        usher.process.send_signal(1)
        end = time.monotonic() + 10 * PATIENCE
        while time.monotonic() < end:
            found = [name for name in outcomes if len(usher.events(name)) > before[name]]
            if found:
                return found[0]
            time.sleep(0.005)
        raise AssertionError("no outcome: %s" % usher.log_path.read_text()[-2000:])

    def rules(number):
        """With another answer and another listener."""
        ports[number] = free_port()
        return (RULES.replace("concat(http.host", 'concat("%d-"' % number) +
                "listener more { address 127.0.0.1:%d; http yes }\nzone web { hosts web.example; origin http://127.0.0.1:1 }" %
                ports[number])

    assert outcome(rules(0)) == "reloaded", usher.log_path.read_text()[-1500:]
    total, current, wrong = memory.count(lambda: outcome(rules(1))), 1, []

    def settle():
        assert outcome(rules(current)) == "reloaded"
        end = time.monotonic() + 4
        while memory.live() > memory.kept and time.monotonic() < end:
            time.sleep(0.05)

    for count in (1, FOREVER):
        for number, first in enumerate(memory.positions(total, 30, 40), 2):
            text = rules(number)
            memory.set(first, count)
            done = outcome(text)
            memory.set(0, 0)
            assert usher.process.poll() is None, (first, count)
            current = number if done == "reloaded" else current
            if b"x-rule: %d-" % current not in life.full():
                wrong.append((first, count, done, "rules"))
            try:
                socket.create_connection(("127.0.0.1", ports[current]), 1).close()
            except OSError:
                wrong.append((first, count, done, "listener"))
            if number == 20:
                memory.kept = 0
                settle()
                memory.kept = memory.live() + 40  # what is kept for later use may differ
        settle()
        if memory.live() > memory.kept:
            wrong.append((count, "leak", memory.live(), memory.kept))
    print(total, wrong)
    assert not wrong


def test_no_memory_at_the_start(make_usher, make_origin, upgrading, pki, tmp_path):
    """It begins, or ends with 1 and says why. (libcrypto crashes without memory for its own first tables: after them.)"""
    memory = Allocations(tmp_path)
    usher = start(make_usher, make_origin, upgrading, pki, memory)
    usher.stop()
    total, wrong = 0, []

    def run(first, count):
        memory.set(first, count)
        process = subprocess.Popen([USHER, "serve", str(usher.file)], env=dict(os.environ, **memory.env), text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        text = ""
        for line in process.stderr:
            text += line
            if '"ready"' in line:
                nonlocal total
                total = total or memory.seen()
                memory.set(0, 0)
                process.terminate()
        return process.wait(20 * PATIENCE), text

    assert run(1 << 30, 1)[0] == 0
    memory.set(1 << 30, 1)
    subprocess.run([USHER, "serve", "none.rules"], env=dict(os.environ, **memory.env), stderr=subprocess.DEVNULL, check=False)
    begun = memory.seen()
    assert 0 < begun < total
    for count in (1, FOREVER):
        for first in (begun + n for n in memory.positions(total - begun, 40, 60)):
            code, text = run(first, count)
            if not (code == 0 and '"ready"' in text or code == 1 and text):
                wrong.append((first, count, code, text[-1000:]))
    print(total, [(x[:3], x[3][-300:]) for x in wrong])
    assert not wrong
