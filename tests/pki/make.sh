#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes the test and demo PKI with openssl(1): sh tests/pki/make.sh DIR
#
# Everything is P-256 unless its name says otherwise, so it takes a few seconds. File names are fixed. A second
# run in the same directory does nothing, unless this script changed or the files are older than three days.
# The directory appears whole or not at all.
#
#   NAME.pem NAME.key      a certificate and its key       NAME-chain.pem   leaf first, then what a client sends
#   root ca-a ca-b         the anchor and two issuing CAs  ca-bundle.pem    root, ca-a and ca-b together
#   ca-revoked             an issuing CA on root's CRL     foreign-root     an anchor that no zone trusts
#   ca-a-again             another key under ca-a's name   ca-nc, ca-nc-soft  CAs with (non-)critical nameConstraints
#   server-rsa server-ecdsa   for localhost, *.test, api.example.com, *.partners.example.com, staff.example
#   crl-root crl-a crl-b   current CRLs (.pem and .der)    crl-a-empty      before anything was revoked
#   crl-a-more             lists the good client, too      crl-a-expired crl-a-badsig crl-a-idp crl-a-delta
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
script=$0
target=$1
stamp=$(cksum < "$script" | tr ' ' -)

fresh() {
	[ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ] && [ -n "$(find "$target/stamp" -mtime -3 2>/dev/null)" ]
}
if fresh; then
	exit 0
fi

mkdir -p "$(dirname "$target")"
target=$(cd "$(dirname "$target")" && pwd)/$(basename "$target")
work=$(mktemp -d "$target.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT INT TERM
cd "$work"
cfg=$work/ca.cnf

cat > "$cfg" <<'CNF'
[req]
distinguished_name = dn
prompt = no
string_mask = utf8only
[dn]
[policy]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
emailAddress = optional
[ca_ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[ca_nc_ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
nameConstraints = critical, permitted;DNS:allowed.test, permitted;email:allowed.test, excluded;DNS:bad.allowed.test
[ca_nc_soft_ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
nameConstraints = permitted;DNS:allowed.test
[notca_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[server_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost, DNS:*.test, DNS:*.wild.test, DNS:*.y.wild.test, DNS:*.deep.wild.test, DNS:api.example.com, DNS:*.partners.example.com, DNS:staff.example, IP:127.0.0.1, IP:::1
[client_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[good_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:good.example, DNS:alias.good.example, URI:spiffe://example.org/good, email:good@example.org, IP:192.0.2.7, IP:2001:db8::7
[noski_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = none
authorityKeyIdentifier = keyid:always
[noaki_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = none
[noeku_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[wrongeku_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[wrongku_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, keyEncipherment
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[ncgood_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:a.allowed.test, email:x@allowed.test
[ncbad_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:outside.test
[ncexcluded_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:x.bad.allowed.test
[crl_ext]
authorityKeyIdentifier = keyid:always
[crl_idp_ext]
authorityKeyIdentifier = keyid:always
issuingDistributionPoint = critical, @idp
[idp]
fullname = URI:http://crl.example/a.crl
onlyuser = TRUE
[crl_delta_ext]
authorityKeyIdentifier = keyid:always
2.5.29.27 = critical, DER:020101
CNF

# A comment that makes one certificate larger than a whole handshake message may be.
{
	echo '[large_ext]'
	echo 'basicConstraints = critical, CA:FALSE'
	echo 'keyUsage = critical, digitalSignature'
	echo 'extendedKeyUsage = clientAuth'
	echo 'subjectKeyIdentifier = hash'
	echo 'authorityKeyIdentifier = keyid:always'
	printf 'nsComment = "'
	head -c 18000 /dev/zero | tr '\0' x
	echo '"'
} > large.cnf

run() {
	openssl "$@" 2>> log || { tail -n 5 log >&2; echo "$script: openssl $1 failed" >&2; exit 1; }
}

key() { # key NAME [rsa BITS | ec CURVE]
	case ${2:-ec} in
	rsa) run genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$3" -out "$1.key" ;;
	ec) run genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${3:-P-256}" -out "$1.key" ;;
	esac
	chmod 600 "$1.key"
}

ca_files() { # the bookkeeping of openssl ca for issuer NAME
	mkdir -p "db/$1"
	: > "db/$1/index"
	echo 'unique_subject = no' > "db/$1/index.attr"
	printf '%s\n' "${2:-1000}" > "db/$1/serial"
	printf '1000\n' > "db/$1/crlnumber"
	cat >> "$cfg" <<CNF
[$1]
database = $work/db/$1/index
new_certs_dir = $work/db/$1
serial = $work/db/$1/serial
crlnumber = $work/db/$1/crlnumber
certificate = $work/$1.pem
private_key = $work/$1.key
default_md = sha256
default_crl_days = 30
policy = policy
preserve = yes
email_in_dn = yes
unique_subject = no
CNF
}

anchor() { # anchor NAME SUBJECT: self-signed CA
	key "$1"
	run req -new -x509 -utf8 -config "$cfg" -extensions ca_ext -key "$1.key" -subj "$2" -days 3650 -out "$1.pem"
	ca_files "$1"
}

sign() { # sign ISSUER NAME SUBJECT EXTENSIONS [START END [MD]]: the key is there already
	run req -new -utf8 -config "$cfg" -key "$2.key" -subj "$3" -out "$2.csr"
	file=$cfg
	[ "$4" = large_ext ] && file=large.cnf
	if [ -n "${5:-}" ]; then
		dates="-startdate $5 -enddate $6"
	else
		dates='-days 365'
	fi
	# shellcheck disable=SC2086
	run ca -batch -notext -utf8 -config "$cfg" -name "$1" -extfile "$file" -extensions "$4" $dates \
		-md "${md:-sha256}" -in "$2.csr" -out "$2.pem"
	rm "$2.csr"
}

issuer() { # issuer PARENT NAME SUBJECT [EXTENSIONS]: an issuing CA
	key "$2"
	sign "$1" "$2" "$3" "${4:-ca_ext}"
	ca_files "$2"
}

client() { # client ISSUER NAME SUBJECT EXTENSIONS [START END]
	key "$2"
	sign "$@"
	cat "$2.pem" "$1.pem" > "$2-chain.pem"
}

crl() { # crl ISSUER NAME [options of openssl ca]
	ca=$1 name=$2
	shift 2
	run ca -gencrl -config "$cfg" -name "$ca" -crlexts crl_ext "$@" -out "$name.pem"
	run crl -in "$name.pem" -outform DER -out "$name.der"
}

revoke() { # revoke ISSUER NAME
	run ca -config "$cfg" -name "$1" -revoke "$2.pem" -crl_reason keyCompromise
}

# ---- CAs ----
anchor root '/C=DE/O=usher test/CN=Root CA'
anchor foreign-root '/C=FR/O=elsewhere/CN=Foreign Root CA'
issuer root ca-a '/C=DE/O=usher test/CN=Issuing CA A'
issuer root ca-b '/C=DE/O=usher test/CN=Issuing CA B'
issuer root ca-revoked '/C=DE/O=usher test/CN=Revoked Issuing CA'
issuer root ca-a-again '/C=DE/O=usher test/CN=Issuing CA A'
issuer root ca-nc '/C=DE/O=usher test/CN=Constrained CA' ca_nc_ext
issuer root ca-nc-soft '/C=DE/O=usher test/CN=Softly Constrained CA' ca_nc_soft_ext
issuer root not-ca '/C=DE/O=usher test/CN=Not a CA' notca_ext
cat root.pem ca-a.pem ca-b.pem > ca-bundle.pem

# ---- servers ----
key server-rsa rsa 2048
sign root server-rsa '/O=usher test/CN=server rsa' server_ext
key server-ecdsa
sign root server-ecdsa '/O=usher test/CN=server ecdsa' server_ext
cp server-rsa.pem server-rsa-chain.pem
cp server-ecdsa.pem server-ecdsa-chain.pem

# ---- clients ----
client ca-a good '/C=DE/O=usher test/OU=clients/CN=good client' good_ext
client ca-a second '/C=DE/O=usher test/OU=clients/CN=second client' client_ext
client ca-b other '/C=DE/O=usher test/OU=clients/CN=other client' client_ext
client ca-a expired '/C=DE/O=usher test/OU=clients/CN=expired client' client_ext 20200101000000Z 20210101000000Z
client ca-a early '/C=DE/O=usher test/OU=clients/CN=early client' client_ext 20400101000000Z 20410101000000Z
client ca-a revoked '/C=DE/O=usher test/OU=clients/CN=revoked client' client_ext
client ca-revoked issuer-revoked '/C=DE/O=usher test/CN=client of a revoked CA' client_ext
client foreign-root foreign '/C=FR/O=elsewhere/CN=foreign client' client_ext
client ca-a-again impostor '/C=DE/O=usher test/OU=clients/CN=good client' client_ext
client ca-a noski '/O=usher test/CN=no SKI' noski_ext
client ca-a noaki '/O=usher test/CN=no AKI' noaki_ext
client ca-a noeku '/O=usher test/CN=no EKU' noeku_ext
client ca-a wrongeku '/O=usher test/CN=wrong EKU' wrongeku_ext
client ca-a wrongku '/O=usher test/CN=wrong KU' wrongku_ext
client ca-nc nc-good '/O=usher test/CN=inside' ncgood_ext
client ca-nc nc-bad '/O=usher test/CN=outside' ncbad_ext
client ca-nc nc-excluded '/O=usher test/CN=excluded' ncexcluded_ext
client ca-nc-soft nc-soft-bad '/O=usher test/CN=softly outside' ncbad_ext
client not-ca notca-child '/O=usher test/CN=child of a leaf' client_ext
client ca-a large '/O=usher test/CN=large' large_ext
client ca-a nul '/O=usher test/CN=good.exampleX.evil.test' client_ext

# openssl ca flattens multi-valued RDNs, so this one is signed by openssl x509.
key strange
run req -new -utf8 -config "$cfg" -key strange.key -out strange.csr \
	-subj '/C=DE/ST=Baden-Württemberg/O=Acme, Inc. "West"/OU=one+OU=two/CN= lead;trail<x>=\\y#\\z /CN=Ünï ☃'
run x509 -req -in strange.csr -CA ca-a.pem -CAkey ca-a.key -set_serial 0x00936EACBE07F201DF -days 365 -sha256 \
	-extfile "$cfg" -extensions client_ext -out strange.pem
cat strange.pem ca-a.pem > strange-chain.pem
rm strange.csr

key self
run req -new -x509 -utf8 -config "$cfg" -extensions client_ext -key self.key -subj '/O=nobody/CN=self-signed' \
	-days 365 -out self.pem
cp self.pem self-chain.pem

key good-rsa rsa 2048
sign ca-a good-rsa '/O=usher test/CN=good rsa client' client_ext
cat good-rsa.pem ca-a.pem > good-rsa-chain.pem
key good-p384 ec P-384
sign ca-a good-p384 '/O=usher test/CN=good p384 client' client_ext
cat good-p384.pem ca-a.pem > good-p384-chain.pem
key weak-rsa rsa 1024
sign ca-a weak-rsa '/O=usher test/CN=weak rsa client' client_ext
cat weak-rsa.pem ca-a.pem > weak-rsa-chain.pem
key weak-sha1
md=sha1 sign ca-a weak-sha1 '/O=usher test/CN=sha1 client' client_ext
cat weak-sha1.pem ca-a.pem > weak-sha1-chain.pem

printf '7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\n' > db/ca-b/serial
client ca-b hugeserial '/O=usher test/CN=huge serial' client_ext
printf '2000\n' > db/ca-b/serial

# A NUL inside a common name: openssl writes none, so the name is changed in the signed part, which is signed again
# until the signature has the length of the old one.
patch_nul() {
	run x509 -in "$1.pem" -outform DER -out nul.der
	run asn1parse -inform DER -in nul.der -strparse 4 -noout -out nul.tbs
	sed 's/exampleX\.evil/example\x00.evil/' nul.tbs > nul.new
	size=$(wc -c < nul.der) tbs=$(wc -c < nul.tbs)
	[ "$(wc -c < nul.new)" -eq "$tbs" ]
	! cmp -s nul.tbs nul.new
	# after the signed part: an algorithm of 12 bytes and a bit string's header of 3
	want=$((size - 4 - tbs - 15))
	until run dgst -sha256 -sign "$2.key" -out nul.sig nul.new && [ "$(wc -c < nul.sig)" -eq "$want" ]; do :; done
	{ head -c 4 nul.der; cat nul.new; tail -c "+$((4 + tbs + 1))" nul.der | head -c 15; cat nul.sig; } > nul.out
	run x509 -inform DER -in nul.out -out "$1.pem"
	cat "$1.pem" "$2.pem" > "$1-chain.pem"
	rm nul.der nul.tbs nul.new nul.sig nul.out
}
patch_nul nul ca-a

# ---- a ladder of CAs: clients below the 15th and the 20th ----
parent=root chain=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	issuer "$parent" "rung$i" "/O=usher test/CN=Rung $i"
	parent=rung$i
	chain="rung$i.pem $chain"
	if [ $i -eq 15 ] || [ $i -eq 20 ]; then
		name=deep
		[ $i -eq 20 ] && name=toodeep
		client "$parent" "$name" "/O=usher test/CN=$name client" client_ext
		# shellcheck disable=SC2086
		cat "$name.pem" $chain > "$name-chain.pem"
	fi
done

# ---- CRLs ----
crl ca-a crl-a-empty
revoke ca-a revoked
revoke root ca-revoked
crl ca-a crl-a-expired -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z
crl ca-a crl-a
crl ca-a crl-a-idp -crlexts crl_idp_ext
crl ca-a crl-a-delta -crlexts crl_delta_ext
crl ca-b crl-b
crl root crl-root
crl foreign-root crl-foreign
crl ca-revoked crl-revoked
crl ca-nc crl-nc
revoke ca-a good
crl ca-a crl-a-more

# the signature's last byte is changed
bad_signature() {
	size=$(wc -c < "$1.der")
	last=$(tail -c 1 "$1.der" | od -An -tu1 | tr -d ' ')
	{ head -c $((size - 1)) "$1.der"; printf "\\$(printf %03o $((last ^ 1)))"; } > "$2.der"
	run crl -inform DER -in "$2.der" -out "$2.pem"
}
bad_signature crl-a crl-a-badsig

rm -rf db rung*.key large.cnf ca.cnf log
echo "$stamp" > stamp
cd "$OLDPWD"
if fresh; then
	exit 0 # another run was faster
fi
old=$target.old.$$
if [ -e "$target" ]; then
	mv "$target" "$old"
fi
mv "$work" "$target" || exit 1
rm -rf "$old"
trap - EXIT INT TERM
