#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Run unit test programs: unit.sh PROGRAM...
#
# A program that passes is one line; one that fails is shown whole.

ran=0
failed=
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
	ran=$((ran + 1))
	began=$(date +%s)
	timeout -k 5 600 "$program" >"$log" 2>&1 </dev/null
	rc=$?
	took=$(($(date +%s) - began))
	if [ $rc = 0 ]; then
		echo "$(basename "$program"): $(grep -a '^\[  PASSED  \]' "$log" | tail -n 1)$([ $took -lt 5 ] || echo " in $took s")"
	else
		cat "$log"
		echo "$(basename "$program"): FAILED (exit $rc)"
		failed="$failed $(basename "$program")"
	fi
done
if [ -n "$failed" ]; then
	echo "unit: $ran programs, failed:$failed"
	exit 1
fi
echo "unit: $ran programs, all passed"
