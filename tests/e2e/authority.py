# SPDX-License-Identifier: Apache-2.0
"""A certificate authority that publishes what it revokes: lists over HTTP, and answers by openssl's OCSP responder."""
import datetime
import http.server
import pathlib
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


class Web:
    """A web server on loopback. files: path to bytes, to a number (a status), or to a text (a redirect)."""

    def __init__(self):
        self.files, self.asked, self.post = {}, [], None
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, what):
                if isinstance(what, bytes):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(what)))
                    self.end_headers()
                    self.wfile.write(what)
                elif isinstance(what, str):
                    self.send_response(302)
                    self.send_header("Location", what)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.send_error(what)

            def do_GET(self):
                web.asked.append(self.path)
                self.answer(web.files.get(self.path, 404))

            def do_POST(self):
                web.asked.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                right = self.headers["Content-Type"] == "application/ocsp-request"
                self.answer(web.post(body) if right and web.post else 503)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Authority:
    def __init__(self, directory, text="Publishing CA"):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(exist_ok=True)
        self.name, self.key = name(text), ec.generate_private_key(ec.SECP256R1())
        self.issued, self.revoked, self.number = {}, [], 0
        self.cert = self.sign(self.name, self.key, [
            (x509.BasicConstraints(True, None), True),
            (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)])
        self.write("ca.pem", self.cert.public_bytes(PEM))
        self.write("ca.key", self.private(self.key))

    @staticmethod
    def private(key):
        return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def write(self, file, data):
        (self.dir / file).write_bytes(data)

    def sign(self, subject, key, extensions):
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
             .serial_number(x509.random_serial_number()).not_valid_before(now() - datetime.timedelta(days=1))
             .not_valid_after(now() + datetime.timedelta(days=300))
             .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
             .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        for e, critical in extensions:
            b = b.add_extension(e, critical)
        return b.sign(self.key, hashes.SHA256())

    def client(self, who, crl=None, ocsp=None):
        """Files who.pem and who.key; returns their name for curl, without suffix."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(x509.BasicConstraints(False, None), True),
                      (x509.KeyUsage(True, False, False, False, False, False, False, False, False), True),
                      (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)]
        if crl:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
            extensions.append((x509.CRLDistributionPoints([point]), False))
        if ocsp:
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp))
            extensions.append((x509.AuthorityInformationAccess([access]), False))
        self.issued[who] = self.sign(name(who), key, extensions)
        self.write(who + ".pem", self.issued[who].public_bytes(PEM))
        self.write(who + ".key", self.private(key))
        return str(self.dir / who)

    def crl(self, *revoked, ends=86400, began=0, pad=0):
        """DER of a list of those revoked so far and pad others."""
        self.number += 1
        self.revoked += revoked
        b = (x509.CertificateRevocationListBuilder().issuer_name(self.name)
             .last_update(now() - datetime.timedelta(seconds=began)).next_update(now() + datetime.timedelta(seconds=ends))
             .add_extension(x509.CRLNumber(self.number), False)
             .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        serials = [self.issued[who].serial_number for who in self.revoked] + [x509.random_serial_number() for _ in range(pad)]
        for serial in serials:
            b = b.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now()).build())
        return b.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def ocsp(self, request, known=None):
        """What openssl's responder says. known: who is in its index; all by default."""
        lines = []
        for who, cert in self.issued.items():
            if known is not None and who not in known:
                continue
            gone = who in self.revoked
            lines.append("\t".join(["R" if gone else "V", "360101000000Z", "250101000000Z" if gone else "",
                                    "%X" % cert.serial_number, "unknown", "/CN=" + who]))
        self.write("index", "".join(line + "\n" for line in lines).encode())
        self.write("index.attr", b"unique_subject = no\n")
        self.write("request", request)
        subprocess.run(["openssl", "ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key",
                        "-reqin", "request", "-respout", "response", "-ndays", "1"], cwd=self.dir, check=True,
                       capture_output=True)
        return (self.dir / "response").read_bytes()
