#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Run fuzzers: fuzz.sh [LIBFUZZER-OPTION...] -- [NAME]
#
# Each starts from tests/fuzz/corpus/NAME and tests/fuzz/NAME.dict where they exist. New finds go to $BUILD/NAME.corpus;
# an input that fails is left in $BUILD and named.

set -eu

options=
while [ "$1" != -- ]; do
	options="$options $1"
	shift
done
shift
[ $# -gt 0 ] || set -- tests/fuzz/fuzz_*.c

for name in "$@"; do
	name=$(basename "$name" .c)
	[ -x "$BUILD/$name" ] || continue
	mkdir -p "$BUILD/$name.corpus"
	# shellcheck disable=SC2086
	set -- $options -timeout=25 -rss_limit_mb=2048 -print_final_stats=1 "-artifact_prefix=$BUILD/$name-"
	[ ! -f "tests/fuzz/$name.dict" ] || set -- "$@" "-dict=tests/fuzz/$name.dict"
	set -- "$@" "$BUILD/$name.corpus"
	[ ! -d "tests/fuzz/corpus/$name" ] || set -- "$@" "tests/fuzz/corpus/$name"
	if "$BUILD/$name" "$@" >"$BUILD/$name.log" 2>&1 </dev/null; then
		echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$BUILD/$name.log") inputs, none failed"
	else
		tail -n 60 "$BUILD/$name.log"
		echo "$name: FAILED"
		exit 1
	fi
done
