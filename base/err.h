/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong outside usher (peer, network, memory, files), as negative codes: functions return 0 or
 * more on success and -ERR_x otherwise. Problems in a rule file are diagnostics instead (base/diag.h).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERRORS(X)                                            \
	X(ERR_NOMEM, "out of memory")                        \
	X(ERR_RULES, "the rule file has errors")             \
	X(ERR_IO, "a file could not be read or written")     \
	X(ERR_NET, "a network operation failed")             \
	X(ERR_TLS, "the TLS peer or library failed")         \
	X(ERR_PROTOCOL, "the peer broke the protocol")       \
	X(ERR_LIMIT, "a limit was reached")                  \
	X(ERR_INVALID, "a value is not valid")               \
	X(ERR_REFUSED, "refused by policy")                  \
	X(ERR_AGAIN, "not yet; try again when more arrives")

enum err {
	ERR_NONE,
#define X(name, text) name,
	ERRORS(X)
#undef X
};

const char *err_text(int rc); /* for a code or its negative; never NULL */

#endif
