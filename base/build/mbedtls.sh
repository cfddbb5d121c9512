#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Build Mbed TLS from a Debian source package: mbedtls.sh SOURCES CONFIG DEST
#
# SOURCES holds the .dsc and its tarballs (deps.sh put them there, checked). CONFIG is our user configuration, or `stock`
# for the library as it comes together with its test client. DEST appears whole or not at all.

set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL # ours are not the library's

sources=$(cd "$1" && pwd)
config=$2
dest=$3
jobs=${JOBS:-$(nproc)}
flags='-O2 -fno-omit-frame-pointer'
work=$dest.work

rm -rf "$work" "$dest.new"
mkdir -p "$work" "$dest.new"
trap 'rm -rf "$work" "$dest.new"' EXIT INT TERM

dpkg-source --no-check -x "$sources"/mbedtls_*.dsc "$work/src" >"$work/log" 2>&1 ||
	{ cat "$work/log" >&2; exit 1; }

run() {
	"$@" >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; echo "mbedtls.sh: failed: $*" >&2; exit 1; }
}

if [ "$config" = stock ]; then
	run make -C "$work/src" -j"$jobs" lib CFLAGS="$flags"
	run make -C "$work/src/programs" -j"$jobs" ssl/ssl_client2 CFLAGS="$flags"
	mkdir "$dest.new/bin"
	cp "$work/src/programs/ssl/ssl_client2" "$dest.new/bin/mbedtls_ssl_client2"
else
	# When memory runs out while keys are set, the library (3.6.7) frees a transform but not the ciphers in it.
	sed -i 's/^\( *\)mbedtls_free(transform_\([a-z]*\));$/\1mbedtls_ssl_transform_free(transform_\2);\n&/' \
		"$work/src/library/ssl_tls13_keys.c"
	config=$(cd "$(dirname "$config")" && pwd)/$(basename "$config")
	cp "$(dirname "$config")"/*_alt.h "$work/src/include/" # of what usher does in the library's place
	run make -C "$work/src" -j"$jobs" lib CFLAGS="$flags -DMBEDTLS_USER_CONFIG_FILE='\"$config\"'"
	mkdir "$dest.new/lib"
	cp -r "$work/src/include" "$dest.new/include"
	cp -r "$work/src/3rdparty/everest/include/everest" "$dest.new/include/" # mbedtls/ecdh.h includes it
	cp "$work/src/library/libmbedtls.a" "$work/src/library/libmbedx509.a" \
		"$work/src/library/libmbedcrypto.a" "$dest.new/lib/"
fi
rm -rf "$dest"
mv "$dest.new" "$dest"
