# SPDX-License-Identifier: Apache-2.0
"""Mixed load with a reload every few seconds: no request fails, and neither memory nor descriptors grow.

SOAK_SECONDS says for how long (30); `make soak` runs it for an hour. The clients: HTTP/2 and HTTP/1.1 floods (h2load),
TLS 1.2 and 1.3 with a client certificate, resumed and not, uploads and downloads that are checked, clients that are
slow, and clients that leave in the middle. Tickets live for ten minutes, so that an hour shows whether the memory of used
ones has an end.
"""
import hashlib
import json
import os
import random
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import threading
import time

import pytest

from conftest import Raw, free_port, until

SECONDS = float(os.environ.get("SOAK_SECONDS", "30"))
EVERY = 5 if SECONDS > 60 else 2

RULES = """
server { workers 2 }
log { access off }
timeouts { origin_idle 2s }
listener plain  { address 127.0.0.1:{plain}; http yes; protocols h2, http/1.1 }
listener public { address 127.0.0.1:{port}; protocols h2, http/1.1 }
zone web { hosts web.example; origin {origin} }
zone partners {
    hosts        api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    client_crl   "{pki}/crl-a.pem", "{pki}/crl-b.pem", "{pki}/crl-root.pem"
    resumption   reverify
    ticket_lifetime 10m
    {spelling}
    transforms   tls_client_auth_headers, client_cert_rfc9440, xfcc
}
pool echo { origin {origin}; balance round_robin }
list paths : string { "/a" "/b" "/c" }
rule guard  { when starts_with(http.request.uri.path, "/known") and not cf.tls_client_auth.cert_verified then block 403 }
rule tag    { when cf.tls_client_auth.cert_verified then set request header "x-tag" = cf.tls_client_auth.cert_serial }
rule listed { when http.request.uri.path in $paths then set request header "x-listed" = "yes" }
rule stamp  { when true then set response header "x-round" = "{round}" }
"""


class Load:
    def __init__(self, usher, pki):
        self.usher, self.pki = usher, pki
        self.plain, self.end = usher.words["plain"], time.monotonic() + SECONDS
        self.failures, self.done, self.lock = [], {}, threading.Lock()

    def count(self, kind, n=1):
        with self.lock:
            self.done[kind] = self.done.get(kind, 0) + n

    def run(self, kind):
        """Runs one client over and over; what it raises is a failure."""
        while time.monotonic() < self.end and len(self.failures) < 20:
            try:
                kind()
            except Exception as e:  # pylint: disable=broad-except
                self.failures.append("%s: %s: %s" % (kind.__name__, type(e).__name__, str(e)[:500]))

    # ---- the clients -----------------------------------------------------------------------------------------------

    def h2load(self, *args):
        done = subprocess.run(["h2load", *args], capture_output=True, text=True, check=False)
        found = re.search(r"(\d+) total, \d+ started, \d+ done, (\d+) succeeded", done.stdout)
        assert found and found[1] == found[2] and "%s 2xx" % found[1] in done.stdout, done.stdout + done.stderr
        self.count("h2load", int(found[1]))
        time.sleep(0.05)

    def http2_tls(self):
        self.h2load("-n", "2000", "-c", "4", "-m", "10", "--connect-to", "127.0.0.1:%d" % self.usher.port,
                    "https://api.example.com:%d/a" % self.usher.port)

    def http2_plain(self):
        self.h2load("-n", "2000", "-c", "4", "-m", "10", "--connect-to", "127.0.0.1:%d" % self.plain,
                    "http://web.example:%d/b" % self.plain)

    def http1_flood(self):
        self.h2load("--h1", "-n", "2000", "-c", "4", "--connect-to", "127.0.0.1:%d" % self.plain,
                    "http://web.example:%d/c" % self.plain)

    def known_client(self, version):
        """A session, resumed a few times, with several requests over each connection."""
        context = ssl.create_default_context(cafile=str(self.pki / "root.pem"))
        context.load_cert_chain(str(self.pki / "good-chain.pem"), str(self.pki / "good.key"))
        context.minimum_version = context.maximum_version = version
        session = None
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", self.usher.port), 10) as plain:
                with context.wrap_socket(plain, server_hostname="api.example.com", session=session) as sock:
                    raw = Raw.__new__(Raw)
                    raw.sock, raw.data = sock, b""
                    for n in range(3):
                        raw.send("GET /known/%d HTTP/1.1\r\nHost: api.example.com\r\n\r\n" % n)
                        status, _, body = raw.response()
                        seen = dict((k.lower(), v) for k, v in json.loads(body)["headers"])
                        assert status == 200 and seen["x-tag"] and seen["cf-cert-verified"] == "true", (status, body)
                    self.count("resumed" if sock.session_reused else "full", 1)
                    self.count("known", 3)
                    session = sock.session

    def known_tls12(self):
        self.known_client(ssl.TLSVersion.TLSv1_2)

    def known_tls13(self):
        self.known_client(ssl.TLSVersion.TLSv1_3)

    def unknown_client(self):
        raw = Raw(self.usher, self.pki, sni="api.example.com")
        raw.send("GET /known HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
        assert raw.all().startswith(b"HTTP/1.1 403")
        raw.close()
        self.count("unknown")

    def upload(self):
        data, raw = random.randbytes(random.randrange(1, 1 << 20)), Raw(self.usher, port=self.plain)
        if random.random() < 0.5:
            raw.send(b"PUT / HTTP/1.1\r\nHost: web.example\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        else:
            raw.send(b"PUT / HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(data), 50000):
                part = data[at:at + 50000]
                raw.send(b"%x\r\n" % len(part) + part + b"\r\n")
            raw.send(b"0\r\n\r\n")
        status, _, body = raw.response()
        seen = json.loads(body)
        assert status == 200 and seen["body_size"] == len(data), (status, body)
        assert seen["body_sha256"] == hashlib.sha256(data).hexdigest()
        raw.close()
        self.count("upload")

    def download(self):
        size, raw = random.randrange(1, 2 << 20), Raw(self.usher, self.pki, sni="api.example.com")
        raw.send("GET /big?n=%d HTTP/1.1\r\nHost: api.example.com\r\n\r\n" % size)
        status, _, body = raw.response()
        assert status == 200 and len(body) == size
        raw.close()
        self.count("download")

    def slow_client(self):
        raw = Raw(self.usher, port=self.plain)
        for c in "POST /patient HTTP/1.1\r\nHost: web.example\r\nContent-Length: 4000\r\n\r\n":
            raw.send(c)
            time.sleep(0.005)
        for _ in range(8):
            raw.send(b"x" * 500)
            time.sleep(0.2)
        status, _, body = raw.response()
        assert status == 200 and json.loads(body)["body_size"] == 4000
        raw.close()
        self.count("slow")

    def leaver(self):
        """Goes away in the middle of this or that; nothing to check but that nobody else minds."""
        try:
            raw = Raw(self.usher, port=random.choice((self.plain, self.usher.port)))
            raw.send(random.choice(("", "GET / HT", "POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 9\r\n\r\nabc",
                                    "GET /big?n=9000000 HTTP/1.1\r\nHost: web.example\r\n\r\n", "\x16\x03\x01\x02\x00\x01",
                                    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
            time.sleep(0.1)
            raw.close()
        except OSError:
            pass
        self.count("left")


def descriptors(process):
    where, out = "/proc/%d/fd/" % process.pid, []
    for fd in os.listdir(where):
        try:
            out.append(re.sub(r"\d+", "N", os.readlink(where + fd)))
        except FileNotFoundError:
            pass  # closed since
    return sorted(out)


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed")
@pytest.mark.skipif(bool(os.environ.get("SAN")) and SECONDS < 60, reason="too slow with sanitizers for half a minute")
def test_soak(make_usher, origin, pki):
    words = {"origin": origin.url, "plain": free_port(), "spelling": "pool echo", "round": "0"}
    usher = make_usher(RULES, **words)
    load = Load(usher, pki)
    kinds = (load.http2_tls, load.http2_plain, load.http1_flood, load.known_tls12, load.known_tls13, load.unknown_client,
             load.upload, load.download, load.slow_client, load.leaver)
    for _ in range(30):  # every worker has answered and opened what it keeps
        raw = Raw(usher, port=load.plain)
        raw.send("GET / HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")
        raw.all()
    time.sleep(4)
    idle = descriptors(usher.process)
    threads = [threading.Thread(target=load.run, args=(kind,)) for kind in kinds]
    for t in threads:
        t.start()
    memory, rounds = [], 0
    while time.monotonic() < load.end and len(load.failures) < 20:
        time.sleep(EVERY)
        rounds += 1
        usher.words["round"], usher.words["spelling"] = rounds, ("pool echo", "origin " + origin.url)[rounds % 2]
        usher.reload(RULES)
        memory.append(usher.memory())
    for t in threads:
        t.join()
    assert not load.failures, "\n".join(load.failures)
    assert set(load.done) >= {"h2load", "full", "resumed", "known", "unknown", "upload", "download", "slow", "left"}, load.done
    print(load.done, [m >> 10 for m in memory])
    if SECONDS > 60:  # it takes a minute until every arena and pool has its size
        quarter = len(memory) // 4
        before, after = (statistics.median(m) for m in (memory[quarter:2 * quarter], memory[-quarter:]))
        assert after < before * 1.03 + (2 << 20), memory
    assert max(memory) < 300 << 20, memory
    until(lambda: descriptors(usher.process) == idle)
