# SPDX-License-Identifier: Apache-2.0
"""Every reason for not serving a request has a test that names it; here are those that no other file asks for."""
import os
import re

import pytest

from conftest import ROOT
from test_http1 import RULES, ask, get
from memory import Allocations

TESTS = ROOT / "tests"


def reasons():
    for file, macro in (("headers/rejects.def", "REJECT"), ("proxy/faults.def", "FAULT")):
        yield from re.findall(r'^%s\(\w+, \d+, "(\w+)"' % macro, (ROOT / file).read_text(), re.M)


def named():
    """The words that a data case wants alone, and those that stand in an end-to-end test as a whole string. A case that
    takes one of several proves none of them."""
    found = set()
    for file in (TESTS / "data/http1").glob("*.txt"):
        found |= set(re.findall(r"^reject (\w+)$", file.read_text("latin-1"), re.M))
    for file in (TESTS / "e2e").glob("*.py"):
        found |= set(re.findall(r"""["'](\w+)["']""", file.read_text()))
    return found


def test_every_reason_has_a_test():
    assert len(list(reasons())) > 60
    assert [word for word in reasons() if word not in named()] == []


def test_an_origin_that_stops(make_usher, origin, make_raw):
    usher = make_usher(RULES + "timeouts { between_bytes 200ms }", origin=origin.url)
    raw = make_raw(usher)
    raw.send(get("/stall").replace("\n", "\r\n"))
    assert raw.all().endswith(b"\r\nsome\r\n")  # a chunk, and no last one
    line = usher.accesses(1)[-1]
    assert (line["status"], line["reason"]) == (200, "origin_between_bytes_timeout")
    assert ask(make_raw(usher), get())[0] == 200


@pytest.mark.skipif(bool(os.environ.get("SAN")), reason="sanitizers have their own allocator")
def test_memory_that_runs_out_is_said(make_usher, origin, make_raw, tmp_path):
    """Before the message is read it is the message's reason, later the exchange's."""
    memory = Allocations(tmp_path)
    usher = make_usher(RULES + "limits { header_bytes 200k }", origin=origin.url, env=memory.env)
    text = get("/", "X: " + "y" * 100000, "Connection: close").replace("\n", "\r\n")  # more than is kept from before

    def once():
        raw = make_raw(usher)
        raw.send(text)
        return raw.all()

    assert once().startswith(b"HTTP/1.1 200")
    memory.set(1 << 30, 1)
    once()
    total = memory.seen()
    wanted, said = {(503, "no_memory"), (503, "out_of_memory")}, set()
    for _ in range(10):  # threads take turns: which allocation is whose is not always the same
        for first in range(1, total + 1):
            memory.set(first, 1)
            answer = once()
            memory.set(0, 0)
            assert answer[9:12] in (b"", b"200", b"502", b"503"), answer[:200]
        before = len(usher.accesses())
        assert ask(make_raw(usher), get())[0] == 200
        said = {(a.get("status"), a.get("reason")) for a in usher.accesses(before + 1)}
        if said >= wanted:
            break
    assert said >= wanted
