# SPDX-License-Identifier: Apache-2.0
"""TLS sessions with origins are resumed: by the same member of the same configuration, and by nobody else."""
import json
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from conftest import PATIENCE, free_port, needs, stop, until

RULES = """
listener l { address 127.0.0.1:{port} ; plain }
server { workers 1 }
zone z { hosts localhost ; pool p }
zone other { hosts other.test ; pool q }
pool p {
    origin https://localhost:{there}
    %s
}
pool q {
    origin https://localhost:{there}
    %s
}
"""
CA = 'tls_ca "{pki}/root.pem"'


class Origin:
    """A TLS server that closes each connection after one answer, in which it tells what the handshake was."""

    def __init__(self, pki, client_ca=None, slow=0.0, offended=False):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(str(pki / "server-ecdsa-chain.pem"), str(pki / "server-ecdsa.key"))
        if client_ca:
            self.context.load_verify_locations(str(pki / client_ca))
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.sni_callback = self.named
        self.name, self.slow, self.offended, self.connections = None, slow, offended, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def named(self, sock, name, context):
        self.name = name

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(10 * PATIENCE)
            try:
                self.serve(sock)
            except OSError:
                pass
            sock.close()

    def serve(self, sock):
        time.sleep(self.slow)
        if self.offended and b"\0\x29" in sock.recv(65536, socket.MSG_PEEK)[-400:]:  # pre_shared_key, which comes last
            self.offended = False
            return
        with self.context.wrap_socket(sock, server_side=True) as tls:
            while True:
                data = b""
                while b"\r\n\r\n" not in data:
                    more = tls.recv(65536)
                    if not more:
                        return
                    data += more
                peer = dict(x[0] for x in tls.getpeercert()["subject"])["commonName"] if tls.getpeercert() else None
                body = json.dumps({"resumed": tls.session_reused, "version": tls.version(), "name": self.name, "peer": peer,
                                   "connection": self.connections}).encode()
                keep = b"keep" in data.split(b"\r\n")[0]
                tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n%s" %
                            (b"keep-alive" if keep else b"close", len(body), body))
                if not keep:
                    return


@pytest.fixture
def origin(pki):
    made = []

    def make(**how):
        made.append(Origin(pki, **how))
        return made[-1]

    yield make
    for o in made:
        o.listener.close()


def ask(raw, host="localhost", path="/"):
    status, _, body = raw.get(path, host=host)
    return json.loads(body) if status == 200 else status


@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_second_connection_is_resumed(make_usher, make_raw, origin, version):
    there = origin()
    usher = make_usher(RULES % (CA + " ; tls_version " + version, CA), there=there.port)
    raw = make_raw(usher)
    answers = [ask(raw) for _ in range(6)]
    assert [a["resumed"] for a in answers] == [False] + 5 * [True]
    assert {a["version"] for a in answers} == {"TLSv" + version} and answers[5]["connection"] == 6
    assert [a["origin_tls"] for a in usher.accesses(6)] == ["full"] + 5 * ["resumed"]


@needs("openssl")
@pytest.mark.parametrize("version,tickets", [("1.3", True), ("1.2", True), ("1.2", False)])
def test_openssl(make_usher, make_curl, pki, version, tickets):
    """Without tickets an origin of TLS 1.2 remembers sessions itself, by number."""
    port = free_port()
    server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-www", "-key", pki / "server-ecdsa.key",
                               "-cert", pki / "server-ecdsa.pem", "-tls" + version.replace(".", "_")] + ([] if tickets else ["-no_ticket"]),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        while b"ACCEPT" not in server.stdout.readline():
            assert server.poll() is None
        usher = make_usher(RULES % (CA + " ; tls_version " + version, CA), there=port)
        answers = [make_curl(usher)("http://localhost/").body for _ in range(3)]
        assert [b"Reused, TLSv%s" % version.encode() in a for a in answers] == [False, True, True]
    finally:
        stop(server)


def test_own_certificate_is_remembered(make_usher, make_raw, origin):
    own = ' ; tls_certificate "{pki}/good-chain.pem" ; tls_key "{pki}/good.key"'
    usher = make_usher(RULES % (CA + own, CA), there=origin(client_ca="ca-bundle.pem").port)
    raw = make_raw(usher)
    first, second = ask(raw), ask(raw)
    assert (first["resumed"], first["peer"]) == (False, "good client")
    assert (second["resumed"], second["peer"]) == (True, "good client")
    assert ask(raw, "other.test") == 502  # without a certificate, as its pool says


def test_off(make_usher, make_raw, origin):
    usher = make_usher(RULES % (CA + " ; tls_session off", CA), there=origin().port)
    raw = make_raw(usher)
    assert [ask(raw)["resumed"] for _ in range(3)] == 3 * [False]


def test_grows_old(make_usher, make_raw, origin):
    usher = make_usher(RULES % (CA + " ; tls_session 1s", CA), there=origin().port)
    raw = make_raw(usher)
    assert not ask(raw)["resumed"]
    time.sleep(2.1)
    assert not ask(raw)["resumed"]


def test_another_member(make_usher, make_raw, origin):
    """The same address: other anchors, and another name by a rule."""
    rule = '\nrule r { when http.request.uri.path eq "/named" then route sni "api.example.com" }'
    usher = make_usher(RULES % (CA, 'tls_ca "{pki}/foreign-root.pem"') + rule, there=origin().port)
    raw = make_raw(usher)
    assert [ask(raw)["resumed"] for _ in range(2)] == [False, True]
    named = ask(raw, path="/named")
    assert (named["resumed"], named["name"]) == (False, "api.example.com")
    assert ask(raw, "other.test") == 502
    assert usher.accesses(4)[-1]["detail"] == "origin_certificate"
    assert ask(raw)["resumed"]


def test_reload(make_usher, make_raw, origin):
    """A new configuration begins without sessions, and other authorities judge."""
    usher = make_usher(RULES % (CA, CA), there=origin().port)
    raw = make_raw(usher)
    assert [ask(raw)["resumed"] for _ in range(2)] == [False, True]
    usher.reload()
    assert [ask(raw)["resumed"] for _ in range(2)] == [False, True]
    usher.reload(RULES % ('tls_ca "{pki}/foreign-root.pem"', CA))
    assert ask(raw) == 502
    usher.reload(RULES % (CA + " ; tls_name elsewhere.example", CA))
    assert ask(raw) == 502
    assert usher.accesses(6)[-1]["detail"] == "origin_certificate_name"


def test_kept_connection_makes_no_handshake(make_usher, make_raw, origin):
    usher = make_usher(RULES % (CA, CA), there=origin().port)
    raw = make_raw(usher)
    assert ask(raw, path="/keep")["connection"] == ask(raw, path="/keep")["connection"] == 1
    first, second = usher.accesses(2)
    assert first["origin_tls"] == "full" and "origin_tls" not in second


def test_tickets_on_an_idle_connection(make_usher, make_raw, origin):
    """The client leaves while its connection is made; the next one takes it, though tickets came on it unasked."""
    there = origin(slow=0.5)
    usher = make_usher(RULES % (CA, CA), there=there.port)
    before = usher.sockets()
    raw = make_raw(usher)
    raw.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    until(lambda: usher.sockets() >= before + 2)
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    assert usher.accesses(1)[0]["reason"] == "client_closed"
    time.sleep(1)
    assert ask(make_raw(usher))["connection"] == there.connections == 1


def test_origin_that_takes_offence(make_usher, make_raw, origin):
    """It hangs up on a session it does not know: asked again at once without one, and the client sees nothing."""
    there = origin(offended=True)
    usher = make_usher(RULES % (CA, CA), there=there.port)
    raw = make_raw(usher)
    answers = [ask(raw) for _ in range(3)]
    assert [a["resumed"] for a in answers] == [False, False, True] and not there.offended
    assert there.connections == 4
    assert [a["origin_tls"] for a in usher.accesses(3)] == ["full", "full", "resumed"]
