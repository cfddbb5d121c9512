/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions in two parts: what is the same for every request of a connection (certificate, TLS, addresses,
 * zone), the guard, and the rest. Equal guards of a phase are one.
 */
#ifndef ENGINE_GUARD_H
#define ENGINE_GUARD_H

#include "engine/sealed.h"

/* After expressions are shared, before rules are lowered. false: no memory, or an error queued. */
bool guards_build(struct compiler *c, struct phase_rules *rules, bool index);

#endif
