/* SPDX-License-Identifier: Apache-2.0 */
/* usher eval EXPR [FACTS.json…]: what an expression gives for requests described as JSON objects. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "engine/facts_json.h"
#include "engine/value_json.h"
#include "mtls/context.h"
#include "proxy/config.h"

struct options {
	const char *rules[16];
	size_t nrules;
	const char *expression;
	char **files;
	int nfiles;
	bool json, quiet;
};

struct run {
	const struct expression *e;
	const struct ruleset *lists;
	const struct options *o;
	struct buf out;
	bool any_true, failed;
};

/* One object: a line of output, or a message. name:number says where it stood. */
static void evaluate(struct run *r, json_t *object, struct str dir, const char *name, unsigned number)
{
	struct arena a = ARENA_INIT;
	struct facts f;
	struct value v;
	struct str why;
	int rc = facts_of_json(&f, &a, object, dir, r->lists, &why);

	if (rc < 0) {
		fprintf(stderr, "%s:%u: %.*s\n", name, number,
		        STR_FMT(rc == -ERR_INVALID ? why : str_of(err_text(rc))));
		r->failed = true;
		arena_fini(&a);
		return;
	}
	rc = expression_eval(r->e, f.fields, &v);
	buf_clear(&r->out);
	if (rc < 0) {
		fprintf(stderr, "%s:%u: no answer: %s\n", name, number, err_text(rc));
		r->failed = true;
		buf_add(&r->out, r->o->json ? STR("{\"error\":\"no answer\"}") : STR("no answer"));
	} else if (r->o->json) {
		value_put_json(&r->out, &v);
	} else {
		value_put_text(&r->out, &v);
	}
	r->any_true |= rc == 0 && !v.missing && v.type == TYPE_BOOL && v.b;
	buf_addc(&r->out, '\n');
	r->failed |= r->out.failed;
	if (!r->o->quiet)
		fwrite(buf_str(&r->out).p, 1, buf_str(&r->out).n, stdout);
	facts_fini(&f);
	arena_fini(&a);
}

static unsigned lines_in(const char *from, const char *to)
{
	unsigned n = 0;

	for (; from < to; from++)
		n += *from == '\n';
	return n;
}

/* One object after the other, a line each or laid out over several. */
static void evaluate_text(struct run *r, struct str text, struct str dir, const char *name)
{
	const char *at = text.p, *end = text.p + text.n;
	unsigned line = 1;

	for (;;) {
		json_error_t error;
		json_t *object;
		const char *from = at;

		while (at < end && strchr(" \t\r\n", *at) != NULL && *at != '\0')
			at++;
		line += lines_in(from, at);
		if (at == end)
			return;
		object = json_loadb(at, (size_t)(end - at),
		                    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK |
		                        JSON_DECODE_ANY,
		                    &error);
		if (object == NULL) {
			fprintf(stderr, "%s:%u:%d: %s\n", name,
			        line + (unsigned)(error.line > 0 ? error.line - 1 : 0),
			        error.column > 0 ? error.column : 1, error.text);
			r->failed = true;
			return;
		}
		evaluate(r, object, dir, name, line);
		json_decref(object);
		line += lines_in(at, at + error.position);
		at += error.position;
	}
}

static void evaluate_file(struct run *r, const char *path)
{
	struct arena a = ARENA_INIT;
	bool standard = strcmp(path, "-") == 0;
	struct str text, dir = standard ? STR("") : file_dir(&a, str_of(path));
	int rc = file_read(&a, standard ? "/dev/stdin" : path, LIMIT_FILE_BYTES, &text);

	if (rc < 0) {
		fprintf(stderr, "usher eval: %s: %s\n", path, rc == -ERR_IO ? strerror(errno) : err_text(rc));
		r->failed = true;
	} else {
		evaluate_text(r, text, dir, standard ? "standard input" : path);
	}
	arena_fini(&a);
}

/* Options may stand anywhere before "--". */
static int options_read(struct options *o, int argc, char **argv)
{
	bool options = true;
	int n = 0;

	for (int i = 1; i < argc; i++) {
		char *a = argv[i];

		if (!options || a[0] != '-' || a[1] == '\0') {
			argv[n++] = a;
		} else if (strcmp(a, "--") == 0) {
			options = false;
		} else if (strcmp(a, "-q") == 0) {
			o->quiet = true;
		} else if (strcmp(a, "--format=json") == 0 || strcmp(a, "--format=text") == 0) {
			o->json = a[9] == 'j';
		} else if (strncmp(a, "--rules=", 8) == 0 || (strcmp(a, "--rules") == 0 && i + 1 < argc)) {
			if (o->nrules == sizeof(o->rules) / sizeof(*o->rules))
				return usage("eval", "more than %zu rule files", o->nrules);
			o->rules[o->nrules++] = a[7] == '=' ? a + 8 : argv[++i];
		} else {
			return usage("eval", "unknown option '%s'", a);
		}
	}
	if (n == 0)
		return usage("eval", "which expression?");
	o->expression = argv[0];
	o->files = argv + 1;
	o->nfiles = n - 1;
	return 0;
}

static int eval(const struct options *o, struct diags *d)
{
	struct source source = {.text = str_of(o->expression)};
	struct ruleset *lists = NULL;
	struct expression *e = NULL;
	struct run r = {.o = o, .out = BUF_INIT};
	unsigned before = d->errors;
	int code = EXIT_USAGE;

	if (o->nrules > 0 && config_lists(&lists, o->rules, o->nrules, d) < 0) {
		if (d->errors == before)
			fputs("usher eval: out of memory\n", stderr);
		goto done;
	}
	if ((e = expression_compile(&source, lists, d)) == NULL) {
		if (d->errors == before)
			fputs("usher eval: out of memory\n", stderr);
		goto done;
	}
	r.e = e;
	r.lists = lists;
	if (o->nfiles == 0)
		evaluate_file(&r, "-");
	for (int i = 0; i < o->nfiles; i++)
		evaluate_file(&r, o->files[i]);
	if (fflush(stdout) != 0)
		r.failed = true;
	code = r.failed ? EXIT_USAGE : o->quiet && !r.any_true ? EXIT_NO : EXIT_YES;
done:
	buf_fini(&r.out);
	expression_free(e);
	diags_print(d, stderr, use_color(STDERR_FILENO));
	ruleset_unref(lists);
	return code;
}

int cmd_eval(int argc, char **argv)
{
	struct options o = {.json = false};
	struct diags d;
	int code = options_read(&o, argc, argv);

	if (code != 0)
		return code;
	if (tls_global_init() < 0) {
		fputs("usher eval: the TLS library does not start\n", stderr);
		return EXIT_USAGE;
	}
	diags_init(&d);
	code = eval(&o, &d);
	diags_fini(&d);
	tls_global_fini();
	return code;
}
