# SPDX-License-Identifier: Apache-2.0
"""Names of origins: looked up in DNS, believed as long as their records say, and what happens when that fails. Addresses: tried as
RFC 8305 says."""
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import PATIENCE, USHER, free_port, until
from dns import Dns

RULES = """
server {{ workers 1 ; resolver "{{dns}}" }}
listener l {{ address 127.0.0.1:{{port}} ; plain }}
zone z {{ hosts localhost ; pool p }}
pool p {{
    origin http://{name}:{{there}}
    retries 0
    %s
}}
"""
CLOSE = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
KEEP = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


class Origin:
    """Answers at each of its addresses, all with one port, with the address."""

    def __init__(self, *addresses, answer=CLOSE, port=None):
        self.listeners, self.answer, self.count = {}, answer, {}
        self.port = port or free_port()
        for a in addresses:
            self.open(a)

    def open(self, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, self.port), family=family)
        self.listeners[address], self.count[address] = listener, 0
        threading.Thread(target=self.run, args=(address, listener), daemon=True).start()

    def run(self, address, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.count[address] += 1
            threading.Thread(target=self.serve, args=(address, sock), daemon=True).start()

    def serve(self, address, sock):
        with sock:
            try:
                while sock.recv(65536):
                    sock.sendall((self.answer % (len(address), address)).encode())
                    if self.answer == CLOSE:
                        return
            except OSError:
                pass

    def close(self, address):
        self.listeners[address].shutdown(socket.SHUT_RDWR)  # a thread waits there
        self.listeners[address].close()

    def stop(self):
        for l in self.listeners.values():
            l.close()


class Hole:
    """An address that takes no connection and refuses none: packets for it vanish, for its queue is full."""

    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(0)
        self.waiting = [socket.socket(family) for _ in range(4)]
        for w in self.waiting:
            w.setblocking(False)
            w.connect_ex((address, port))

    def stop(self):
        for s in self.waiting + [self.socket]:
            s.close()


@pytest.fixture
def dns():
    d = Dns()
    yield d
    d.stop()


@pytest.fixture
def things():
    made = []

    def keep(thing):
        made.append(thing)
        return thing

    yield keep
    for t in made:
        t.stop()


def run(make_usher, dns, there, *lines, name="web.example", more="", **words):
    return make_usher(RULES.format(name=name) % "\n    ".join(lines) + more, dns=dns.address, there=there.port, **words)


def ask(raw, host="localhost"):
    status, _, body = raw.get(host=host)
    return body.decode() if status == 200 else status


def leave(raw):
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


# ---- names -----------------------------------------------------------------------------------------------------------

def test_looked_up_and_remembered(make_usher, make_raw, dns, things):
    dns.set("web.example", ["127.0.0.1"], ttl=3600)
    raw = make_raw(run(make_usher, dns, things(Origin("127.0.0.1"))))
    assert [ask(raw) for _ in range(5)] == 5 * ["127.0.0.1"]
    assert dns.count("web.example", "A") == dns.count("web.example", "AAAA") == 1


def test_life_of_records(make_usher, make_raw, dns, things):
    """When it is over the name is looked up again, and the new address is used."""
    dns.set("web.example", ["127.0.0.1"], ttl=1)
    usher = run(make_usher, dns, things(Origin("127.0.0.1", "127.0.0.2")))
    raw = make_raw(usher)
    assert ask(raw) == "127.0.0.1"
    dns.set("web.example", ["127.0.0.2"], ttl=3600)
    until(lambda: ask(raw) == "127.0.0.2")
    assert 2 <= dns.count("web.example") <= 3
    event = usher.wait_event("origin_addresses")
    assert event["addresses"] == "127.0.0.2" and event["msec"] == 3600000
    count = dns.count("web.example")
    time.sleep(1.5)
    assert ask(raw) == "127.0.0.2" and dns.count("web.example") == count


def test_alias_that_lives_shorter(make_usher, make_raw, dns, things):
    dns.set("real.example", ["127.0.0.1"], ttl=3600)
    dns.set("web.example", ("alias", "real.example", 1), ("alias", "real.example", 1))
    raw = make_raw(run(make_usher, dns, things(Origin("127.0.0.1", "127.0.0.2"))))
    assert ask(raw) == "127.0.0.1"
    dns.set("other.example", ["127.0.0.2"], ttl=3600)
    dns.set("web.example", ("alias", "other.example", 3600), ("alias", "other.example", 3600))
    until(lambda: ask(raw) == "127.0.0.2")


@pytest.mark.parametrize("ttl,bounds,again", [(3600, "resolve 1s", True), (1, "resolve_min 1h", False), (0, "resolve_min 1h", False)])
def test_bounds(make_usher, make_raw, dns, things, ttl, bounds, again):
    dns.set("web.example", ["127.0.0.1"], ttl=ttl)
    raw = make_raw(run(make_usher, dns, things(Origin("127.0.0.1")), more="timeouts { %s }" % bounds))
    ask(raw)
    time.sleep(1.3)
    ask(raw)
    if again:
        until(lambda: dns.count("web.example") > 1)
    else:
        time.sleep(0.3)
        assert dns.count("web.example") == 1


def test_kept_connections_end_with_their_address(make_usher, make_raw, dns, things):
    dns.set("web.example", ["127.0.0.1"], ttl=1)
    there = things(Origin("127.0.0.1", "127.0.0.2", answer=KEEP))
    raw = make_raw(run(make_usher, dns, there))
    assert ask(raw) == ask(raw) == "127.0.0.1" and there.count["127.0.0.1"] == 1
    dns.set("web.example", ["127.0.0.2"], ttl=3600)

    until(lambda: ask(raw) == "127.0.0.2")
    assert [ask(raw) for _ in range(3)] == 3 * ["127.0.0.2"] and there.count == {"127.0.0.1": 1, "127.0.0.2": 1}


ASKED_IN_VAIN = "could not contact dns servers"  # what some versions of the library say when none of them has an answer


@pytest.mark.parametrize("how,details", [("nxdomain", ["domain name not found"]),
                                         ("servfail", ["dns server returned general failure", ASKED_IN_VAIN]),
                                         ("refused", ["dns server refused query", ASKED_IN_VAIN])])
def test_no_address(make_usher, make_raw, dns, things, how, details):
    dns.set("web.example", how, how)
    usher = run(make_usher, dns, things(Origin("127.0.0.1")))
    raw = make_raw(usher)
    assert ask(raw) == 502 and ask(raw) == 502
    line = usher.accesses(2)[0]
    assert line["reason"] == "origin_name" and line["detail"].lower() in details
    event = usher.wait_event("origin_name_failed")
    assert event["error"].lower() in details and event["addresses"] == "none"
    dns.set("web.example", ["127.0.0.1"])
    until(lambda: ask(raw) == "127.0.0.1")


def test_no_address_is_remembered_for_a_moment(make_usher, make_raw, dns, things):
    raw = make_raw(run(make_usher, dns, things(Origin("127.0.0.1"))))
    began = time.monotonic()
    assert [ask(raw) for _ in range(20)] == 20 * [502]
    assert dns.count("web.example") <= 1 + int(time.monotonic() - began)


def test_slow_name_server(make_usher, make_raw, dns, things):
    """Whoever waits, waits no longer than for a connection; the answer serves the next one."""
    dns.set("web.example", ["127.0.0.1"])
    dns.delay = {"A": 3 * PATIENCE, "AAAA": 3 * PATIENCE}
    usher = run(make_usher, dns, things(Origin("127.0.0.1")), "connect 400ms")
    raw = make_raw(usher)
    began = time.monotonic()
    assert ask(raw) == 504
    assert 0.4 <= time.monotonic() - began < 2.8 * PATIENCE
    assert usher.accesses(1)[0]["reason"] == "origin_name_timeout"
    until(lambda: ask(raw) == "127.0.0.1")


def test_silent_name_server(make_usher, make_raw, dns, things):
    dns.set("web.example", "silent", "silent")
    usher = run(make_usher, dns, things(Origin("127.0.0.1")), "connect 5s", more="timeouts { dns 100ms }")
    assert ask(make_raw(usher)) == 502
    line = usher.accesses(1)[0]
    assert line["reason"] == "origin_name" and line["detail"] == "Timeout while contacting DNS servers"


def test_garbage(make_usher, make_raw, dns, things):
    dns.set("web.example", "garbage", "garbage")
    usher = run(make_usher, dns, things(Origin("127.0.0.1")), "connect 5s", more="timeouts { dns 100ms }")
    assert ask(make_raw(usher)) == 502
    assert usher.accesses(1)[0]["reason"] == "origin_name"


def test_old_addresses_serve_on(make_usher, make_raw, dns, things):
    dns.set("web.example", ["127.0.0.1"], ttl=1)
    usher = run(make_usher, dns, things(Origin("127.0.0.1")))
    raw = make_raw(usher)
    assert ask(raw) == "127.0.0.1"
    for how in "servfail", "nxdomain", "silent":
        dns.set("web.example", how, how)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert ask(raw) == "127.0.0.1"
            time.sleep(0.05)
    assert usher.wait_event("origin_name_failed")["addresses"] == "old"


def test_answer_about_ipv6_that_does_not_come(make_usher, make_raw, dns, things):
    dns.set("web.example", ["127.0.0.1"], "silent")
    usher = run(make_usher, dns, things(Origin("127.0.0.1")), "connect 3s")
    began = time.monotonic()
    assert ask(make_raw(usher)) == "127.0.0.1"
    assert time.monotonic() - began < 1.5 * PATIENCE


def test_second_name_server(make_usher, make_raw, dns, things):
    """The first one has nobody at its port."""
    dns.set("web.example", ["127.0.0.1"])
    usher = make_usher(RULES.format(name="web.example") % "", dns="127.0.0.1:%d, %s" % (free_port(), dns.address),
                       there=things(Origin("127.0.0.1")).port)
    assert ask(make_raw(usher)) == "127.0.0.1"


def test_other_name_servers_after_reload(make_usher, make_raw, dns, things):
    """A question that is open is asked again, of the new one."""
    other = things(Dns())
    dns.set("web.example", "silent", "silent")
    other.set("web.example", ["127.0.0.1"])
    usher = run(make_usher, dns, things(Origin("127.0.0.1")), "connect 20s", more="timeouts { dns 20s }")
    raw = make_raw(usher)
    raw.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    until(lambda: dns.count("web.example") > 0)
    usher.reload(usher.file.read_text().replace(dns.address, other.address))
    assert raw.response()[2] == b"127.0.0.1"


def test_resolv_conf(make_usher, make_raw, things, tmp_path):
    """Its servers and its search domain are asked, and when it changes, the new ones."""
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.51\nsearch corp.example\n")
    under = ["unshare", "-m", "sh", "-c", 'mount --bind %s /etc/resolv.conf && exec "$0" "$@"' % file]
    try:
        old, new = things(Dns("127.0.0.51", 53)), things(Dns("127.0.0.52", 53))
        subprocess.run(under + ["true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("that takes root, and port 53")
    old.set("web.corp.example", ["127.0.0.1"], ttl=1)
    new.set("web.other.example", ["127.0.0.2"], ttl=1)
    usher = make_usher(RULES.format(name="web").replace('; resolver "{dns}"', "") % "", under=under,
                       there=things(Origin("127.0.0.1", "127.0.0.2")).port)
    raw = make_raw(usher)
    assert ask(raw) == "127.0.0.1" and old.count("web.corp.example") == 1
    file.write_text("nameserver 127.0.0.52\nsearch other.example\n")
    until(lambda: ask(raw) == "127.0.0.2")


def test_hosts_file_comes_first(make_usher, make_raw, dns, things):
    dns.set("localhost", ["127.0.0.2"])
    raw = make_raw(run(make_usher, dns, things(Origin("127.0.0.1", "127.0.0.2")), name="localhost"))
    assert ask(raw) == "127.0.0.1" and dns.count("localhost") == 0


def test_health_checks_ask_the_same_name_server(make_usher, make_raw, dns, things):
    """And try the addresses in turn."""
    dns.set("web.example", ["127.0.0.2", "127.0.0.1"])
    usher = run(make_usher, dns, things(Origin("127.0.0.1")), "health_check tcp", "health_interval 100ms", "health_fall 1", "health_rise 1")
    raw = make_raw(usher)
    time.sleep(0.5)
    assert ask(raw) == "127.0.0.1" and not usher.events("origin_health")
    dns.set("web.example", "nxdomain", "nxdomain")
    assert usher.wait_event("origin_health")["health"] == "bad"
    dns.set("web.example", ["127.0.0.1"])
    until(lambda: usher.events("origin_health")[-1]["health"] == "good")


@pytest.mark.parametrize("text,good", [
    ("127.0.0.1", True), ("127.0.0.1:5353", True), ("[::1]:53, 192.0.2.1", True), ("::1", True), ("[::1]", True), ("", True),
    ("dns.example", False), ("127.0.0.1:0", False), ("127.0.0.1:65536", False), ("127.0.0.1,", True), ("127.0.0.1,,::1", False), ("1:2:3", False)])
def test_resolver_line(tmp_path, text, good):
    file = tmp_path / "x.rules"
    file.write_text('server { resolver "%s" }\n' % text)
    done = subprocess.run([USHER, "lint", str(file)], capture_output=True, text=True)
    assert ("is no name server" not in done.stdout) == good, done.stdout


# ---- addresses -------------------------------------------------------------------------------------------------------

def test_both_families(make_usher, make_raw, dns, things):
    """Families in turn, and the next one at once when one refuses."""
    dns.set("web.example", ["127.0.0.1"], ["::1"])
    there = things(Origin("127.0.0.1", "::1"))
    raw = make_raw(run(make_usher, dns, there))
    first = ask(raw)
    assert first in there.listeners
    there.close(first)
    assert ask(raw) in set(there.listeners) - {first}


@pytest.mark.parametrize("hole,good", [("127.0.0.2", "127.0.0.1"), ("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
def test_address_that_does_not_answer(make_usher, make_raw, dns, things, hole, good):
    """The next one is tried beside it, soon; and the one that was good is the first one the next time."""
    there = things(Origin(good))
    things(Hole(hole, there.port))
    both = [hole, good]
    dns.set("web.example", [a for a in both if ":" not in a], [a for a in both if ":" in a] or None)
    usher = run(make_usher, dns, there, "connect 20s", more="timeouts { next_address 1s }")
    raw, took = make_raw(usher), []
    for _ in range(3):
        began = time.monotonic()
        assert ask(raw) == good
        took.append(time.monotonic() - began)
    assert took[0] < 10 * PATIENCE and min(took[1:]) < 1, took


def test_no_address_answers(make_usher, make_raw, dns, things):
    there = Origin()
    for a in "127.0.0.2", "127.0.0.3", "127.0.0.4":
        things(Hole(a, there.port))
    dns.set("web.example", ["127.0.0.2", "127.0.0.3", "127.0.0.4"])
    usher = run(make_usher, dns, there, "connect 600ms")
    began = time.monotonic()
    assert ask(make_raw(usher)) == 504
    assert 0.6 <= time.monotonic() - began < 6 * PATIENCE
    assert usher.accesses(1)[0]["reason"] == "origin_connect_timeout"


def test_every_address_refuses(make_usher, make_raw, dns, things):
    dns.set("web.example", ["127.0.0.2", "127.0.0.3"], ["::1"])
    usher = run(make_usher, dns, Origin(), "connect 20s")
    assert ask(make_raw(usher)) == 502
    assert usher.accesses(1)[0]["reason"] == "origin_connect"


def test_little_time_is_shared(make_usher, make_raw, dns, things):
    """With less time than next_address, the last of three still gets its share."""
    there = things(Origin("127.0.0.4"))
    for a in "127.0.0.2", "127.0.0.3":
        things(Hole(a, there.port))
    dns.set("web.example", ["127.0.0.2", "127.0.0.3", "127.0.0.4"])
    usher = run(make_usher, dns, there, "connect 1500ms", more="timeouts { next_address 60s }")
    assert ask(make_raw(usher)) == "127.0.0.4"


def test_losers_end(make_usher, make_raw, dns, things):
    """The one that is connected first carries the request, the other connection is closed."""
    there = things(Origin("127.0.0.1", answer=KEEP))
    hole = things(Hole("127.0.0.2", there.port))
    dns.set("web.example", ["127.0.0.2", "127.0.0.1"])
    usher = run(make_usher, dns, there, "connect 20s")
    raw = make_raw(usher)
    assert ask(raw) == ask(raw) == "127.0.0.1"

    def to_hole():
        out = subprocess.run(["ss", "-tnp", "dst", "127.0.0.2:%d" % there.port], capture_output=True, text=True).stdout
        return "pid=%d," % usher.process.pid in out

    until(lambda: not to_hole())
    assert there.count["127.0.0.1"] == 1


def test_client_that_leaves_while_addresses_are_tried(make_usher, make_raw, dns, things):
    there = things(Origin("127.0.0.1"))
    things(Hole("127.0.0.2", there.port))
    dns.set("web.example", ["127.0.0.2", "127.0.0.1"])
    usher = run(make_usher, dns, there, "connect 2s", more="timeouts { next_address 1s }")
    raw = make_raw(usher)
    raw.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.2)
    leave(raw)
    assert ask(make_raw(usher)) == "127.0.0.1"


def test_end_does_not_wait_for_connections(make_usher, make_raw, dns, things):
    there = Origin()
    things(Hole("127.0.0.2", there.port))
    dns.set("web.example", ["127.0.0.2"])
    usher = run(make_usher, dns, there, "connect 10m")
    raw = make_raw(usher)
    raw.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.3)
    leave(raw)
    usher.process.terminate()
    assert usher.process.wait(10 * PATIENCE) == 0
