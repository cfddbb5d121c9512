#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Bring what usher is built from: deps.sh LIST...     (lists: build demo test bench)
#
# Debian's packages come through apt, from the machine's own sources; that needs root, and only when one is missing.
# Mbed TLS 3.6 and llhttp are not in Debian 12, so they are taken from newer suites of the same mirror: apt fetches
# them with folders of its own, checks the suites' signatures and the files' hashes, and nothing is installed into the
# system. All of it lands in $DEPS. Run again, it does only what is missing, which takes a moment.
#
# DEPS        where to put it                           MBEDTLS     folder for the library with our configuration

set -eu

here=$(dirname "$0")
DEPS=${DEPS:-build/deps}
MBEDTLS=${MBEDTLS:?names the folder of the library; the Makefile sets it}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

packages_build='gcc libc6-dev make bison flex dpkg-dev bzip2 xz-utils debian-archive-keyring
	libuv1-dev libnghttp2-dev libpcre2-dev libjansson-dev libmaxminddb-dev libcurl4-openssl-dev libssl-dev libc-ares-dev'
packages_demo='curl openssl python3'
packages_test='libcmocka-dev clang libclang-rt-dev llvm curl openssl gnutls-bin nghttp2-client
	python3 python3-pytest python3-cryptography python3-h2 python3-wsproto nginx slowhttptest'
packages_bench='curl openssl nginx haproxy nghttp2-client wrk python3'

say() { echo "deps: $*" >&2; }
die() { say "$*"; exit 1; }

wanted() {
	for list in "$@"; do
		case $list in
		build) echo "$packages_build" ;;
		demo) echo "$packages_demo" ;;
		test) # gRPC's tests are skipped where a suite has no gRPC
			echo "$packages_test"
			apt-cache show python3-grpcio >/dev/null 2>&1 && echo python3-grpcio
			;;
		bench) echo "$packages_bench" ;;
		*) die "no such list: $list" ;;
		esac
	done | tr -s '[:space:]' '\n' | sort -u
}

missing() {
	for package in $(wanted "$@"); do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		*' ok installed') ;;
		*) echo "$package" ;;
		esac
	done
}

# Some packages are servers, and Debian starts a server when it installs one. Not for a test bench.
policy=/usr/sbin/policy-rc.d
services_hold() {
	[ ! -e $policy ] || mv $policy $policy.usher
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap services_release EXIT
	trap 'exit 1' INT TERM
}
services_release() {
	rm -f $policy
	[ ! -e $policy.usher ] || mv $policy.usher $policy
	trap - EXIT INT TERM
}

packages_install() {
	lack=$(missing "$@" | tr '\n' ' ')
	[ -n "$lack" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		say "missing: $lack"
		die "run this once as root: apt-get update && apt-get install --no-install-recommends $lack"
	fi
	say "installing $lack"
	services_hold
	apt-get -q update >&2
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $lack >&2 </dev/null
	services_release
	if command -v systemctl >/dev/null; then
		for server in nginx haproxy; do
			case " $lack " in *" $server "*) systemctl --quiet disable $server 2>/dev/null || true ;; esac
		done
	fi
	lack=$(missing "$@" | tr '\n' ' ')
	[ -z "$lack" ] || die "still missing after the installation: $lack"
}

# The Debian mirror that this machine already uses, whichever way its sources are written.
mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' |
		awk '$1 ~ /^(https?|file|copy|mirror)/ && $2 == "Debian" && $3 == "Debian" { print $1; exit }'
}

apt_own() {
	tool=$1
	shift
	"$tool" -q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" \
		-o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

apt_own_update() {
	apt=$(cd "$DEPS" && pwd)/apt
	[ ! -e "$apt/updated" ] || return 0
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	uri=$(mirror)
	if [ -z "$uri" ] && [ "$(id -u)" = 0 ]; then
		apt-get -q update >&2
		uri=$(mirror)
	fi
	[ -n "$uri" ] || die "no Debian mirror among the sources of apt; run as root: apt-get update"
	for suites in 'trixie sid' trixie; do
		for suite in $suites; do
			case $suite in
			# An old list of sid is no harm: the newest version wins, and trixie's list sets the least.
			sid) echo "deb-src [signed-by=$keyring check-valid-until=no] $uri sid main" ;;
			*)
				echo "deb-src [signed-by=$keyring] $uri $suite main"
				echo "deb [signed-by=$keyring] $uri $suite main"
				;;
			esac
		done >"$apt/sources.list"
		! apt_own apt-get -o APT::Update::Error-Mode=any update >"$apt/log" 2>&1 || break
		grep -E '^[EW]:' "$apt/log" >&2
		[ "$suites" != trixie ] || die "the mirror $uri gives no package lists"
	done
	: >"$apt/updated"
}

mbedtls_fetch() {
	[ ! -e "$DEPS/src/complete" ] || return 0
	apt_own_update
	version=$(apt_own apt-cache showsrc mbedtls | sed -n 's/^Version: \(3\.6\..*\)/\1/p' |
		while read -r v; do
			[ -n "${best:-}" ] && dpkg --compare-versions "$v" lt "$best" || best=$v
			echo "$best"
		done | tail -n 1)
	[ -n "$version" ] || die 'no Mbed TLS 3.6 in the package lists'
	say "fetching mbedtls $version"
	rm -rf "$DEPS/src"
	mkdir -p "$DEPS/src"
	(cd "$DEPS/src" && apt_own apt-get source --download-only "mbedtls=$version") >"$apt/log" 2>&1 ||
		{ cat "$apt/log" >&2; die 'Mbed TLS could not be fetched'; }
	: >"$DEPS/src/complete"
}

mbedtls_build() {
	[ ! -e "$MBEDTLS/lib/libmbedcrypto.a" ] || return 0
	mbedtls_fetch
	say 'building Mbed TLS'
	"$here/mbedtls.sh" "$DEPS/src" mtls/mbedtls_config.h "$MBEDTLS"
}

mbedtls_client_build() {
	[ ! -e "$DEPS/bin/mbedtls_ssl_client2" ] || return 0
	mbedtls_fetch
	say 'building the test client of Mbed TLS'
	"$here/mbedtls.sh" "$DEPS/src" stock "$DEPS/stock"
	mkdir -p "$DEPS/bin"
	mv "$DEPS/stock/bin/mbedtls_ssl_client2" "$DEPS/bin/"
	rm -rf "$DEPS/stock"
}

llhttp_fetch() {
	[ ! -e "$DEPS/lib/libllhttp.a" ] || return 0
	apt_own_update
	say 'fetching llhttp'
	rm -rf "$DEPS/llhttp"
	mkdir -p "$DEPS/llhttp" "$DEPS/include" "$DEPS/lib"
	(cd "$DEPS/llhttp" && apt_own apt-get download libllhttp-dev) >"$apt/log" 2>&1 ||
		{ cat "$apt/log" >&2; die 'llhttp could not be fetched'; }
	dpkg-deb -x "$DEPS"/llhttp/libllhttp-dev_*.deb "$DEPS/llhttp"
	cp "$DEPS/llhttp/usr/include/llhttp.h" "$DEPS/include/"
	cp "$DEPS/llhttp/usr/lib/$(gcc -print-multiarch)/libllhttp.a" "$DEPS/lib/"
	rm -rf "$DEPS/llhttp"
}

[ $# -gt 0 ] || die 'name a list: build demo test bench'
command -v apt-get >/dev/null || die 'this is not Debian; README.md says what usher is built from'
mkdir -p "$DEPS"
exec 9>"$DEPS/lock"
flock 9

packages_install "$@"
for list in "$@"; do
	case $list in
	build)
		mbedtls_build
		llhttp_fetch
		;;
	test) mbedtls_client_build ;;
	esac
done
rm -rf "$DEPS/apt"
