/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usher's own events: one JSON object a line on standard error (or a file), written whole, from any thread.
 * The access log has its own writer (proxy/access.c). Client-chosen text goes in as values, never as a format.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
void log_set_fd(int fd); /* default 2; borrowed */
bool log_on(enum log_level level);
uint64_t log_dropped(void); /* lines that could not be written since the last one that was */

struct log_pair {
	const char *key;
	struct str text; /* the value, if is_number is false */
	int64_t number;
	bool is_number;
};

#define LOG_S(k, s) ((struct log_pair){ (k), (s), 0, false })
#define LOG_Z(k, z) ((struct log_pair){ (k), str_of(z), 0, false })
#define LOG_I(k, i) ((struct log_pair){ (k), STR_NONE, (int64_t)(i), true })

/* At most LIMIT_LOG_FIELD bytes of each text are written. errno is left alone. */
void log_pairs(enum log_level level, const char *event, const struct log_pair *pairs, size_t n);

/* log_info("reloaded", LOG_I("rules", n), LOG_Z("file", name)) */
#define LOG_ARGS(...)                           \
	(const struct log_pair[]){ __VA_ARGS__ }, \
		sizeof((const struct log_pair[]){ __VA_ARGS__ }) / sizeof(struct log_pair)
#define log_error(event, ...) log_pairs(LOG_ERROR, event, LOG_ARGS(__VA_ARGS__))
#define log_warning(event, ...) log_pairs(LOG_WARNING, event, LOG_ARGS(__VA_ARGS__))
#define log_info(event, ...) log_pairs(LOG_INFO, event, LOG_ARGS(__VA_ARGS__))
#define log_debug(event, ...) log_pairs(LOG_DEBUG, event, LOG_ARGS(__VA_ARGS__))

#endif
