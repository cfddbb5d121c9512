# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out in usher where a test says: tests/tools/fail_alloc.c is preloaded into it.

A test runs over every allocation where OOM=all is set (`make oom`), else over a sample of them.
"""
import mmap
import os
import struct
import subprocess
import time

from conftest import ROOT

ALL = os.environ.get("OOM") == "all"
FOREVER = 1 << 29  # failures in a row


class Allocations:
    def __init__(self, directory):
        self.library, path = str(directory / "fail_alloc.so"), directory / "page"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.library, str(ROOT / "tests/tools/fail_alloc.c")], check=True)
        path.write_bytes(bytes(4096))
        self.env = {"LD_PRELOAD": self.library, "FAIL_ALLOC": str(path)}
        self.kept = 0
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 4096)

    def set(self, first, count, only_realloc=False):
        for index, number in ((0, 0), (1, 0), (2, 0), (3, count), (5, int(only_realloc)), (0, first)):
            self.page[index * 4:index * 4 + 4] = struct.pack("i", number)

    def number(self, index):
        return struct.unpack("i", self.page[index * 4:index * 4 + 4])[0]

    def seen(self):
        return self.number(1)

    def failed(self):
        return self.number(2)

    def live(self):
        return self.number(4)

    def count(self, act):
        """How many allocations act() makes usher do."""
        self.set(1 << 30, 1)
        act()
        total = self.seen()
        self.set(0, 0)
        return total

    def positions(self, total, cases, last):
        """The allocations to fail, of total: all, or about so many and the last ones."""
        step = 1 if ALL else max(1, total // cases)
        return sorted(set(range(1, total + 2, step)) | set(range(max(1, total - last), total + 2)))

    def grows(self, again, wait=0.3):
        """Whether more is allocated than ever before, and again more each time that again() is called. What is kept
        for later use (connections, spare memory) may grow once."""
        for _ in range(12):
            end = time.monotonic() + wait
            while self.live() > self.kept and time.monotonic() < end:
                time.sleep(0.005)
            if self.live() <= self.kept:
                return False
            self.kept = self.live()
            again()
        return True
