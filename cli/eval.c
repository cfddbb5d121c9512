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

/* Where in a text we are. */
struct place {
	const char *name, *at, *line_start;
	unsigned line;
};

static void place_move(struct place *p, const char *to)
{
	for (; p->at < to; p->at++)
		if (*p->at == '\n') {
			p->line++;
			p->line_start = p->at + 1;
		}
}

static void tell(struct run *r, const struct place *p, struct str why)
{
	fprintf(stderr, "%s:%u:%u: %.*s\n", p->name, p->line, (unsigned)(p->at - p->line_start) + 1,
	        STR_FMT(why));
	r->failed = true;
}

/* One object, which begins at p: a line of output, or a message. */
static void evaluate(struct run *r, json_t *object, struct str dir, const struct place *p)
{
	struct arena a = ARENA_INIT;
	struct facts f;
	struct value v;
	struct str why;
	int rc = facts_of_json(&f, &a, object, dir, r->lists, &why);

	if (rc < 0) {
		tell(r, p, rc == -ERR_INVALID ? why : str_of(err_text(rc)));
		arena_fini(&a);
		return;
	}
	rc = expression_eval(r->e, f.fields, &v);
	buf_clear(&r->out);
	if (rc < 0) {
		tell(r, p, arena_printf(&a, "no answer: %s", err_text(rc)));
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

static json_t *object_read(const char *at, const char *end, json_error_t *error)
{
	return json_loadb(at, (size_t)(end - at),
	                  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY,
	                  error);
}

/* The next line that begins with an object, or the end. */
static const char *next_object(const char *at, const char *end)
{
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL)
		if (++at < end && *at == '{')
			return at;
	return end;
}

/* Tells why there is no object at p and moves to where the next one seems to begin. What is not closed would swallow
 * the lines that follow: it is read again without them. */
static void mend(struct run *r, struct place *p, const char *end, json_error_t *error)
{
	const char *next = next_object(p->at, end), *wrong = p->at + error->position;
	struct str why = str_of(error->text);
	struct place w = *p;

	if (next < end && next <= wrong) {
		json_decref(object_read(p->at, next, error));
		wrong = p->at + error->position;
		why = str_ends(str_of(error->text), STR("end of file")) ? STR("an object is not closed")
		                                                        : str_of(error->text);
	} else {
		next = next_object(wrong < end ? wrong : end, end);
	}
	place_move(&w, wrong > p->at ? wrong - 1 : p->at);
	tell(r, &w, why);
	place_move(p, next);
}

/* One object after the other, a line each or laid out over several. */
static void evaluate_text(struct run *r, struct str text, struct str dir, const char *name)
{
	const char *end = text.p + text.n;
	struct place p = {.name = name, .at = text.p, .line_start = text.p, .line = 1};

	if (str_starts(text, STR("\xef\xbb\xbf"))) /* a byte order mark, as some editors leave it */
		p.at = p.line_start = text.p + 3;
	for (;;) {
		json_error_t error;
		json_t *object;

		while (p.at < end && strchr(" \t\r\n", *p.at) != NULL && *p.at != '\0')
			place_move(&p, p.at + 1);
		if (p.at == end)
			return;
		if ((object = object_read(p.at, end, &error)) == NULL) {
			mend(r, &p, end, &error);
			continue;
		}
		evaluate(r, object, dir, &p);
		json_decref(object);
		place_move(&p, p.at + error.position);
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

/* Of "--name=VALUE" or "--name VALUE" at *i; NULL if that is not what stands there. */
static const char *value_of(int argc, char **argv, int *i, const char *name)
{
	const char *a = argv[*i];
	size_t n = strlen(name);

	if (strncmp(a, name, n) != 0)
		return NULL;
	if (a[n] == '=')
		return a + n + 1;
	return a[n] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

/* Options may stand anywhere before "--". */
static int options_read(struct options *o, int argc, char **argv)
{
	bool options = true;
	int n = 0;

	for (int i = 1; i < argc; i++) {
		char *a = argv[i];
		const char *value;

		if (!options || a[0] != '-' || a[1] == '\0') {
			argv[n++] = a;
		} else if (strcmp(a, "--") == 0) {
			options = false;
		} else if (strcmp(a, "-q") == 0) {
			o->quiet = true;
		} else if ((value = value_of(argc, argv, &i, "--format")) != NULL) {
			o->json = strcmp(value, "json") == 0;
			if (!o->json && strcmp(value, "text") != 0)
				return usage("eval", "--format is text or json, not '%s'", value);
		} else if ((value = value_of(argc, argv, &i, "--rules")) != NULL) {
			if (o->nrules == sizeof(o->rules) / sizeof(*o->rules))
				return usage("eval", "more than %zu rule files", o->nrules);
			o->rules[o->nrules++] = value;
		} else if (strcmp(a, "--format") == 0 || strcmp(a, "--rules") == 0) {
			return usage("eval", "%s needs a value", a);
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
