/* SPDX-License-Identifier: Apache-2.0 */
/* usher COMMAND …: finds the sub-command in the table and hands over. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

struct command {
	const char *name;
	command_f *run;
	const char *form, *prose;
};

static const struct command commands[] = {
#define COMMAND(name, function, form, prose) { name, function, form, prose },
#include "cli/commands.def"
#undef COMMAND
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int usage(const char *command, const char *fmt, ...)
{
	const struct command *c = find(command);
	va_list ap;

	if (fmt) {
		fprintf(stderr, "usher %s: ", command);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "usage: usher %s %s\n", command, c ? c->form : "");
	return EXIT_USAGE;
}

int use_color(int fd)
{
	return isatty(fd) && !getenv("NO_COLOR");
}

int cmd_help(int argc, char **argv)
{
	const struct command *c;

	if (argc > 1) {
		c = find(argv[1]);
		if (!c)
			return help_topic(argv[1]);
		printf("usher %s %s\n    %s\n", c->name, c->form, c->prose);
		return EXIT_YES;
	}
	puts("usher stands in front of an origin server: mutual TLS, certificate facts, rules, headers.\n");
	puts("usage: usher COMMAND …\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-8s %s\n           %s\n", commands[i].name, commands[i].form, commands[i].prose);
	help_topics();
	puts("\nThe rule language is described in usher-rules(5). Exit status: 0 yes, 1 no, 2 no answer.");
	return EXIT_YES;
}

int main(int argc, char **argv)
{
	const struct command *c;

	clock_init();
	if (argc < 2) {
		cmd_help(1, argv);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return cmd_version(1, argv + 1);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return cmd_help(1, argv + 1);
	c = find(argv[1]);
	if (!c) {
		fprintf(stderr, "usher: there is no command '%s'; see 'usher help'\n", argv[1]);
		return EXIT_USAGE;
	}
	if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
		return cmd_help(2, argv); /* argv[1] names it */
	return c->run(argc - 1, argv + 1);
}
