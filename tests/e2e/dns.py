# SPDX-License-Identifier: Apache-2.0
"""A name server on loopback, over UDP, that says what a test wants it to say.

names maps (name, "A" or "AAAA") to (list of addresses, TTL), or to "nxdomain", "servfail", "refused", "silent", "garbage" or a CNAME
("alias", name, TTL). Of a name with one type only, the other type has no records. delay maps a type to seconds.
"""
import ipaddress
import socket
import struct
import threading
import time

TYPES = {1: "A", 28: "AAAA"}
CODES = {"servfail": 2, "nxdomain": 3, "refused": 5}


def wire(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"


class Dns:
    def __init__(self, address="127.0.0.1", port=0):
        self.names, self.delay, self.asked, self.lock = {}, {}, [], threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.address = "%s:%d" % self.socket.getsockname()
        self.socket.settimeout(0.1)  # a thread that waits would hold the port for ever
        self.over, self.thread = False, threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def set(self, name, a=None, aaaa=None, ttl=60):
        for kind, value in (("A", a), ("AAAA", aaaa)):
            if value is None:
                self.names.pop((name, kind), None)
            else:
                self.names[name, kind] = value if isinstance(value, (str, tuple)) else (value, ttl)

    def count(self, name, kind="A"):
        return self.asked.count((name, kind))

    def run(self):
        while not self.over:
            try:
                data, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            threading.Thread(target=self.serve, args=(data, peer), daemon=True).start()

    def question(self, data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        kind = TYPES.get(struct.unpack_from(">H", data, at + 1)[0], "other")
        return ".".join(labels).lower(), kind, data[12:at + 5]

    def serve(self, data, peer):
        name, kind, question = self.question(data)
        with self.lock:
            self.asked.append((name, kind))
        time.sleep(self.delay.get(kind, 0))
        records, code = [], 0
        while True:
            value = self.names.get((name, kind))
            if isinstance(value, tuple) and value[0] == "alias":
                records.append(wire(name) + struct.pack(">HHIH", 5, 1, value[2], len(wire(value[1]))) + wire(value[1]))
                name = value[1]
                continue
            break
        if value is None:
            code = 0 if any(n == name for n, _ in self.names) else CODES["nxdomain"]
        elif value == "silent":
            return
        elif value == "garbage":
            self.send(data[:2] + b"\x81\x80\xff\xff", peer)
            return
        elif isinstance(value, str):
            code = CODES[value]
        else:
            for address in value[0]:
                packed = ipaddress.ip_address(address).packed
                records.append(wire(name) + struct.pack(">HHIH", 1 if len(packed) == 4 else 28, 1, value[1], len(packed)) + packed)
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        self.send(head + question + b"".join(records), peer)

    def send(self, data, peer):
        try:
            self.socket.sendto(data, peer)
        except OSError:
            pass

    def stop(self):
        self.over = True
        self.thread.join()
        self.socket.close()
