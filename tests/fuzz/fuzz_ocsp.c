/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door for OCSP answers: any bytes as an answer about a certificate, and any bytes as the certificate. No
 * answer may be believed: nobody has the issuer's key any more.
 */
#include "base/base64.h"
#include "mtls/ocsp.h"

/* A certificate that is its own issuer. */
static const char text[] =
    "MIIBgzCCASmgAwIBAgIUWDWLSatb0nyT5rIovZmkNufNsggwCgYIKoZIzj0EAwIwFjEUMBIGA1UEAwwLT0NTUCBp"
    "c3N1ZXIwIBcNMjYxMTI2MDAwMjA2WhgPMjEyNjExMDIwMDAyMDZaMBYxFDASBgNVBAMMC09DU1AgaXNzdWVyMFkw"
    "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEoyg6qnBaXCGkuacT5/XyAa17yRUs1BdViL7KuNP8teL+oyepKc0fAdgv"
    "DKGqiXTaCvKu4Hm8bJskhXaan1qhA6NTMFEwHQYDVR0OBBYEFIFEwteUQW4X+bdbccvuzWUCehg9MB8GA1UdIwQY"
    "MBaAFIFEwteUQW4X+bdbccvuzWUCehg9MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAImdlEIC"
    "sBTLyoYVG7lgy6J2BCXZqIYHxAbRm6MwYb++AiBkc4gs0mTYLtTz053WvZAhzsG06mGIYpsBnACMDHwkQw==";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct str input = {(const char *)data, size}, issuer, request;
	uint8_t der[sizeof(text)];
	struct ocsp_answer answer;
	const char *why;
	size_t n;

	if (!base64_decode(str_of(text), der, &n))
		__builtin_trap();
	issuer = (struct str){(const char *)der, n};
	if (ocsp_read(&answer, input, issuer, issuer, 1800000000, &why) == 0)
		__builtin_trap();
	ocsp_request(&a, input, issuer, &request);
	ocsp_read(&answer, input, input, issuer, 1800000000, &why);
	arena_fini(&a);
	return 0;
}
