#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usher at work: real certificates, a real origin, real curl, one table. KEEP=1 leaves it running."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
USHER = os.path.abspath(os.environ.get("USHER", "build/usher"))
KEEP = os.environ.get("KEEP") == "1"

CLIENTS = [  # what the table calls it, the PKI's name
    ("good", "good"),
    ("other issuer", "other"),
    ("expired", "expired"),
    ("not yet valid", "early"),
    ("revoked", "revoked"),
    ("foreign CA", "foreign"),
    ("self-signed", "self"),
    ("none", None),
]

RULES = """\
# The gate of the demo: one TLS listener, one zone, the shipped partner rules.
listener public {{
    address  127.0.0.1:{port}
}}

zone partners {{
    hosts        api.example.com
    certificate  "pki/server-ecdsa-chain.pem", "pki/server-rsa-chain.pem"
    key          "pki/server-ecdsa.key", "pki/server-rsa.key"
    client_auth  optional
    client_ca    "pki/ca-bundle.pem"
    client_crl   "crl/*.pem"
    origin       {origin}
    transforms   tls_client_auth_headers, client_cert_rfc9440, remove_x_powered_by
}}

include "partners.rules"
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, **how):
    # When we leave it running it must not die with the terminal's Ctrl-C.
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=KEEP, **how)


class Demo:
    def __init__(self, work):
        self.work, self.pki, self.processes = work, work / "pki", []
        self.port = free_port()

    def prepare(self):
        subprocess.run(["sh", str(ROOT / "tests/pki/make.sh"), str(self.pki)], check=True)
        (self.work / "crl").mkdir(exist_ok=True)
        for name in ("root", "a", "b"):
            shutil.copy(self.pki / ("crl-%s.pem" % name), self.work / "crl")
        shutil.copy(ROOT / "rules/partners.rules", self.work)
        facts = subprocess.run([USHER, "cert", str(self.pki / "ca-a.pem"), "--format=json"], check=True,
                               stdout=subprocess.PIPE)
        ski = json.loads(facts.stdout)["cf.tls_client_auth.cert_ski"]
        (self.work / "partner_issuers.txt").write_text("# issuing CA A\n%s\n" % ski)

    def start(self):
        origin = start([sys.executable, str(ROOT / "tests/e2e/origin.py")], stdout=subprocess.PIPE)
        self.processes.append(origin)
        address = origin.stdout.readline().decode().split()[1]
        self.rules = self.work / "gate.rules"
        self.rules.write_text(RULES.format(port=self.port, origin="http://" + address))
        self.log, self.access = self.work / "events.log", self.work / "access.log"
        self.usher = start([USHER, "serve", str(self.rules)], stdout=open(self.access, "wb"),
                           stderr=open(self.log, "wb"))
        self.processes.append(self.usher)
        self.wait("ready", 1)

    def wait(self, event, count):
        for _ in range(500):
            text = self.log.read_text()
            if text.count('"event":"%s"' % event) >= count:
                return
            if self.usher.poll() is not None:
                break
            time.sleep(0.02)
        sys.exit("demo: usher did not say '%s':\n%s" % (event, self.log.read_text()))

    def curl_line(self, name, path="/orders?demo=1"):
        line = ["curl", "-sS", "--noproxy", "*", "--cacert", str(self.pki / "root.pem"), "--resolve",
                "api.example.com:%d:127.0.0.1" % self.port]
        if name:
            chain = self.pki / (name + "-chain.pem")
            line += ["--cert", str(chain if chain.exists() else self.pki / (name + ".pem")), "--key",
                     str(self.pki / (name + ".key"))]
        return line + ["https://api.example.com:%d%s" % (self.port, path)]

    def last_access(self, count):
        for _ in range(250):
            lines = self.access.read_text().splitlines()
            if len(lines) >= count:
                return json.loads(lines[count - 1])
            time.sleep(0.02)
        sys.exit("demo: no line in the access log")

    def ask(self, name, count):
        done = subprocess.run(self.curl_line(name) + ["-w", "\n%{http_code}"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=20)
        body, _, status = done.stdout.decode().rpartition("\n")
        log = self.last_access(count)
        headers = []
        if status == "200":
            headers = [(n, v) for n, v in json.loads(body)["headers"] if n.lower().startswith(("cf-cert", "client-cert", "x-client"))]
        return status, log, headers

    def stop(self):
        for p in reversed(self.processes):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
                try:
                    p.wait(5)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()


def row(client, status, log, headers):
    rule = log.get("rule") or "-"
    shown = [(n, v) for n, v in headers if n.lower() in ("cf-cert-verified", "cf-cert-subject-dn", "x-client-ski")]
    reached = "-"
    if headers:
        reached = "%s; %d in all" % (", ".join("%s: %s" % (n, v if len(v) < 28 else v[:24] + "…") for n, v in shown), len(headers))
    print("  %-22s %-15s %-20s %-7s %s" % (client, log.get("verify_result", "?"), rule, status, reached), flush=True)


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="usher-demo-"))
    demo, count, wrong = Demo(work), 0, []
    try:
        demo.prepare()
        demo.start()
        print("\nusher in front of an origin, asked by curl with eight client certificates:\n")
        print("  %-22s %-15s %-20s %-7s %s" % ("client", "verify_result", "rule that decided", "status", "certificate headers at the origin"))
        for title, name in CLIENTS:
            count += 1
            status, log, headers = demo.ask(name, count)
            row(title, status, log, headers)
            if (status == "200") != (title == "good"):
                wrong.append(title)
        shutil.copy(demo.pki / "crl-a-more.pem", work / "crl" / "crl-a.pem")
        demo.usher.send_signal(signal.SIGHUP)
        demo.wait("reloaded", 1)
        print("\nThe good client's certificate is revoked, usher gets SIGHUP:\n")
        count += 1
        status, log, headers = demo.ask("good", count)
        row("good, now revoked", status, log, headers)
        if status != "403":
            wrong.append("good, now revoked")
        ready = str(work) if KEEP else "DIR"
        print("\nNext, try:\n")
        print("  build/usher help")
        print("  build/usher lint rules/partners.rules")
        print("  make demo KEEP=1        # leaves it running, with curl lines to paste\n")
        if KEEP:
            shutil.copy(demo.pki / "crl-a.pem", work / "crl" / "crl-a.pem")
            demo.usher.send_signal(signal.SIGHUP)
            print("Running in %s; rules: %s\n" % (ready, demo.rules))
            for title, name in CLIENTS[:2] + CLIENTS[-1:]:
                print("  # %s\n  %s" % (title, " ".join("'%s'" % a if "*" in a or "?" in a else a for a in demo.curl_line(name))))
            print("\n  build/usher cert %s/good.pem --ca %s/ca-bundle.pem" % (demo.pki, demo.pki))
            print("  kill -HUP %d   # reload after a change\n  kill %s  # end it" % (
                demo.usher.pid, " ".join(str(p.pid) for p in demo.processes)))
    finally:
        if not KEEP:
            demo.stop()
            shutil.rmtree(work, ignore_errors=True)
    if wrong:
        sys.exit("demo: wrong answer for: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
