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
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from servers import BUILD, LOAD_CPU, SERVER_CPU, Haproxy, Nginx, Origin, Usher, cpu_seconds, memory_kb, sockets

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOAD = os.path.join(BUILD, "bench", "load")
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS", "3")
CONNECTIONS = os.environ.get("CONNECTIONS", "8")
LATENCY_CONNECTIONS = "32"  # more than are busy at a time: no request waits because its connection has one already

# scene: (title, load's mode and options)
SCENES = {
    "full-1.3": ("full handshakes, TLS 1.3", ["full", "-v", "1.3"]),
    "full-1.2": ("full handshakes, TLS 1.2", ["full", "-v", "1.2"]),
    "resume-1.3": ("resumed handshakes, TLS 1.3", ["resume", "-v", "1.3"]),
    "resume-1.2": ("resumed handshakes, TLS 1.2", ["resume", "-v", "1.2"]),
    "request": ("keep-alive requests, headers and 20 rules", ["request", "-u", "/v1/orders?id=7"]),
    "download": ("downloads of 1 MB", ["request", "-u", "/large"]),
    "request-h2": ("HTTP/2 requests one at a time on a connection, headers and 20 rules", ["request", "-2", "-u", "/v1/orders?id=7"]),
    "streams-h2": ("HTTP/2 requests eight at a time on a connection, headers and 20 rules",
                   ["request", "-2", "-m", "8", "-u", "/v1/orders?id=7"]),
    "download-h2": ("downloads of 1 MB over HTTP/2", ["request", "-2", "-u", "/large"]),
}


def client(server, options, cert="good"):
    """Begins a load, which says {"ready"…} when all its connections are there."""
    pki = server.work / "pki"
    return subprocess.Popen(["taskset", "-c", str(LOAD_CPU), LOAD] + options[:1] +
                            ["-a", "127.0.0.1:%d" % server.port, "-C", str(pki / (cert + "-chain.pem")), "-K", str(pki / (cert + ".key"))] +
                            options[1:], stdout=subprocess.PIPE, text=True)


def load(server, options, connections=CONNECTIONS):
    p = client(server, options[:1] + ["-c", connections, "-t", SECONDS] + options[1:])
    p.stdout.readline()
    before = cpu_seconds(server.process.pid)
    out = json.loads(p.stdout.readline())
    out["cpu_us"] = (cpu_seconds(server.process.pid) - before) * 1e6 / max(out["done"], 1)
    p.wait()
    if out["failed"] > out["done"] / 100:
        sys.exit("bench: %s fails: %s" % (server.name, out))
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


def idle(servers, version="HTTP/1.1", more=(), name="idle"):
    """Memory of an idle TLS 1.3 connection with a client certificate, after one request."""
    n = int(os.environ.get("IDLE", "10000"))
    print("\nmemory of %d idle TLS 1.3 connections, %s (%s)" % (n, version, name))
    for s in servers:
        s.stop()  # memory that earlier connections left would be used again, and not be seen
        s.start()
        load(s, ["request"] + list(more))
        before, rest = memory_kb(s.process.pid), sockets(s.process.pid)
        p = client(s, ["idle", "-c", str(n), "-t", "4"] + list(more))
        p.stdout.readline()
        time.sleep(2)
        kb, opened = memory_kb(s.process.pid) - before, sockets(s.process.pid) - rest  # a few may be to the origin
        print("  %-8s %8.1f kB each, %6.1f MB for the %d that are open" % (s.name, kb / max(opened, 1), kb / 1024, opened), flush=True)
        p.wait()


def paced(title, servers, rates, options):
    """False, and nothing printed, if the client could not keep the rates: then it is the client that is measured."""
    rows = {s.name: [] for s in servers}
    for _ in range(ROUNDS):
        for s in servers:
            rows[s.name].append(load(s, options + ["-r", "%.0f" % rates[s.name]], LATENCY_CONNECTIONS))
            if rows[s.name][-1]["per_second"] < 0.95 * rates[s.name]:
                return False
    print("\n" + title)
    for s in servers:
        med = lambda key: statistics.median(r[key] for r in rows[s.name])
        ratio = lambda key: statistics.median(a[key] / max(b[key], 1e-9) for a, b in zip(rows[s.name], rows["nginx"]))
        print("  %-8s %8.0f a second   p50 %6.0f us   p99 %6.0f us   CPU %6.1f us a request   : nginx  p50 %.2f  p99 %.2f  CPU %.2f" % (
            s.name, med("per_second"), med("p50_us"), med("p99_us"), med("cpu_us"), ratio("p50_us"), ratio("p99_us"), ratio("cpu_us")),
            flush=True)
    return True


def latency(servers, version="HTTP/1.1", scene="request", name="latency"):
    """How long do requests take that come at random? At half of what the slowest server can do, from everybody; then at
    half of what each can do itself. Time counts from when a request was due. Where client and origin, who wake up for each
    request on one core, cannot keep that rate, a smaller share is asked."""
    options = SCENES[scene][1]
    most = {s.name: load(s, options, LATENCY_CONNECTIONS)["per_second"] for s in servers}
    same = {n: min(most.values()) for n in most}
    for title, rates in (("the same load for all: %s of the slowest one's most (" + name + ")", same), ("each at %s of its own most", most)):
        for parts in (2, 3, 4, 6, 8):
            share = "half" if parts == 2 else "1/%d" % parts
            if paced("latency of %s requests, %s" % (version, title % share), servers, {n: x / parts for n, x in rates.items()}, options):
                break
        else:
            print("\nlatency of %s requests: the client is too slow on this machine" % version, flush=True)


def latency_h2(servers):
    latency(servers, "HTTP/2", "request-h2", "latency-h2")


def idle_h2(servers):
    idle(servers, "HTTP/2", ["-2"], "idle-h2")


def reload(servers):
    """usher alone: its clients' certificate is revoked while thousands of connections are open. How soon has it judged the
    last of them, and what did the traffic of others notice?"""
    n = int(os.environ.get("OPEN", "5000"))
    s = [x for x in servers if x.name == "usher"][0]
    rest = sockets(s.process.pid)
    p = client(s, ["idle", "-c", str(n), "-t", "30"])
    opened = json.loads(p.stdout.readline())["ready"]
    shutil.copy(s.work / "pki/crl-a-more.pem", s.work / "crl/crl-a.pem")
    traffic = client(s, ["request", "-c", "4", "-t", "4", "-r", "400"], "second")
    traffic.stdout.readline()
    time.sleep(1)
    since = time.monotonic()
    s.process.send_signal(signal.SIGHUP)
    while sockets(s.process.pid) > rest + 20 and time.monotonic() - since < 25:
        time.sleep(0.01)
    took = time.monotonic() - since
    out = json.loads(traffic.stdout.readline())
    traffic.wait()
    p.terminate()
    p.wait()
    shutil.copy(s.work / "pki/crl-a.pem", s.work / "crl/crl-a.pem")
    s.process.send_signal(signal.SIGHUP)
    print("\nreload that revokes the certificate of %d open connections (reload)" % opened)
    print("  usher    last one closed after %.2f s; others' requests meanwhile: p50 %.0f us, p99 %.0f us, %d failed" % (
        took, out["p50_us"], out["p99_us"], out["failed"]), flush=True)


MORE = {"idle": idle, "idle-h2": idle_h2, "latency": latency, "latency-h2": latency_h2, "reload": reload}


def main():
    names = sys.argv[1:] or list(SCENES) + list(MORE)
    unknown = [n for n in names if n not in SCENES and n not in MORE]
    if unknown:
        sys.exit("bench: no scene %s; there are: %s" % (", ".join(unknown), ", ".join(list(SCENES) + list(MORE))))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # both ends of 10,000 connections
    work = pathlib.Path(tempfile.mkdtemp(prefix="usher-bench-"))
    servers = []
    try:
        os.chmod(work, 0o755)
        subprocess.run(["sh", str(ROOT / "tests/pki/make.sh"), str(work / "pki")], check=True)
        (work / "crl").mkdir()
        for name in ("root", "a", "b"):
            shutil.copy(work / ("pki/crl-%s.pem" % name), work / "crl")
        (work / "crl.pem").write_text("".join(p.read_text() for p in sorted((work / "crl").glob("*.pem"))))
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
