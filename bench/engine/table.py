#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Medians over the rounds of results.jsonl, as a Markdown table."""
import json, statistics, sys

rows = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    rows.setdefault((r["name"], r["n"]), []).append(r)
names = list(dict.fromkeys(k[0] for k in rows))


def med(rs, k): return statistics.median(r[k] for r in rs) if k in rs[0] else None
def num(x, p=0): return "" if x is None else f"{x:,.{p}f}"


print("| engine | rules | exec ns/request | least–most | with setup ns/request | least–most | ns/rule | compile ms/1,000 | rules KiB | RSS KiB |")
print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
for name in names:
    for n in sorted(k[1] for k in rows if k[0] == name):
        rs = rows[name, n]
        span = lambda k: f"{num(min(r[k] for r in rs), 0)}–{num(max(r[k] for r in rs), 0)}" if k in rs[0] else ""
        e, f = med(rs, "exec_ns_per_request"), med(rs, "full_ns_per_request")
        c = med(rs, "compile_us_per_1000")
        c = c / 1000 if c is not None else med(rs, "load_ms") / n * 1000 if "load_ms" in rs[0] and n else None
        per = (e if e is not None else f) / n if n and name != "floor" else None
        print(f"| {name} | {n:,} | {num(e)} | {span('exec_ns_per_request')} | {num(f)} | {span('full_ns_per_request')} | {num(per, 1)} | {num(c, 2)} | {num(med(rs, 'rules_kb'))} | {num(med(rs, 'rss_kb'))} |")
