/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that functions.def names, for its table alone, and what several of their files share. run_*
 * gives the result, prepare_* looks at literal arguments when the rule is compiled.
 */
#ifndef ENGINE_FUNCTIONS_H
#define ENGINE_FUNCTIONS_H

#include "engine/function.h"

function_f run_cidr, run_cidr6, run_coalesce, run_concat, run_decode_base64, run_encode_base64, run_ends_with,
    run_has_key, run_has_value, run_hash_in_range, run_is_timed_hmac_valid_v0, run_join, run_len,
    run_lookup_json_integer, run_lookup_json_string, run_lower, run_regex_replace, run_remove_bytes,
    run_remove_query_args, run_sha256, run_split, run_starts_with, run_substring, run_to_string, run_upper,
    run_url_decode, run_uuidv4, run_wildcard_replace;
prepare_f prepare_cidr, prepare_cidr6, prepare_encode_base64, prepare_has_value, prepare_hash_in_range,
    prepare_is_timed_hmac_valid_v0, prepare_lookup_json, prepare_regex_replace, prepare_split,
    prepare_url_decode, prepare_wildcard_replace;

/* ---- shared by the files of functions ------------------------------------------------------------------ */

/* n bytes for a result; NULL after noting -ERR_NOMEM, or -ERR_LIMIT over LIMIT_VALUE_BYTES. */
char *call_bytes(struct call *c, size_t n);
static inline void give_bytes(struct value *out, const char *p, size_t n)
{
	out->s = (struct str){p, n};
	out->missing = 0;
}
static inline void give_int(struct value *out, int64_t i)
{
	out->i = i;
	out->missing = 0;
}
static inline void give_bool(struct value *out, bool b)
{
	out->b = b;
	out->missing = 0;
}

/* Letters of argument i, each one of allowed and none twice, as bits in the order of allowed; p->out points
 * to the unsigned. Without the argument: no bits. */
bool prepare_flags(struct prepare *p, size_t i, const char *allowed);
/* Argument i, if it is a literal integer, lies in low to high. */
bool prepare_int(const struct prepare *p, size_t i, int64_t low, int64_t high, const char *what);

#endif
