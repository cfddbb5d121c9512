/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets against floods of frames that are each allowed. */
#include "proxy/http2_calm.h"

#include "base/limits.h"

void calm_init(struct calm *c, int64_t budget, uint64_t now_msec)
{
	*c = (struct calm){ budget, budget, now_msec };
}

static void refill(struct calm *c, uint64_t now_msec)
{
	const uint64_t period = LIMIT_CALM_SECONDS * 1000;
	uint64_t passed = now_msec - c->at, n;

	if (passed >= period) {
		c->left = c->budget;
		c->at = now_msec;
		return;
	}
	n = passed * (uint64_t)c->budget / period;
	if (n == 0)
		return;
	c->at += n * period / (uint64_t)c->budget;
	calm_earn(c, (int64_t)n);
}

bool calm_spend(struct calm *c, uint64_t now_msec)
{
	if (c->left == 0)
		refill(c, now_msec);
	if (c->left == 0)
		return false;
	c->left--;
	return true;
}

void calm_earn(struct calm *c, int64_t n)
{
	c->left = c->budget - c->left > n ? c->left + n : c->budget;
}
