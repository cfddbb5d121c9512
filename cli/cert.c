/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usher cert FILE: a certificate's facts as rules would see them, and for each the expression that it
 * matches, ready to be copied into a rule. Read and judged by the code that serves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "mtls/inspect.h"

enum kind { FACT_BOOL, FACT_STR, FACT_INT, FACT_STRS, FACT_IPS, FACT_LAST, FACT_RESULT, FACT_DAYS };

/* The types behind the kinds of facts.def. */
typedef struct {
	const struct ip *v;
	size_t n;
} ip_list;

static const struct {
	const char *name;
	enum kind kind;
	size_t at; /* of the member in struct cert_facts */
} facts[] = {
#define FACT(name, kind, member, doc) {name, FACT_##kind, offsetof(struct cert_facts, member)},
#include "mtls/facts.def"
#undef FACT
};

/* One value for printing: text it is made of, or a number, or a truth. */
struct shown {
	enum { SHOW_BOOL, SHOW_TEXT, SHOW_INT, SHOW_IP } as;
	struct str text;
	int64_t number;
	char ip[IP_TEXT];
};

struct options {
	const char *file;
	struct str ca;
	struct str *crls;
	size_t ncrls;
	int64_t at;
	bool json;
};

static bool is_list(enum kind k)
{
	return k == FACT_STRS || k == FACT_IPS;
}

/* How many values fact i has: one, or as many as its list; a missing one has none. */
static size_t count(const struct cert_facts *f, size_t i)
{
	const void *p = (const char *)f + facts[i].at;

	switch (facts[i].kind) {
	case FACT_STRS:
		return ((const struct strs *)p)->n;
	case FACT_IPS:
		return ((const ip_list *)p)->n;
	case FACT_LAST:
		return ((const struct strs *)p)->n > 0;
	default:
		return 1;
	}
}

static int64_t days_until(int64_t then, int64_t now)
{
	int64_t d = (then - now) / 86400;

	return then - now < 0 && (then - now) % 86400 ? d - 1 : d;
}

static struct shown value(const struct cert_facts *f, size_t i, size_t k, int64_t now)
{
	const void *p = (const char *)f + facts[i].at;
	const struct strs *list = p;
	struct shown s = {.as = SHOW_TEXT};

	switch (facts[i].kind) {
	case FACT_BOOL:
		s.as = SHOW_BOOL;
		s.number = *(const bool *)p;
		break;
	case FACT_STR:
		s.text = *(const struct str *)p;
		break;
	case FACT_INT:
		s.as = SHOW_INT;
		s.number = *(const int64_t *)p;
		break;
	case FACT_STRS:
		s.text = list->v[k];
		break;
	case FACT_IPS:
		s.as = SHOW_IP;
		ip_print(&((const ip_list *)p)->v[k], s.ip);
		break;
	case FACT_LAST:
		s.text = list->v[list->n - 1];
		break;
	case FACT_RESULT:
		s.text = str_of(verify_result_name(*(const enum verify_result *)p));
		break;
	case FACT_DAYS:
		s.as = SHOW_INT;
		s.number = days_until(*(const int64_t *)p, now);
		break;
	}
	return s;
}

/* As a literal of the language that any terminal shows: what is not printable ASCII goes by its number. */
static void put_literal(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			buf_printf(b, "\\x%02X", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

static void put_operand(struct buf *b, const struct shown *s)
{
	switch (s->as) {
	case SHOW_TEXT:
		put_literal(b, s->text);
		break;
	case SHOW_IP:
		buf_add(b, str_of(s->ip));
		break;
	default:
		buf_printf(b, "%lld", (long long)s->number);
	}
}

static void put_expression(struct buf *b, size_t i, const struct shown *s)
{
	if (s->as == SHOW_BOOL) {
		buf_printf(b, "%s%s", s->number ? "" : "not ", facts[i].name);
		return;
	}
	buf_printf(b, is_list(facts[i].kind) ? "any(%s[*] eq " : "%s eq ", facts[i].name);
	put_operand(b, s);
	if (is_list(facts[i].kind))
		buf_addc(b, ')');
}

static void put_text(struct buf *b, const struct cert_facts *f, int64_t now)
{
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		size_t n = count(f, i);

		if (n == 0)
			buf_printf(b, "# %s: %s\n", facts[i].name,
			           is_list(facts[i].kind) ? "empty" : "missing");
		for (size_t k = 0; k < n; k++) {
			struct shown s = value(f, i, k, now);

			put_expression(b, i, &s);
			buf_addc(b, '\n');
		}
	}
}

static void put_json_value(struct buf *b, const struct shown *s)
{
	switch (s->as) {
	case SHOW_BOOL:
		buf_add(b, s->number ? STR("true") : STR("false"));
		break;
	case SHOW_INT:
		buf_printf(b, "%lld", (long long)s->number);
		break;
	case SHOW_TEXT:
		buf_json(b, s->text);
		break;
	case SHOW_IP:
		buf_json(b, str_of(s->ip));
	}
}

static void put_json(struct buf *b, const struct cert_facts *f, int64_t now)
{
	const char *separator = "{\n";

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		size_t n = count(f, i);

		if (n == 0 && !is_list(facts[i].kind))
			continue;
		buf_printf(b, "%s  \"%s\": %s", separator, facts[i].name, is_list(facts[i].kind) ? "[" : "");
		separator = ",\n";
		for (size_t k = 0; k < n; k++) {
			struct shown s = value(f, i, k, now);

			if (k)
				buf_add(b, STR(", "));
			put_json_value(b, &s);
		}
		if (is_list(facts[i].kind))
			buf_addc(b, ']');
	}
	buf_add(b, STR("\n}\n"));
}

/* 2026-11-25T23:00:00Z, or with an offset as +01:00. */
static bool parse_time(const char *text, int64_t *out)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours, minutes;
	char sign, end;

	if (!rest)
		return false;
	*out = timegm(&tm);
	if (strcmp(rest, "Z") == 0)
		return true;
	if (sscanf(rest, "%c%2d:%2d%c", &sign, &hours, &minutes, &end) != 3 || (sign != '+' && sign != '-'))
		return false;
	*out -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return true;
}

static bool read_file(struct arena *a, const char *path, struct str *text)
{
	int rc = file_read(a, strcmp(path, "-") == 0 ? "/dev/stdin" : path, LIMIT_FILE_BYTES, text);

	if (rc < 0)
		fprintf(stderr, "usher cert: %s: %s\n", path, rc == -ERR_IO ? strerror(errno) : err_text(rc));
	return rc == 0;
}

/* CA files are put one behind the other, so one in DER is made PEM. */
static bool add_ca(struct arena *a, struct options *o, const char *path)
{
	struct str text, parts[4] = {o->ca, STR("-----BEGIN CERTIFICATE-----\n"), STR_NONE,
	                             STR("\n-----END CERTIFICATE-----\n")};
	char *p;

	if (!read_file(a, path, &text))
		return false;
	if (text.n && text.p[0] == 0x30 && !str_contains(text, STR("-----BEGIN"))) {
		if (!(p = arena_alloc(a, base64_length(text.n) + 1)))
			return false;
		base64_encode(text, p);
		parts[2] = (struct str){p, base64_length(text.n)};
		o->ca = arena_concat(a, parts, 4);
	} else {
		o->ca = arena_concat(a, (struct str[]){o->ca, STR("\n"), text}, 3);
	}
	return o->ca.p != NULL;
}

/* "--name=value" or "--name value"; NULL if argv[*i] is another option. */
static const char *option(int argc, char **argv, int *i, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	return argv[*i][n] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

/* EXIT_YES, or what to exit with: said already. */
static int parse_options(struct arena *a, struct options *o, int argc, char **argv)
{
	*o = (struct options){.ca = STR(""), .at = clock_now()};
	if (!(o->crls = arena_array(a, (size_t)argc, sizeof(*o->crls))))
		return EXIT_USAGE;
	for (int i = 1; i < argc; i++) {
		const char *v;

		if ((v = option(argc, argv, &i, "--ca"))) {
			if (!add_ca(a, o, v))
				return EXIT_USAGE;
		} else if ((v = option(argc, argv, &i, "--crl"))) {
			if (!read_file(a, v, &o->crls[o->ncrls++]))
				return EXIT_USAGE;
		} else if ((v = option(argc, argv, &i, "--at"))) {
			if (!parse_time(v, &o->at))
				return usage("cert", "'%s' is no time such as 2026-11-25T23:00:00Z", v);
		} else if ((v = option(argc, argv, &i, "--format"))) {
			o->json = strcmp(v, "json") == 0;
			if (!o->json && strcmp(v, "text") != 0)
				return usage("cert", "the format is text or json, not '%s'", v);
		} else if (argv[i][0] == '-' && argv[i][1]) {
			return usage("cert", "unknown option '%s', or its value is missing", argv[i]);
		} else if (o->file) {
			return usage("cert", "one file at a time");
		} else {
			o->file = argv[i];
		}
	}
	return o->file ? EXIT_YES : usage("cert", "which file?");
}

int cmd_cert(int argc, char **argv)
{
	struct arena a = ARENA_INIT;
	struct cert_facts *f = NULL;
	struct buf out = BUF_INIT;
	struct options o;
	struct str text;
	const char *why;
	int rc, code;

	if ((code = parse_options(&a, &o, argc, argv)) != EXIT_YES)
		goto done;
	code = EXIT_USAGE;
	if (!read_file(&a, o.file, &text))
		goto done;
	if (tls_global_init() < 0) {
		fputs("usher cert: the TLS library does not start\n", stderr);
		goto done;
	}
	rc = inspect_chain(&f, text, o.ca, o.crls, o.ncrls, o.at, &why);
	if (rc < 0) {
		fprintf(stderr, "usher cert: %s: %s\n", o.file,
		        rc == -ERR_INVALID && why ? why : err_text(rc));
		code = EXIT_NO;
	} else {
		if (o.json)
			put_json(&out, f, o.at);
		else
			put_text(&out, f, o.at);
		if (!out.failed && fwrite(out.p + out.off, 1, out.n, stdout) == out.n && fflush(stdout) == 0)
			code = EXIT_YES;
	}
	cert_facts_free(f);
	tls_global_fini();
done:
	buf_fini(&out);
	arena_fini(&a);
	return code;
}
