/* SPDX-License-Identifier: Apache-2.0 */
/* usher help [COMMAND|TOPIC]: topics are printed from the tables that the program itself works by. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "engine/ruleset.h"
#include "headers/transforms.h"

/* A table's rows as text: what it is called, of what kind, what it means. */
struct row {
	const char *name, *kind, *prose;
};

static const struct {
	const char *name;
	enum type type;
	const char *prose;
} fields[] = {
#define FIELD(id, name, type, scope, get, prose) { name, type, prose },
#include "engine/fields.def"
#undef FIELD
};

static const struct row facts[] = {
#define FACT(name, kind, member, prose) { name, #kind, prose },
#include "mtls/facts.def"
#undef FACT
};

static const struct row foreign[] = {
#define FOREIGN(name, type, reason) { name, "", reason },
#define UNSCORED(name, value, reason) { name, "", reason },
#define FAMILY(prefix, reason) { prefix "*", "", reason },
#define ALIAS(old, now) { old, "old name", "write " now },
#include "engine/foreign.def"
#undef FOREIGN
#undef UNSCORED
#undef FAMILY
#undef ALIAS
};

static const struct row functions[] = {
#define FUNCTION(id, name, result, params, min, max, flags, prepare, run, where, prose) { name, "", prose },
#include "engine/functions.def"
#undef FUNCTION
};

static const char *const phase_names[] = {
#define PHASE(id, name, response, prose) [id] = name,
#include "engine/phases.def"
#undef PHASE
};

static const struct {
	const char *name;
	enum phase phase;
	const char *prose;
} actions[] = {
#define ACTION(id, kind, target, name, phase, phases, ends, prose) { name, phase, prose },
#include "engine/actions.def"
#undef ACTION
};

static const struct row phases[] = {
#define PHASE(id, name, response, prose) { name, "", prose },
#include "engine/phases.def"
#undef PHASE
};

static const struct row settings[] = {
#define SETTING_INT(block, name, member, unit, dflt, min, max, prose) { block " { " name " }", #dflt, prose },
#define SETTING_BOOL(block, name, member, dflt, prose) { block " { " name " }", #dflt, prose },
#define SETTING_STR(block, name, member, dflt, prose) { block " { " name " }", dflt, prose },
#define SETTING_ENUM(block, name, member, values, dflt, prose) { block " { " name " }", values, prose },
#include "proxy/settings.def"
#undef SETTING_INT
#undef SETTING_BOOL
#undef SETTING_STR
#undef SETTING_ENUM
#define BLOCK_SETTING(block, name, min, max, repeat, apply, form, prose) { #block " { " name " }", form, prose },
#include "proxy/block_settings.def"
#undef BLOCK_SETTING
#define CONFIG(name, prose) { "config " name, "per request", prose },
#include "engine/configs.def"
#undef CONFIG
};

static const struct row results[] = {
#define VERIFY_RESULT(id, name, prose) { name, "", prose },
#include "mtls/verify_results.def"
#undef VERIFY_RESULT
};

#define NUMBER_(x) #x
#define NUMBER(x) NUMBER_(x)

static const struct row reasons[] = {
#define REASON(id, word, prose) { word, "handshake", prose },
#include "mtls/reasons.def"
#undef REASON
#define REJECT(id, status, word, prose) { word, NUMBER(status), prose },
#include "headers/rejects.def"
#undef REJECT
#define FAULT(id, status, word, prose) { word, NUMBER(status), prose },
#include "proxy/faults.def"
#undef FAULT
};

static const struct row limits[] = {
#define LIMIT(name, value, reason) { #name, #value, reason },
#include "base/limits.def"
#undef LIMIT
};

static const struct row codes[] = {
#define DIAG(code, severity, title) { #code, #severity, title },
#include "base/diags.def"
#undef DIAG
};

static void print(const char *name, const char *kind, const char *prose)
{
	printf("%s%s%s%s\n    %s\n", name, *kind ? "  (" : "", kind, *kind ? ")" : "", prose);
}

static void print_fields(void)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		print(fields[i].name, type_name(fields[i].type), fields[i].prose);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		print(facts[i].name, "", facts[i].prose);
}

static void print_actions(void)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		print(actions[i].name, phase_names[actions[i].phase], actions[i].prose);
}

static void print_transforms(void)
{
	const struct transform *t;

	for (size_t i = 0; (t = transform_row(i)) != NULL; i++)
		print(transform_name(t), transform_to_client(t) ? "responses" : "requests", transform_prose(t));
}

static const struct topic {
	const char *name, *prose;
	const struct row *rows;
	size_t n;
	void (*print)(void);
} topics[] = {
#define ROWS(table) table, sizeof(table) / sizeof(table[0]), NULL
	{ "fields", "what rules may read", NULL, 0, print_fields },
	{ "foreign", "fields that have no meaning here, and old names", ROWS(foreign) },
	{ "functions", "what rules may call", ROWS(functions) },
	{ "actions", "what rules may do, and in which phase", NULL, 0, print_actions },
	{ "phases", "when rules run, in order", ROWS(phases) },
	{ "settings", "every setting with its default or form", ROWS(settings) },
	{ "transforms", "managed header transforms", NULL, 0, print_transforms },
	{ "results", "values of tls.client.verify_result", ROWS(results) },
	{ "reasons", "words in the log for what was refused, with the status", ROWS(reasons) },
	{ "limits", "fixed caps", ROWS(limits) },
	{ "codes", "diagnostics; see also usher explain", ROWS(codes) },
};

#define TOPICS (sizeof(topics) / sizeof(topics[0]))

int help_topic(const char *name)
{
	for (size_t i = 0; i < TOPICS; i++) {
		const struct topic *t = &topics[i];

		if (strcmp(t->name, name) != 0)
			continue;
		if (t->print)
			t->print();
		for (size_t k = 0; k < t->n; k++)
			print(t->rows[k].name, t->rows[k].kind, t->rows[k].prose);
		return EXIT_YES;
	}
	return usage("help", "there is no command or topic '%s'", name);
}

void help_topics(void)
{
	puts("\nTopics for usher help:");
	for (size_t i = 0; i < TOPICS; i++)
		printf("  %-11s %s\n", topics[i].name, topics[i].prose);
}
