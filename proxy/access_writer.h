/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes the access log. */
#ifndef PROXY_ACCESS_WRITER_H
#define PROXY_ACCESS_WRITER_H

#include "proxy/access.h"

bool access_on(const struct access *a); /* false: the setting is off */
/* Queues whole lines, copied. false: the queue is full or memory out, nothing was taken. Any thread. */
bool access_give(struct access *a, struct str lines);
void access_lost(struct access *a, uint64_t lines); /* so many were not taken */

#endif
