/* SPDX-License-Identifier: Apache-2.0 */
/* Reason phrases from the table; dates without the locale's help. */
#include <stdio.h>
#include <time.h>

#include "headers/status.h"

const char *status_reason(int status)
{
	switch (status) {
#define STATUS(code, reason)                                                                                 \
	case code:                                                                                           \
		return reason;
#include "headers/status.def"
#undef STATUS
	default:
		return "";
	}
}

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

#define YEAR_0 INT64_C(-62167219200)
#define YEAR_9999_END INT64_C(253402300799)

size_t http_date(int64_t seconds, char out[HTTP_DATE_TEXT])
{
	time_t t = (time_t)(seconds < YEAR_0 ? YEAR_0 : seconds > YEAR_9999_END ? YEAR_9999_END : seconds);
	struct tm tm;
	int n;

	gmtime_r(&t, &tm);
	n = snprintf(out, HTTP_DATE_TEXT, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday % 7],
	             (unsigned)tm.tm_mday % 100, months[tm.tm_mon % 12],
	             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
	             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	return n < HTTP_DATE_TEXT ? (size_t)n : HTTP_DATE_TEXT - 1;
}
