# SPDX-License-Identifier: Apache-2.0
"""The servers of run.py: usher, its peers and the origin, each set up for the same work.

The work: TLS 1.2 and 1.3, a client certificate asked for, its chain and the CRLs checked, certificate facts in request
headers, 20 rules that no request of the load meets, keep-alive to the origin, one access line per request.

  usher    evaluates all 20 (its index leaves out those that cannot match). The access line has the certificate's facts.
  nginx    has no rules: 2 are `if`s, 9 are prefix locations, found in a tree, and 9 are regular expressions, tried one
           after the other. The access line is its stock format.
  HAProxy  18 `http-request deny` on path_beg and 2 on other facts, evaluated one after the other. The access line is
           `option httplog`.
"""
import os
import resource
import signal
import socket
import subprocess
import sys
import time

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(os.path.dirname(__file__), "..", "build")))
USHER = os.environ.get("USHER", os.path.join(BUILD, "usher"))
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]
TICK = os.sysconf("SC_CLK_TCK")
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


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


def sockets(pid):
    """Those of a process and its children."""
    n = 0
    try:
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                n += os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith("socket:")
            except FileNotFoundError:  # closed since it was listed
                pass
        for task in os.listdir("/proc/%d/task" % pid):
            for child in open("/proc/%d/task/%s/children" % (pid, task)).read().split():
                n += sockets(int(child))
    except FileNotFoundError:
        pass
    return n


class Server:
    def __init__(self, work):
        self.work, self.port, self.process = work, free_port(), None

    def start(self):
        self.configure()
        self.process = pinned(SERVER_CPU, self.command(), stdout=open(self.work / (self.name + ".out"), "wb"),
                              stderr=open(self.work / (self.name + ".log"), "wb"))
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


# What everybody tells the origin of the client, one header each.
FACTS = ["verified", "issuer-dn", "subject-dn", "serial", "fingerprint-sha1", "not-before", "not-after"]

RULES = [("/admin%d" % i, "/old%d/*" % i) for i in range(9)]


class Usher(Server):
    name = "usher"

    def configure(self):
        rules = "".join('rule p%d { when starts_with(http.request.uri.path, "%s") then block }\n'
                        'rule w%d { when http.request.uri.path wildcard "%s" then block }\n' % (i, p, i, w)
                        for i, (p, w) in enumerate(RULES))
        headers = "\n    then ".join('set request header "x-cert-%s" = %s' % (name, "cf.tls_client_auth.cert_" + name.replace("-", "_"))
                                  for name in FACTS[1:])
        headers += '\n    then set request header "x-cert-verified" = to_string(cf.tls_client_auth.cert_verified)'
        (self.work / "usher.rules").write_text("""
server {{ workers 1 }}
log {{ access "{work}/access.log" }}
limits {{ requests_per_connection 1000000000 }}
timeouts {{ idle 600s }}
listener l {{ address 127.0.0.1:{port} ; protocols h2, http/1.1 }}
zone api {{
    hosts api.example.com
    certificate "{pki}/server-ecdsa-chain.pem" ; key "{pki}/server-ecdsa.key"
    client_auth optional ; client_ca "{pki}/ca-bundle.pem" ; client_crl "{work}/crl/*.pem"
    ticket_reuse yes
    origin http://127.0.0.1:{origin}
}}
rule facts {{
    when true
    then {headers}
}}
rule need {{ when not cf.tls_client_auth.cert_verified then block }}
rule bots {{ when http.user_agent contains "sqlmap" then block }}
{rules}""".format(work=self.work, port=self.port, pki=self.work / "pki", origin=self.origin, rules=rules, headers=headers))

    def command(self):
        return [USHER, "serve", str(self.work / "usher.rules")]


class Nginx(Server):
    name = "nginx"

    def configure(self):
        headers = "".join("proxy_set_header x-cert-%s $ssl_client_%s;\n" % x for x in [
            ("verified", "verify"), ("issuer-dn", "i_dn"), ("subject-dn", "s_dn"), ("serial", "serial"),
            ("fingerprint-sha1", "fingerprint"), ("not-before", "v_start"), ("not-after", "v_end")])
        rules = "".join("location ^~ %s { return 403; }\nlocation ~ ^%s { return 403; }\n" % (p, w.replace("*", "")) for p, w in RULES)
        (self.work / "nginx.conf").write_text("""
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.err;
worker_rlimit_nofile {files}; events {{ worker_connections {files}; }}
http {{
    access_log {work}/nginx.access; client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
    uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5; keepalive_requests 1000000000; keepalive_timeout 600s;
    upstream o {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=4096; server_name api.example.com;
        ssl_certificate {pki}/server-ecdsa-chain.pem; ssl_certificate_key {pki}/server-ecdsa.key;
        ssl_client_certificate {pki}/ca-bundle.pem; ssl_verify_client optional_no_ca; ssl_verify_depth 4; ssl_crl {work}/crl.pem;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; ssl_session_tickets on;
        if ($ssl_client_verify != SUCCESS) {{ return 403; }}
        if ($http_user_agent ~ sqlmap) {{ return 403; }}
        {headers}
        {rules}
        location / {{ proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}""".format(work=self.work, port=self.port, pki=self.work / "pki", origin=self.origin, headers=headers, rules=rules, files=FILES))

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
    no strict-limits
    maxconn {maxconn}
    log stdout format raw local0
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    log global
    option httplog
    timeout client 600s
    timeout server 60s
    timeout connect 5s
    option http-keep-alive
    http-reuse always
frontend f
    bind 127.0.0.1:{port} ssl crt {pem} alpn h2,http/1.1 ca-file {pki}/ca-bundle.pem crl-file {work}/crl.pem verify optional crt-ignore-err all backlog 4096
    http-request deny if !{{ ssl_c_used 1 }} or !{{ ssl_c_verify 0 }}
    http-request deny if {{ hdr_sub(user-agent) sqlmap }}
    {rules}
    http-request set-header x-cert-verified %[ssl_c_verify]
    http-request set-header x-cert-issuer-dn %{{+Q}}[ssl_c_i_dn]
    http-request set-header x-cert-subject-dn %{{+Q}}[ssl_c_s_dn]
    http-request set-header x-cert-serial %[ssl_c_serial,hex]
    http-request set-header x-cert-fingerprint-sha1 %[ssl_c_sha1,hex]
    http-request set-header x-cert-not-before %[ssl_c_notbefore]
    http-request set-header x-cert-not-after %[ssl_c_notafter]
    default_backend o
backend o
    server o 127.0.0.1:{origin}
""".format(work=self.work, maxconn=FILES - 200, port=self.port, pem=pem, pki=self.work / "pki", origin=self.origin, rules=rules.replace("\n", "\n    ")))

    def command(self):
        return ["haproxy", "-f", str(self.work / "haproxy.cfg")]


class Origin(Server):
    name = "origin"

    def configure(self):
        (self.work / "large").write_bytes(bytes(1 << 20))
        (self.work / "origin.conf").write_text("""
daemon off; worker_processes 1; pid {work}/origin.pid; error_log {work}/origin.err;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {work}/o1; proxy_temp_path {work}/o2;
    fastcgi_temp_path {work}/o3; uwsgi_temp_path {work}/o4; scgi_temp_path {work}/o5;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello from the origin\\n"; }}
        location = /large {{ root {work}; }} }} }}
""".format(work=self.work, port=self.port))

    def command(self):
        return ["nginx", "-p", str(self.work), "-c", str(self.work / "origin.conf")]

    def start(self):
        global SERVER_CPU
        keep, SERVER_CPU = SERVER_CPU, LOAD_CPU
        super().start()
        SERVER_CPU = keep
        return self
