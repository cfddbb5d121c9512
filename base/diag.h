/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics for people who write rules: a stable code (U1001), a severity, a span in a source text, a
 * message, and optionally a second span ("first defined here") and a help line. They queue, so that one run
 * reports all of them; printing sorts by file and position. Codes and their titles are rows of diags.def.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdio.h>

#include "base/arena.h"
#include "base/str.h"

/* One text that spans point into: a rule file or a command-line expression. Lives as long as the diags' arena. */
struct source {
	struct str name; /* as the user wrote it; "" for an expression without a file */
	struct str text;
	struct str dir;  /* directory of the file, "" for the current one: relative paths start here */
	unsigned order;  /* of printing; sources of the same order print in the order of their first diagnostic */
};

struct span {
	const struct source *src; /* NULL: no place to show (then the file's name is in the message) */
	uint32_t from, to;        /* byte offsets, to exclusive; from == to marks a point */
};

#define SPAN_NONE ((struct span){ NULL, 0, 0 })

static inline struct span span_join(struct span a, struct span b)
{
	return (struct span){ a.src, a.from, b.to > a.to ? b.to : a.to };
}

enum severity { SEV_ERROR, SEV_WARNING, SEV_HINT };

enum diag_code {
#define DIAG(code, severity, title) code,
#include "base/diags.def"
#undef DIAG
	DIAG_COUNT
};

struct diag {
	enum diag_code code;
	enum severity severity;
	struct span span, second;
	struct str message, second_message, help; /* empty: none */
	struct diag *next;
};

struct diags {
	struct arena arena; /* owns messages */
	struct diag *first, *last;
	unsigned errors, warnings, hints;
	unsigned cap;      /* of each severity: no more are kept (limits.def), but they are counted on */
	struct diag spare; /* what diag_add returns when it keeps nothing */
};

void diags_init(struct diags *d);
void diags_fini(struct diags *d);

/* Adds one, with the severity of its row; returned so that the caller may add a second span or help. Never NULL:
 * when memory or the cap is out the spare record is returned, and the diagnostic is counted all the same. */
struct diag *diag_add(struct diags *d, enum diag_code code, struct span span, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diag_second(struct diags *d, struct diag *g, struct span span, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diag_help(struct diags *d, struct diag *g, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

const char *diag_name(enum diag_code code);  /* "U1001" */
const char *diag_title(enum diag_code code); /* the row's prose */
enum severity diag_severity(enum diag_code code); /* the row's severity */
bool diag_code_of(struct str name, enum diag_code *out); /* from "U1001"; false if there is none */
const char *severity_name(enum severity s); /* "error", "warning", "hint" */

/* Where a span begins: line and column from 1; columns count bytes. 0 and 0 if it has no source. */
void span_place(struct span s, unsigned *line, unsigned *column);

/* The kept ones in printing order, equal ones once: sources in order, then by position, then as they came.
 * The array is the caller's to free(); NULL with *n == 0 when there are none or memory is out. */
const struct diag **diags_sorted(const struct diags *d, size_t *n);

/* FILE:LINE:COL: error[U1001]: message / the line / a caret underline / second span / help.
 * Where the source has no name: LINE:COL. Sorted, equal ones once. color: ANSI colours. Control characters of the
 * source or a message never reach out. A summary of what was not kept ends the list. */
void diags_print(const struct diags *d, FILE *out, bool color);

#endif
