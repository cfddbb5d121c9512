#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a small MaxMind database for tests: mmdb.py OUT [FACTS.json].

FACTS is an object from networks to records; without it a few documentation networks are used. The format is the public
"MaxMind DB File Format Specification", version 2.0, with a tree of 24-bit records over IPv6.
"""
import ipaddress
import json
import struct
import sys

DEFAULT = {
    "192.0.2.0/24": {
        "country": {"iso_code": "DE", "is_in_european_union": True},
        "continent": {"code": "EU"},
        "city": {"names": {"en": "Cologne", "de": "Köln"}},
        "subdivisions": [{"iso_code": "NW", "names": {"en": "North Rhine-Westphalia"}}, {"iso_code": "K"}],
        "postal": {"code": "50667"},
        "location": {"latitude": 50.9384, "longitude": 6.95, "time_zone": "Europe/Berlin"},
        "autonomous_system_number": 64500,
    },
    "198.51.100.0/25": {
        "country": {"iso_code": "US"},
        "continent": {"code": "NA"},
        "location": {"latitude": -1.0, "longitude": 100.123456, "metro_code": 807},
    },
    "203.0.113.7/32": {"registered_country": {"iso_code": "FR"}},
    "2001:db8::/32": {"country": {"iso_code": "JP"}, "autonomous_system_number": 64501},
}


def control(kind, size):
    """The bytes that begin a value of a type number and a size."""
    extended = b""
    if kind > 7:
        extended, kind = bytes([kind - 7]), 0
    if size < 29:
        return bytes([kind << 5 | size]) + extended
    if size < 29 + 256:
        return bytes([kind << 5 | 29]) + extended + bytes([size - 29])
    return bytes([kind << 5 | 30]) + extended + struct.pack(">H", size - 285)


class Sized(int):
    """An integer of a type other than 32 bits, which the metadata asks for: 5 is 16 bits, 9 is 64."""

    def __new__(cls, value, kind):
        made = super().__new__(cls, value)
        made.kind = kind
        return made


def encode(value):
    if isinstance(value, bool):
        return control(14, int(value))
    if isinstance(value, str):
        text = value.encode()
        return control(2, len(text)) + text
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return control(getattr(value, "kind", 6), len(raw)) + raw
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    return control(11, len(value)) + b"".join(encode(v) for v in value)


def write(path, facts):
    nodes, data = [[None, None]], b""
    for network, record in sorted(facts.items(), key=lambda item: ipaddress.ip_network(item[0]).prefixlen):
        net = ipaddress.ip_network(network)
        length = net.prefixlen + (96 if net.version == 4 else 0)
        bits = f"{int(net.network_address):0128b}"[:length]
        at = 0
        for bit in map(int, bits[:-1]):
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][int(bits[-1])] = ("data", len(data))
        data += encode(record)
    count = len(nodes)
    tree = b""
    for node in nodes:
        for record in node:
            value = count if record is None else record if isinstance(record, int) else count + 16 + record[1]
            tree += value.to_bytes(3, "big")
    meta = {
        "node_count": count, "record_size": Sized(24, 5), "ip_version": Sized(6, 5), "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": Sized(2, 5), "binary_format_minor_version": Sized(0, 5),
        "build_epoch": Sized(1700000000, 9),
        "description": {"en": "test"},
    }
    with open(path, "wb") as out:
        out.write(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encode(meta))


if __name__ == "__main__":
    source = DEFAULT
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as given:
            source = json.load(given)
    write(sys.argv[1], source)
