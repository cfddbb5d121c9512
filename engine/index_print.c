/* SPDX-License-Identifier: Apache-2.0 */
/* An index for people: which subjects are looked up how, and how many rules that serves. */
#include "engine/index_parts.h"

static size_t count(const struct index *ix, posting_t p)
{
	return p == 0 ? 0 : p % 2 == 0 ? 1 : ix->ids[p / 2];
}

static void subject(struct buf *out, const struct probe *p)
{
	switch (p->subject.kind) {
	case SUBJECT_FIELD:
		buf_add(out, str_of(p->subject.field->name));
		break;
	case SUBJECT_HEADER:
		buf_printf(out, "%s[\"%.*s\"]", p->subject.field->name, STR_FMT(p->subject.key));
		break;
	case SUBJECT_VALUE:
	case SUBJECT_LIST:
		buf_add(out, p->subject.kind == SUBJECT_LIST ? STR("each of a computed list of ")
		                                             : STR("a computed "));
		buf_add(out, str_of(type_name(p->subject.type)));
		break;
	}
}

static void ways(struct buf *out, const struct index *ix, const struct probe *p)
{
	size_t big = 0;

	if (p->eq != NULL)
		buf_printf(out, ", %u equal to", p->eq->n);
	if (p->prefixes != NULL)
		buf_printf(out, ", %u prefixes", p->prefixes->table.n);
	if (p->suffixes != NULL)
		buf_printf(out, ", %u suffixes", p->suffixes->table.n);
	if (p->stride > 0 || p->has2)
		buf_printf(out, ", literals inside (every %u)", p->has2 ? 1 : p->stride);
	if (p->ints != NULL)
		buf_printf(out, ", %zu segments of integers", p->ints->n);
	if (p->v4 != NULL)
		buf_printf(out, ", %zu segments of IPv4", p->v4->n);
	if (p->v6 != NULL)
		buf_printf(out, ", %zu segments of IPv6", p->v6->n);
	if (p->is_true != 0 || p->is_false != 0)
		buf_printf(out, ", true %zu, false %zu", count(ix, p->is_true), count(ix, p->is_false));
	for (const struct big_set *b = p->big; b != NULL; b = b->next)
		big++;
	if (big > 0)
		buf_printf(out, ", %zu large lists", big);
}

bool index_print(struct buf *out, const struct index *ix, struct rule *const *rules)
{
	const uint32_t *ids = ix->always != 0 && ix->always % 2 ? &ix->ids[ix->always / 2] : NULL;
	size_t always = count(ix, ix->always);

	buf_printf(out, "%u behind the index\n", ix->nanchored);
	for (uint32_t i = 0; i < ix->nprobes; i++) {
		const struct probe *p = &ix->probes[i];

		if (!p->asked)
			continue;
		buf_add(out, STR("  "));
		subject(out, p);
		buf_printf(out, "%s: %zu rules", p->subject.connection ? " (connection)" : "",
		           count(ix, p->own));
		ways(out, ix, p);
		buf_addc(out, '\n');
	}
	for (uint32_t i = 0; i < ix->npairs; i++) {
		const struct pair *p = &ix->pairs[i];

		buf_add(out, STR("  "));
		subject(out, &ix->probes[p->a]);
		buf_add(out, p->prefix ? STR(" with prefixes of ") : STR(" with "));
		subject(out, &ix->probes[p->b]);
		buf_printf(out, ": %zu rules, %u keys\n", count(ix, p->all), p->table.n);
	}
	buf_printf(out, "  asked for every request: %zu", always);
	for (size_t i = 0; i < always && i < 20; i++)
		buf_printf(out, " %.*s",
		           STR_FMT(rules[ids != NULL ? ids[i + 1] : ix->always / 2 - 1]->info.name));
	buf_addc(out, '\n');
	return !out->failed;
}
