#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Show which folder includes which and hold the layers: graph.sh FOLDER...
#
# A file includes from its own folder and from folders below it; grammar, headers and mtls are neighbours that do not
# know each other; and each library is seen by one folder.

set -eu

for folder in "$@"; do
	for file in "$folder"/*.[chly] "$folder"/*.def; do
		[ ! -f "$file" ] || grep -Hn '^#[ \t]*include[ \t]*[<"]' "$file" || true
	done
done | sed -n 's/^\([^:]*\):\([0-9]*\):#[ \t]*include[ \t]*[<"]\([^>"]*\).*/\1 \2 \3/p' | awk '
	BEGIN {
		split("base 0 grammar 1 headers 1 mtls 1 engine 2 lint 3 proxy 4 cli 5", word, " ")
		for (i = 1; i in word; i += 2) level[word[i]] = word[i + 1]
		split("mbedtls/ mtls psa/ mtls pcre2 engine jansson engine maxminddb engine hs.h engine hs/ engine" \
			" uv.h proxy llhttp proxy nghttp2/ proxy curl/ proxy", word, " ")
		for (i = 1; i in word; i += 2) home[word[i]] = word[i + 1]
	}
	{
		from = $1; sub(/\/.*/, "", from)
		for (library in home)
			if (index($3, library) == 1 && from != home[library]) {
				print $1 ":" $2 ": " $3 " belongs to " home[library] "/"
				bad = 1
			}
		to = $3
		if (!sub(/\/.*/, "", to) || !(to in level)) next
		count[from " -> " to]++
		if (from != to && level[to] >= level[from]) {
			print $1 ":" $2 ": " $3 " is not below " from "/"
			bad = 1
		}
	}
	END {
		for (edge in count) printf "%-22s %4d\n", edge, count[edge] | "sort"
		close("sort")
		exit bad
	}'
