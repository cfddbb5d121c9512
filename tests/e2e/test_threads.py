# SPDX-License-Identifier: Apache-2.0
"""Everything usher's threads share, used at once: workers with clients of every kind, reloads, a log that is opened
again, health checks, rate limits, tickets. Its worth is in a build with SAN=thread, where a race ends the test."""
import shutil
import signal
import socket
import ssl
import threading
import time

import h2raw
from conftest import PATIENCE, Raw

RULES = """
server { workers 4 }
listener l { address 127.0.0.1:{port} }
log { access "{log}" }
zone a {
    hosts        a.example api.example.com
    certificate  "{pki}/server-ecdsa-chain.pem"
    key          "{pki}/server-ecdsa.key"
    client_auth  optional
    client_ca    "{pki}/ca-bundle.pem"
    client_crl   "{crl}/*.pem"
    pool         p
    transforms   tls_client_auth_headers, client_cert_rfc9440, xfcc
}
pool p {
    origin          {origin}
    origin          http://127.0.0.1:1
    health_check    "/healthz"
    health_interval 100ms
}
list codes : string { "red" "green" }
rule limited { when http.request.uri.path eq "/often" then rate_limit { by ip.src requests 20 per 1s block 429 } }
rule coded {
    when cf.tls_client_auth.cert_verified and http.request.uri.query matches "^c=[a-z]+$" and url_decode(http.user_agent) in $codes
    then block 403
}
"""


class Load:
    """Clients in threads. What goes wrong in one is kept for the end."""

    def __init__(self, usher, pki):
        self.usher, self.pki, self.end, self.wrong, self.done, self.threads = usher, pki, threading.Event(), [], 0, []

    def start(self, client, *args):
        self.threads.append(threading.Thread(target=self.run, args=(client, *args)))
        self.threads[-1].start()

    def run(self, client, *args):
        while not self.end.is_set():
            try:
                client(*args)
                self.done += 1
            except (EOFError, ConnectionError, ssl.SSLError):
                pass  # a reload may end a connection whose certificate is not good any more
            except Exception as e:  # told by the test, which ends
                self.wrong.append(repr(e))
                self.end.set()

    def http1(self, version, cert):
        raw = Raw(self.usher, self.pki, sni="api.example.com", cert=cert, version=version)
        for path in ("/x?c=red", "/often", "/y"):
            raw.send("POST %s HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 2\r\n\r\nhi" % path)
            status = raw.response()[0]
            if status not in (200, 421, 429, 502, 503):
                self.wrong.append("status %d" % status)
        raw.close()

    def http2(self, cert):
        h = h2raw.H2(self.usher.port, self.pki, sni="a.example", cert=cert)
        for stream in (1, 3, 5, 7):
            h.send(h2raw.head(stream, path="/often", scheme="https"))
        for stream in (1, 3, 5, 7):
            h.wait(stream)
        h.close()

    def resumed(self, context, session):
        with socket.create_connection(("127.0.0.1", self.usher.port), 10 * PATIENCE) as plain:
            with context.wrap_socket(plain, server_hostname="a.example", session=session[0]) as s:
                s.sendall(b"GET /r HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
                while s.recv(65536):
                    pass
                session[0] = s.session

    def stop(self):
        self.end.set()
        for t in self.threads:
            t.join()
        assert self.wrong == []


def test_all_at_once(make_usher, make_origin, pki, tmp_path):
    crl = tmp_path / "crl"
    crl.mkdir()
    for name in ("crl-a", "crl-b", "crl-root"):
        shutil.copy(pki / (name + ".pem"), crl)
    usher = make_usher(RULES, origin=make_origin().url, log=tmp_path / "access.json", crl=crl)
    load = Load(usher, pki)
    for cert in (None, "good"):
        load.start(load.http1, ssl.TLSVersion.TLSv1_2, cert)
        load.start(load.http1, ssl.TLSVersion.TLSv1_3, cert)
        load.start(load.http2, cert)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=str(pki / "root.pem"))
        context.check_hostname = False
        context.minimum_version = context.maximum_version = version
        load.start(load.resumed, context, [None])
    for i in range(10):
        shutil.copy(pki / ("crl-a-more.pem" if i % 2 == 0 else "crl-a.pem"), crl / "crl-a.pem")
        usher.reload()
        usher.process.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
    load.stop()
    assert load.done > 20
