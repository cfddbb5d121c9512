#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Print the share of lines that ran, per source file: cover.sh OBJECTS

set -eu
objects=$1
find "$objects" -name '*.gcda' ! -path '*/tests/*' | sort | while read -r data; do
	gcov -n -o "$(dirname "$data")" "$data" 2>/dev/null
done | awk '
	/^File / { file = substr($2, 2, length($2) - 2) }
	/^Lines executed:/ && file ~ /\.c$/ && file !~ /^\// {
		split($0, part, /[:% ]+/)
		share = part[3]
		lines = $NF
		if (!(file in all) || share > best[file]) best[file] = share
		all[file] = lines
		file = ""
	}
	END {
		for (file in all) {
			printf "%6.1f%% of %5d  %s\n", best[file], all[file], file | "sort -k4"
			sum += all[file]
			ran += all[file] * best[file] / 100
		}
		close("sort -k4")
		if (sum) printf "%6.1f%% of %5d  in all\n", 100 * ran / sum, sum
	}'
