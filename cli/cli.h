/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sub-commands share. Exit codes: 0 yes, 1 no, 2 no answer (usage, a file that cannot be read). */
#ifndef CLI_CLI_H
#define CLI_CLI_H

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2 };

typedef int command_f(int argc, char **argv); /* argv[0] is the sub-command's name */

#define COMMAND(name, function, form, prose) command_f function;
#include "cli/commands.def"
#undef COMMAND

/* dump.c: prints a stage of compilation of n files; an exit code. */
int dump_files(const char *stage, int n, char **paths);

/* help.c: prints a topic's table (an exit code; usage if there is no such topic), and the list of topics. */
int help_topic(const char *name);
void help_topics(void);

/* The usage line of a sub-command on standard error, after a message if there is one. Returns EXIT_USAGE. */
int usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether diagnostics on standard error are coloured: a terminal, and NO_COLOR unset. */
int use_color(int fd);

#endif
