# SPDX-License-Identifier: Apache-2.0
"""slowhttptest's four attacks: slow header sections, slow content, slow reading and many ranges. Others are served
meanwhile, memory stays bounded, and the attackers are shown out by the time-outs that are for them."""
import os
import subprocess
import time

import pytest

from conftest import Raw, needs

RULES = """
server { workers 1 }
listener plain { address 127.0.0.1:{port}; http yes }
timeouts { header 2s; body 2s; send 2s; idle 2s; request 30s }
rule me { when http.request.uri.path eq "/me" then respond 200 text "here" }
zone web { hosts 127.0.0.1; origin {origin} }
"""
SECONDS = min(30, int(float(os.environ.get("SOAK_SECONDS", "10"))))
CONNECTIONS = 300
ATTACKS = {
    "headers": ["-H", "-i", "1"],
    "content": ["-B", "-i", "1", "-s", "8192"],
    "reading": ["-X", "-n", "1", "-z", "32", "-w", "64", "-y", "128", "-k", "3"],
    "ranges": ["-R"],
}


@needs("slowhttptest")
@pytest.mark.parametrize("attack", list(ATTACKS))
def test_slowhttptest(make_usher, origin, attack):
    usher = make_usher(RULES, origin=origin.url)
    path = "/big?n=4000000" if attack == "reading" else "/"
    tool = subprocess.Popen(["slowhttptest", *ATTACKS[attack], "-c", str(CONNECTIONS), "-r", "200", "-l", str(SECONDS), "-v", "1",
                             "-u", "http://127.0.0.1:%d%s" % (usher.port, path)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end, worst, before = time.monotonic() + SECONDS, 0, usher.memory()
    while time.monotonic() < end and tool.poll() is None:
        start, raw = time.monotonic(), Raw(usher)
        raw.send("GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert raw.response()[0] == 200
        raw.close()
        worst = max(worst, time.monotonic() - start)
        time.sleep(0.05)
    text = tool.communicate(timeout=SECONDS + 30)[0]
    assert worst < SECONDS / 2, worst  # an attacker who kept others waiting would do so to the end
    if not os.environ.get("SAN"):
        assert usher.memory() - before < CONNECTIONS * 400000, (before, usher.memory())
    assert "service available:   NO" not in text, text
    reasons = {a.get("reason") for a in usher.accesses() if a.get("reason")}
    wanted = {"headers": {"header_timeout"}, "content": {"body_timeout", "body_too_slow"}, "reading": {"send_timeout"}}
    if attack in wanted:
        assert reasons & wanted[attack], (reasons, text)
    raw = Raw(usher)
    raw.send("GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert raw.response()[0] == 200
    raw.close()
