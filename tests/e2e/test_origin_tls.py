# SPDX-License-Identifier: Apache-2.0
"""TLS to the origin: its name and chain are verified, usher shows its own certificate, an answer that is cut off is told."""
import socket
import ssl
import threading

import pytest

RULES = """
listener l { address 127.0.0.1:{port} ; plain }
server { workers 1 }
zone z { hosts localhost ; pool p }
pool p {
    origin https://{where}
    %s
}
"""


@pytest.fixture
def secure(make_origin, pki):
    return lambda client_ca=None, kind="ecdsa": make_origin(tls=[pki / ("server-%s-chain.pem" % kind), pki / ("server-%s.key" % kind)] +
                                                             ([pki / client_ca] if client_ca else []))


def run(make_usher, origin, *lines, name="localhost"):
    port = origin.address.rsplit(":", 1)[1]
    return make_usher(RULES % "\n    ".join(lines), where="%s:%s" % (name, port))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_verified(make_usher, make_curl, secure, version, kind):
    usher = run(make_usher, secure(kind=kind), 'tls_ca "{pki}/root.pem"', "tls_version " + version)
    curl = make_curl(usher)
    first, second = curl("http://localhost/a"), curl("http://localhost/b", "-d", "x" * 100000)
    assert first.status == second.status == 200
    assert first.echo["tls"] == "TLSv" + version
    assert second.echo["body_size"] == 100000
    assert first.echo["connection"] == second.echo["connection"]  # kept warm


@pytest.mark.parametrize("lines,reason", [
    (['tls_ca "{pki}/foreign-root.pem"'], "origin_certificate"),
    (['tls_ca "{pki}/root.pem"', "tls_name elsewhere.example"], "origin_certificate_name"),
    ([], "origin_certificate"),
])
def test_refused(make_usher, make_curl, secure, lines, reason):
    usher = run(make_usher, secure(), *lines)
    assert make_curl(usher)("http://localhost/a").status == 502
    line = usher.accesses(1)[0]
    assert line["reason"] == "origin_tls" and line["detail"] == reason


def test_not_verified_on_request(make_usher, make_curl, secure):
    assert make_curl(run(make_usher, secure(), "tls_verify no"))("http://localhost/a").status == 200


def test_address_and_name(make_usher, make_curl, secure):
    usher = run(make_usher, secure(), 'tls_ca "{pki}/root.pem"', "tls_name api.example.com", name="127.0.0.1")
    assert make_curl(usher)("http://localhost/a").status == 200


def test_own_certificate(make_usher, make_curl, secure):
    origin = secure("ca-bundle.pem")
    usher = run(make_usher, origin, 'tls_ca "{pki}/root.pem"', 'tls_certificate "{pki}/good-chain.pem"', 'tls_key "{pki}/good.key"')
    answer = make_curl(usher)("http://localhost/a")
    assert answer.status == 200 and answer.echo["peer"] == "good client"
    without = run(make_usher, origin, 'tls_ca "{pki}/root.pem"')
    assert make_curl(without)("http://localhost/a").status == 502


def test_other_authorities_after_reload(make_usher, make_curl, secure):
    usher = run(make_usher, secure(), 'tls_ca "{pki}/root.pem"')
    curl = make_curl(usher)
    assert curl("http://localhost/a").status == 200
    usher.reload(usher.file.read_text().replace("/root.pem", "/foreign-root.pem"))
    assert curl("http://localhost/b").status == 502  # the warm connection was trusted under the old file


def test_large_answers(make_usher, make_curl, secure):
    answer = make_curl(run(make_usher, secure(), 'tls_ca "{pki}/root.pem"'))("http://localhost/big?n=20000000")
    assert answer.status == 200 and len(answer.body) == 20000000


@pytest.mark.parametrize("polite", [True, False])
def test_an_answer_that_is_cut_off(make_usher, make_raw, pki, polite):
    """Content that ends with the connection: complete only if close_notify says so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pki / "server-ecdsa-chain.pem"), str(pki / "server-ecdsa.key"))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        sock, _ = listener.accept()
        tls = context.wrap_socket(sock, server_side=True)
        tls.recv(65536)
        tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")
        if polite:
            tls.unwrap()
        else:
            socket.socket(fileno=tls.detach()).close()

    threading.Thread(target=serve, daemon=True).start()
    usher = make_usher(RULES % 'tls_ca "{pki}/root.pem"', where="localhost:%d" % listener.getsockname()[1])
    raw = make_raw(usher)
    raw.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    if polite:
        assert raw.response()[2] == b"half of it"
        return
    with pytest.raises(EOFError):
        raw.response()
    assert usher.accesses(1)[0]["reason"] == "origin_cut_short"


def test_an_origin_that_says_nothing(make_usher, make_curl, make_origin):
    usher = run(make_usher, make_origin(), 'tls_ca "{pki}/root.pem"', "connect 500ms")  # it waits for a request in the clear
    assert make_curl(usher)("http://localhost/a").status == 504
    assert usher.accesses(1)[0]["reason"] == "origin_connect_timeout"
