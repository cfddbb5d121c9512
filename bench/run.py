#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usher beside nginx and HAProxy doing the same work: mutual TLS, certificate headers, one worker on one core.

    run.py [NAME…]     NAMEs pick rows of SCENES; without any all run

Peers take turns, round after round, so that a noisy machine is noisy for all. What is printed: operations a second,
the server's CPU time per operation, and the ratio to nginx pair by pair (medians). Absolute figures are this
machine's; the ratios count.

ROUNDS (3), SECONDS (3) and CONNECTIONS (8) in the environment change the length.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
USHER = os.environ.get("USHER", str(BUILD / "usher"))
LOAD = BUILD / "bench" / "load"
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS", "3")
CONNECTIONS = os.environ.get("CONNECTIONS", "8")
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]
TICK = os.sysconf("SC_CLK_TCK")

FACTS = ["verified", "presented", "issuer-dn", "subject-dn", "serial", "fingerprint-sha256", "not-before", "not-after", "ski"]

# scene: (title, load's mode and options)
SCENES = {
    "full-1.3": ("full handshakes, TLS 1.3", ["full", "-v", "1.3"]),
    "full-1.2": ("full handshakes, TLS 1.2", ["full", "-v", "1.2"]),
    "resume-1.3": ("resumed handshakes, TLS 1.3", ["resume", "-v", "1.3"]),
    "resume-1.2": ("resumed handshakes, TLS 1.2", ["resume", "-v", "1.2"]),
    "request": ("keep-alive requests, headers and 20 rules", ["request", "-u", "/v1/orders?id=7"]),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pinned(cpu, command, **how):
    return subprocess.Popen(["taskset", "-c", str(cpu)] + command, stdin=subprocess.DEVNULL, start_new_session=True, **how)


def cpu_seconds(pid):
    """User and system time of a process and its children that run."""
    total = 0.0
    try:
        fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
        total = (int(fields[11]) + int(fields[12])) / TICK
        for task in os.listdir("/proc/%d/task" % pid):
            for child in open("/proc/%d/task/%s/children" % (pid, task)).read().split():
                total += cpu_seconds(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total


def memory_kb(pid):
    """Proportional memory of a process and its children."""
    total = 0
    for line in open("/proc/%d/smaps_rollup" % pid):
        if line.startswith("Pss:"):
            total += int(line.split()[1])
    for task in os.listdir("/proc/%d/task" % pid):
        for child in open("/proc/%d/task/%s/children" % (pid, task)).read().split():
            total += memory_kb(int(child))
    return total


class Server:
    def __init__(self, work):
        self.work, self.port, self.process = work, free_port(), None

    def start(self):
        self.configure()
        self.process = pinned(SERVER_CPU, self.command(), stdout=subprocess.DEVNULL, stderr=open(self.work / (self.name + ".log"), "wb"))
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
        sys.exit("bench: %s does not start:\n%s" % (self.name, (self.work / (self.name + ".log")).read_text()))

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


RULES = [("/admin%d" % i, "/old%d/*" % i) for i in range(9)]


class Usher(Server):
    name = "usher"

    def configure(self):
        rules = "".join('rule p%d { when starts_with(http.request.uri.path, "%s") then block }\n'
                        'rule w%d { when http.request.uri.path wildcard "%s" then block }\n' % (i, p, i, w)
                        for i, (p, w) in enumerate(RULES))
        (self.work / "usher.rules").write_text("""
server {{ workers 1 }}
log {{ access "{work}/access.log" }}
limits {{ requests_per_connection 1000000000 }}
listener l {{ address 127.0.0.1:{port} }}
zone api {{
    hosts api.example.com
    certificate "{pki}/server-ecdsa-chain.pem" ; key "{pki}/server-ecdsa.key"
    client_auth optional ; client_ca "{pki}/ca-bundle.pem" ; client_crl "{work}/crl/*.pem"
    ticket_reuse yes
    origin http://127.0.0.1:{origin}
    transforms tls_client_auth_headers
}}
rule need {{ when not cf.tls_client_auth.cert_verified then block }}
rule bots {{ when http.user_agent contains "sqlmap" then block }}
{rules}""".format(work=self.work, port=self.port, pki=self.work / "pki", origin=self.origin, rules=rules))

    def command(self):
        return [USHER, "serve", str(self.work / "usher.rules")]


class Nginx(Server):
    name = "nginx"

    def configure(self):
        headers = "".join("proxy_set_header cf-cert-%s $ssl_client_%s;\n" % x for x in [
            ("verified", "verify"), ("issuer-dn", "i_dn"), ("subject-dn", "s_dn"), ("serial", "serial"),
            ("fingerprint-sha1", "fingerprint"), ("not-before", "v_start"), ("not-after", "v_end"),
            ("issuer-dn-legacy", "i_dn_legacy"), ("subject-dn-legacy", "s_dn_legacy")])
        rules = "".join("location ^~ %s { return 403; }\nlocation ~ ^%s { return 403; }\n" % (p, w.replace("*", "")) for p, w in RULES)
        (self.work / "nginx.conf").write_text("""
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;
events {{ worker_connections 8000; }}
http {{
    access_log {work}/nginx.access; client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
    uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5; keepalive_requests 1000000000;
    upstream o {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096; server_name api.example.com;
        ssl_certificate {pki}/server-ecdsa-chain.pem; ssl_certificate_key {pki}/server-ecdsa.key;
        ssl_client_certificate {pki}/ca-bundle.pem; ssl_verify_client optional_no_ca; ssl_verify_depth 4;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_session_tickets on;
        if ($ssl_client_verify != SUCCESS) {{ return 403; }}
        if ($http_user_agent ~ sqlmap) {{ return 403; }}
        {headers}
        {rules}
        location / {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}""".format(work=self.work, port=self.port, pki=self.work / "pki", origin=self.origin, headers=headers, rules=rules))

    def command(self):
        return ["nginx", "-p", str(self.work), "-c", str(self.work / "nginx.conf")]


class Haproxy(Server):
    name = "haproxy"

    def configure(self):
        pem = self.work / "haproxy.pem"
        pem.write_bytes((self.work / "pki/server-ecdsa-chain.pem").read_bytes() + (self.work / "pki/server-ecdsa.key").read_bytes())
        rules = "".join("http-request deny if { path_beg %s }\nhttp-request deny if { path_beg %s }\n" % (p, w.replace("*", ""))
                        for p, w in RULES)
        (self.work / "haproxy.cfg").write_text("""
global
    nbthread 1
    maxconn 8000
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    option http-keep-alive
    http-reuse always
frontend f
    bind 127.0.0.1:{port} ssl crt {pem} ca-file {pki}/ca-bundle.pem verify optional crt-ignore-err all backlog 4096
    http-request deny if !{{ ssl_c_used 1 }} or !{{ ssl_c_verify 0 }}
    http-request deny if {{ hdr_sub(user-agent) sqlmap }}
    {rules}
    http-request set-header cf-cert-verified %[ssl_c_verify]
    http-request set-header cf-cert-issuer-dn %{{+Q}}[ssl_c_i_dn]
    http-request set-header cf-cert-subject-dn %{{+Q}}[ssl_c_s_dn]
    http-request set-header cf-cert-serial %[ssl_c_serial,hex]
    http-request set-header cf-cert-fingerprint-sha1 %[ssl_c_sha1,hex]
    http-request set-header cf-cert-not-before %[ssl_c_notbefore]
    http-request set-header cf-cert-not-after %[ssl_c_notafter]
    default_backend o
backend o
    server o 127.0.0.1:{origin}
""".format(port=self.port, pem=pem, pki=self.work / "pki", origin=self.origin, rules=rules.replace("\n", "\n    ")))

    def command(self):
        return ["haproxy", "-f", str(self.work / "haproxy.cfg")]


class Origin(Server):
    name = "origin"

    def configure(self):
        (self.work / "origin.conf").write_text("""
daemon off; worker_processes 1; pid {work}/origin.pid; error_log {work}/origin.err;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {work}/o1; proxy_temp_path {work}/o2;
    fastcgi_temp_path {work}/o3; uwsgi_temp_path {work}/o4; scgi_temp_path {work}/o5;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello from the origin\\n"; }} }} }}
""".format(work=self.work, port=self.port))

    def command(self):
        return ["nginx", "-p", str(self.work), "-c", str(self.work / "origin.conf")]

    def start(self):
        global SERVER_CPU
        keep, SERVER_CPU = SERVER_CPU, LOAD_CPU
        super().start()
        SERVER_CPU = keep
        return self


def load(server, options):
    pki = server.work / "pki"
    before = cpu_seconds(server.process.pid)
    done = subprocess.run(["taskset", "-c", str(LOAD_CPU), str(LOAD)] + options[:1] +
                          ["-a", "127.0.0.1:%d" % server.port, "-c", CONNECTIONS, "-t", SECONDS, "-C", str(pki / "good-chain.pem"),
                           "-K", str(pki / "good.key")] + options[1:], capture_output=True, timeout=120, text=True)
    out = json.loads(done.stdout)
    out["cpu_us"] = (cpu_seconds(server.process.pid) - before) * 1e6 / max(out["done"], 1)
    if out["failed"] > out["done"] / 100:
        sys.exit("bench: %s fails: %s" % (server.name, done.stdout))
    return out


def scene(name, servers):
    title, options = SCENES[name]
    results = {s.name: [] for s in servers}
    for _ in range(ROUNDS):
        for s in servers:
            results[s.name].append(load(s, options))
    print("\n%s (%s)" % (title, name))
    print("  %-8s %12s %12s %10s %22s %22s" % ("", "per second", "CPU us/op", "p99 us", "per second : nginx", "CPU : nginx"))
    for s in servers:
        mine, theirs = results[s.name], results["nginx"]
        med = lambda rows, key: statistics.median(r[key] for r in rows)
        ratio = lambda key: statistics.median(a[key] / max(b[key], 1e-9) for a, b in zip(mine, theirs))
        print("  %-8s %12.0f %12.1f %10.0f %22.2f %22.2f%s" % (
            s.name, med(mine, "per_second"), med(mine, "cpu_us"), med(mine, "p99_us"), ratio("per_second"), ratio("cpu_us"),
            "   (resumed %d %%)" % round(100 * sum(r["resumed"] for r in mine) / max(sum(r["done"] for r in mine), 1))
            if name.startswith("resume") else ""), flush=True)


def idle(servers):
    """Memory of an idle TLS 1.3 connection with a client certificate, after one request."""
    n = int(os.environ.get("IDLE", "2000"))
    print("\nmemory of %d idle TLS 1.3 connections (idle)" % n)
    for s in servers:
        before = memory_kb(s.process.pid)
        p = subprocess.Popen(["taskset", "-c", str(LOAD_CPU), str(LOAD), "idle", "-a", "127.0.0.1:%d" % s.port, "-c", str(n), "-t", "3",
                              "-C", str(s.work / "pki/good-chain.pem"), "-K", str(s.work / "pki/good.key")],
                             stdout=subprocess.PIPE, text=True)
        opened = json.loads(p.stdout.readline())["open"]
        time.sleep(1)
        print("  %-8s %8.1f kB each (%d open)" % (s.name, (memory_kb(s.process.pid) - before) / max(opened, 1), opened), flush=True)
        p.wait()


def latency(servers):
    """Half of what the slowest server can do, from everybody: how long do requests take then?"""
    options = SCENES["request"][1]
    rate = min(load(s, options)["per_second"] for s in servers) / 2
    print("\nlatency of keep-alive requests at %.0f a second (latency)" % rate)
    for s in servers:
        rows = [load(s, options + ["-r", "%.0f" % rate]) for _ in range(ROUNDS)]
        med = lambda key: statistics.median(r[key] for r in rows)
        print("  %-8s p50 %6.0f us   p99 %6.0f us   CPU %6.1f us a request" % (s.name, med("p50_us"), med("p99_us"), med("cpu_us")), flush=True)


def sockets(pid):
    n = 0
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            n += os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith("socket:")
        except FileNotFoundError:  # closed since it was listed
            pass
    return n


def reload(servers):
    """usher alone: its clients' certificate is revoked while thousands of connections are open. How soon has it judged the
    last of them, and what did the traffic of others notice?"""
    n = int(os.environ.get("OPEN", "5000"))
    s = [x for x in servers if x.name == "usher"][0]
    common = ["-a", "127.0.0.1:%d" % s.port, "-C"]
    rest = sockets(s.process.pid)
    p = subprocess.Popen(["taskset", "-c", str(LOAD_CPU), str(LOAD), "idle"] + common + [
        str(s.work / "pki/good-chain.pem"), "-K", str(s.work / "pki/good.key"), "-c", str(n), "-t", "30"], stdout=subprocess.PIPE, text=True)
    opened = json.loads(p.stdout.readline())["open"]
    shutil.copy(s.work / "pki/crl-a-more.pem", s.work / "crl/crl-a.pem")
    traffic = subprocess.Popen(["taskset", "-c", str(LOAD_CPU), str(LOAD), "request"] + common + [
        str(s.work / "pki/second-chain.pem"), "-K", str(s.work / "pki/second.key"), "-c", "4", "-t", "4", "-r", "400"],
        stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    since = time.monotonic()
    s.process.send_signal(signal.SIGHUP)
    while sockets(s.process.pid) > rest + 20 and time.monotonic() - since < 25:
        time.sleep(0.01)
    took = time.monotonic() - since
    out = json.loads(traffic.communicate()[0])
    p.terminate()
    p.wait()
    shutil.copy(s.work / "pki/crl-a.pem", s.work / "crl/crl-a.pem")
    s.process.send_signal(signal.SIGHUP)
    print("\nreload that revokes the certificate of %d open connections (reload)" % opened)
    print("  usher    last one closed after %.2f s; others' requests meanwhile: p50 %.0f us, p99 %.0f us, %d failed" % (
        took, out["p50_us"], out["p99_us"], out["failed"]), flush=True)


MORE = {"idle": idle, "latency": latency, "reload": reload}


def main():
    names = sys.argv[1:] or list(SCENES) + list(MORE)
    unknown = [n for n in names if n not in SCENES and n not in MORE]
    if unknown:
        sys.exit("bench: no scene %s; there are: %s" % (", ".join(unknown), ", ".join(list(SCENES) + list(MORE))))
    work = pathlib.Path(tempfile.mkdtemp(prefix="usher-bench-"))
    servers = []
    try:
        os.chmod(work, 0o755)
        subprocess.run(["sh", str(ROOT / "tests/pki/make.sh"), str(work / "pki")], check=True)
        (work / "crl").mkdir()
        for name in ("root", "a", "b"):
            shutil.copy(work / ("pki/crl-%s.pem" % name), work / "crl")
        for key in (work / "pki").glob("*.key"):
            key.chmod(0o644)  # nginx's worker is nobody's friend
        origin = Origin(work)
        servers.append(origin)
        origin.start()
        peers = [c for c in (Usher, Nginx, Haproxy) if c is Usher or shutil.which(c.name)]
        for c in peers:
            s = c(work)
            s.origin = origin.port
            servers.append(s)
            s.start()
        print("one worker each on CPU %d, load and origin on CPU %d, %s connections, %d rounds of %s s" % (
            SERVER_CPU, LOAD_CPU, CONNECTIONS, ROUNDS, SECONDS))
        for name in names:
            if name in MORE:
                MORE[name](servers[1:])
            else:
                scene(name, servers[1:])
    finally:
        for s in reversed(servers):
            s.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
