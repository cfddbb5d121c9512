/* SPDX-License-Identifier: Apache-2.0 */
/* usher explain CODE…: what is behind a diagnostic, and what to write instead. */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "cli/cli.h"

static const struct explanation {
	const char *why, *wrong, *right;
} explanations[] = {
#define EXPLAIN(code, why, wrong, right) [code] = { why, wrong, right },
#include "cli/explain.def"
#undef EXPLAIN
};

/* Prose in lines of 76 bytes, each behind four spaces. */
static void wrap(const char *text)
{
	enum { WIDTH = 76 };

	while (*text) {
		size_t n = strlen(text);

		if (n > WIDTH)
			for (n = WIDTH; n > 1 && text[n] != ' '; n--)
				;
		printf("    %.*s\n", (int)n, text);
		text += n;
		text += strspn(text, " ");
	}
}

static void example(const char *title, const char *text)
{
	if (!*text)
		return;
	printf("\n    %s\n", title);
	while (*text) {
		size_t n = strcspn(text, "\n");

		printf("        %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static int explain(const char *name)
{
	static const char *const severities[] = { "error", "warning", "hint" };
	char upper[16] = "";
	const struct explanation *e;
	enum diag_code code;

	for (size_t i = 0; i < sizeof(upper) - 1 && name[i]; i++)
		upper[i] = ascii_upper(name[i]);
	if (!diag_code_of(str_of(upper), &code))
		return usage("explain", "there is no code '%s'; usher help codes lists them", name);
	e = &explanations[code];
	printf("%s (%s): %s\n\n", diag_name(code), severities[diag_severity(code)], diag_title(code));
	wrap(e->why);
	example("Wrong:", e->wrong);
	example("Right:", e->right);
	return EXIT_YES;
}

int cmd_explain(int argc, char **argv)
{
	int code = EXIT_YES;

	if (argc < 2)
		return usage("explain", "which code?");
	for (int i = 1; i < argc && code == EXIT_YES; i++) {
		if (i > 1)
			putchar('\n');
		code = explain(argv[i]);
	}
	return code;
}
