# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a PKI, an origin, an usher, clients. Everything listens on loopback and ends with its test."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import pytest

from h2raw import H2

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
USHER = os.environ.get("USHER", str(ROOT / "build" / "usher"))
if not os.path.isabs(USHER):
    USHER = str(ROOT / USHER)
PATIENCE = float(os.environ.get("USHER_PATIENCE") or 1)  # sanitizers are slow: waits are this much longer


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    where = tmp_path_factory.mktemp("pki") / "pki"
    subprocess.run(["sh", str(ROOT / "tests/pki/make.sh"), str(where)], check=True)
    return where


def free_port():
    """A port that nobody has, and that the system gives to no client meanwhile: those of clients are above."""
    first_of_clients = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(5000, first_of_clients)))
                return s.getsockname()[1]
            except OSError:
                pass


def until(what, seconds=20):
    """Waits for what() to be true; a busy machine takes its time."""
    end = time.monotonic() + seconds * PATIENCE
    while not what():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def stop(process, how=signal.SIGTERM, seconds=10):
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Origin:
    def __init__(self, where="0", tls=()):
        self.process = subprocess.Popen([sys.executable, str(HERE / "origin.py"), where, *map(str, tls)], stdout=subprocess.PIPE)
        self.address = self.process.stdout.readline().decode().split()[1]
        self.url = self.address if self.address.startswith("unix:") else "http://" + self.address

    def stop(self):
        stop(self.process, signal.SIGKILL)


@pytest.fixture(scope="session")
def origin():
    o = Origin()
    yield o
    o.stop()


@pytest.fixture
def make_origin():
    made = []

    def make(where="0", tls=()):
        made.append(Origin(where, tls))
        return made[-1]

    yield make
    for o in made:
        o.stop()


class Usher:
    """A running usher. rules: the rule file's text, in which {port}, {origin}, {pki} and other words are filled in. under: a command
    that becomes it."""

    def __init__(self, directory, rules, env=None, under=(), **words):
        self.dir = pathlib.Path(directory)
        self.port = words.pop("port", None) or free_port()
        self.words = dict(words, port=self.port)
        self.file = self.dir / "test.rules"
        self.log_path, self.access_path = self.dir / "stderr", self.dir / "access.json"
        self.write(rules)
        self.log = open(self.log_path, "wb")
        self.access = open(self.access_path, "wb")
        self.process = subprocess.Popen([*under, USHER, "serve", str(self.file)], stdout=self.access, stderr=self.log,
                                        env=dict(os.environ, **(env or {})))
        self.wait_event("ready")

    def write(self, rules):
        text = re.sub(r"\{([a-z_]+)\}", lambda m: str(self.words.get(m[1], m[0])), rules)
        self.file.write_text(text)

    def events(self, name=None):
        out = []
        for line in self.log_path.read_text(errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if name is None or event.get("event") == name:
                out.append(event)
        return out

    def wait_event(self, name, count=1, seconds=15):
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            found = self.events(name)
            if len(found) >= count:
                return found[-1]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError("no event %r; log:\n%s" % (name, self.log_path.read_text(errors="replace")))

    def reload(self, rules=None, event="reloaded"):
        before = len(self.events(event))
        if rules is not None:
            self.write(rules)
        self.process.send_signal(signal.SIGHUP)
        return self.wait_event(event, before + 1)

    def accesses(self, count=None, seconds=10):
        """Access log lines; waits until there are count of them."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            lines = [json.loads(x) for x in self.access_path.read_text().splitlines()]
            if count is None or len(lines) >= count or time.monotonic() > end:
                return lines
            time.sleep(0.02)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def sockets(self):
        """How many are open: one more once a client has been accepted, and one once its request is on a new way to an origin.
        Files come and go."""
        n = 0
        for fd in os.listdir("/proc/%d/fd" % self.process.pid):
            try:
                n += os.readlink("/proc/%d/fd/%s" % (self.process.pid, fd)).startswith("socket:")
            except FileNotFoundError:
                pass
        return n

    def memory(self):
        for line in open("/proc/%d/status" % self.process.pid):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self, how=signal.SIGTERM):
        code = stop(self.process, how)
        self.log.close()
        self.access.close()
        text = self.log_path.read_text(errors="replace")
        assert "Sanitizer" not in text and "runtime error:" not in text, text
        return code


@pytest.fixture
def make_usher(tmp_path, pki):
    made = []

    def make(rules, **words):
        directory = tmp_path / ("usher%d" % len(made))
        directory.mkdir()
        words.setdefault("pki", pki)
        made.append(Usher(directory, rules, **words))
        return made[-1]

    yield make
    codes = [(u, u.stop()) for u in made]
    for u, code in codes:
        assert code == 0, "usher ended with %s:\n%s" % (code, u.log_path.read_text(errors="replace"))


class Answer:
    def __init__(self, status, headers, body, process):
        self.status, self.headers, self.body, self.process = status, headers, body, process

    def header(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    @property
    def echo(self):
        """What the origin says it received."""
        return json.loads(self.body)

    def received(self, name):
        return [v for n, v in self.echo["headers"] if n.lower() == name.lower()]


class Curl:
    """curl(1) as a client of one usher: curl("https://api.example.com/x", cert="client-good")."""

    def __init__(self, usher, pki):
        self.usher, self.pki = usher, pki

    def __call__(self, url, *args, cert=None, check=True, port=None):
        host = re.match(r"https?://([^/:]+)", url)[1]
        port = port or self.usher.port
        url = re.sub(r"^(https?://[^/:]+)", r"\1:%d" % port, url, count=1)
        command = ["curl", "-sS", "-i", "--max-time", str(20 * PATIENCE), "--noproxy", "*", "--cacert", str(self.pki / "root.pem"),
                   "--resolve", "%s:%d:127.0.0.1" % (host, port)]
        if not any("Host:" in a for a in args):
            command += ["-H", "Host: " + host]
        if cert:
            chain = self.pki / (cert + "-chain.pem")
            command += ["--cert", str(chain if chain.exists() else self.pki / (cert + ".pem")),
                        "--key", str(self.pki / (cert + ".key"))]
        done = subprocess.run(command + list(args) + [url], capture_output=True)
        if not check and done.returncode:
            return Answer(0, [], done.stderr, done)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return self.parse(done)

    @staticmethod
    def parse(done):
        rest = done.stdout
        while True:
            head, _, rest = rest.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split()[1])
            if status >= 200 or not rest:
                break
        headers = [tuple(x.strip() for x in line.split(":", 1)) for line in lines[1:]]
        return Answer(status, headers, rest, done)


@pytest.fixture
def make_curl(pki):
    return lambda usher: Curl(usher, pki)


class Raw:
    """A plain or TLS socket for bytes that no real client would send."""

    def __init__(self, usher, pki=None, sni=None, cert=None, version=None, port=None):
        sock = socket.create_connection(("127.0.0.1", port or usher.port), 10 * PATIENCE)
        sock.settimeout(10 * PATIENCE)
        if pki is not None:
            context = ssl.create_default_context(cafile=str(pki / "root.pem"))
            context.check_hostname = False
            if cert:
                chain = pki / (cert + "-chain.pem")
                context.load_cert_chain(str(chain if chain.exists() else pki / (cert + ".pem")), str(pki / (cert + ".key")))
            if version:
                context.minimum_version = context.maximum_version = version
            sock = context.wrap_socket(sock, server_hostname=sni)
        self.sock, self.data = sock, b""

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def until(self, end):
        while end not in self.data:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError(self.data)
            self.data += got
        out, self.data = self.data.split(end, 1)
        return out

    def all(self):
        """Everything until the peer closes."""
        try:
            while True:
                got = self.sock.recv(65536)
                if not got:
                    break
                self.data += got
        except ConnectionResetError:
            pass
        out, self.data = self.data, b""
        return out

    def response(self, head=False):
        """status, headers, body of one response with Content-Length or chunked content."""
        top = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(top[0].split()[1])
        headers = [tuple(x.strip() for x in line.split(":", 1)) for line in top[1:]]
        names = {n.lower(): v for n, v in headers}
        if head or status < 200 or status in (204, 304):
            return status, headers, b""
        if names.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    while self.until(b"\r\n"):
                        pass
                    return status, headers, body
                while len(self.data) < size + 2:
                    got = self.sock.recv(65536)
                    if not got:
                        raise EOFError(self.data)
                    self.data += got
                body, self.data = body + self.data[:size], self.data[size + 2:]
        size = int(names.get("content-length", 0))
        while len(self.data) < size:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError(self.data)
            self.data += got
        body, self.data = self.data[:size], self.data[size:]
        return status, headers, body

    def get(self, path="/", *lines, host="web.example", method="GET"):
        """The answer to a request without content."""
        self.send("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, path, host, "".join(line + "\r\n" for line in lines)))
        return self.response(method == "HEAD")

    def close(self):
        self.sock.close()


@pytest.fixture
def make_raw(pki):
    made = []

    def make(usher, tls=False, **how):
        made.append(Raw(usher, pki if tls else None, **how))
        return made[-1]

    yield make
    for r in made:
        r.close()


@pytest.fixture
def make_h2(pki):
    made = []

    def make(usher, tls=False, **how):
        made.append(H2(how.pop("port", usher.port), pki if tls else None, **how))
        return made[-1]

    yield make
    for h in made:
        h.close()


needs = lambda tool: pytest.mark.skipif(shutil.which(tool) is None, reason=tool + " is not installed")
