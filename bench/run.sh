#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make bench: usher beside its peers, see run.py; then engines, see engine/README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"${PYTHON:-/usr/bin/python3}" "$here/run.py" "$@"
if [ -x "$BUILD/bench/judge" ] && [ -x "$BUILD/bench/handshakes" ] && [ "$#" -eq 0 ]; then
	pki=$(cd "$BUILD" && pwd)/pki
	sh "$here/../tests/pki/make.sh" "$pki"
	"$BUILD/bench/judge" "$pki"
	"$BUILD/bench/handshakes" "$pki"
fi
if [ -x "$here/engine/run.sh" ] && [ "$#" -eq 0 ]; then
	ENGINES="usher=$BUILD/bench/engine-driver" ROUNDS="${ROUNDS:-3}" MODSEC="${MODSEC:-0}" "$here/engine/run.sh" "$BUILD/bench/engine-work"
fi
