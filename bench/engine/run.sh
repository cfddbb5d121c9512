#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Engines side by side on the same rules and requests, in turns, so that a noisy machine is noisy for all.
#   ENGINES="usher=build/bench/engine-driver other=PATH" [SIZES="10 100 1000 10000"] [ROUNDS=5] [CPU=1] [MODSEC=1] run.sh [WORK]
# A driver is called as: PATH RULES.txt REQUESTS.jsonl [MATCHES.tsv]; README.md says what it prints. usher runs three
# times: with its index, with the index and what a connection remembers, and as a plain loop over the same rules.
# WORK (default ./work) receives data, built C drivers and results.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-work}
mkdir -p "$work"
work=$(cd "$work" && pwd)

engines=()
add() { # NAME COMMAND…
	printf '#!/bin/sh\nexec %s "$@"\n' "$2" >"$work/drive-$1"
	chmod +x "$work/drive-$1"
	engines+=("$1")
}
for e in ${ENGINES:-}; do
	path=$(realpath "${e#*=}")
	add "${e%%=*}" "'$path'"
	if [ "${e%%=*}" = usher ]; then
		add usher-connection "env MEMO=1 '$path'"
		add usher-loop "env INDEX=0 '$path'"
	fi
done
cd "$work"
read -ra sizes <<<"${SIZES:-10 100 1000 10000}"
rounds=${ROUNDS:-5}
pin() { if [ -n "${CPU:-}" ]; then taskset -c "$CPU" "$@"; else "$@"; fi; }

[ -f data/requests.jsonl ] || "${PYTHON:-/usr/bin/python3}" "$here/gen.py" --out data
cc -D_GNU_SOURCE -O2 "$here/floor.c" -o floor
if [ "${MODSEC:-0}" = 1 ]; then
	cc -D_GNU_SOURCE -O2 "$here/modsec-driver.c" -lmodsecurity -o modsec-driver
	printf 'SecRuleEngine On\nSecAuditEngine Off\n' >data/modsec-0.conf
fi

# 1. Do they agree? The engines' matches must be the same lines.
for n in "${sizes[@]}"; do
	first=
	for e in ${engines[@]+"${engines[@]}"}; do
		REPS=1 pin "./drive-$e" "data/rules-$n.txt" data/requests.jsonl "m-$e-$n.tsv" >/dev/null
		sort "m-$e-$n.tsv" -o "m-$e-$n.tsv"
		if [ -z "$first" ]; then
			first=$e
		elif cmp -s "m-$first-$n.tsv" "m-$e-$n.tsv"; then
			echo "# $n rules: $e agrees with $first ($(wc -l <"m-$first-$n.tsv") matches)"
		else
			echo "# $n rules: $e DISAGREES with $first: $(comm -3 "m-$first-$n.tsv" "m-$e-$n.tsv" | wc -l) lines"
		fi
	done
done

# 2. Time them, one after another, round after round.
note() { sed "s/^{/{\"name\":\"$1\",\"n\":$2,\"round\":$3,/" >>results.jsonl; }
: >results.jsonl
for round in $(seq "$rounds"); do
	for n in "${sizes[@]}"; do
		for e in ${engines[@]+"${engines[@]}"}; do
			REPS=3 pin "./drive-$e" "data/rules-$n.txt" data/requests.jsonl | note "$e" "$n" "$round"
		done
		pin ./floor "data/hostpath-$n.txt" data/requests.tsv | note floor "$n" "$round"
	done
	[ "${MODSEC:-0}" = 1 ] || continue
	for n in 0 "${sizes[@]}"; do
		limit=2000
		[ "$n" -ge 1000 ] && limit=500
		[ "$n" -ge 10000 ] && limit=100
		REPS=1 LIMIT=$limit pin ./modsec-driver "data/modsec-$n.conf" data/requests.tsv | note libmodsecurity "$n" "$round"
	done
done
"${PYTHON:-/usr/bin/python3}" "$here/table.py" results.jsonl
