/* SPDX-License-Identifier: Apache-2.0 */
/* Asks libuv, llhttp, nghttp2 and c-ares who they are. */
#include <ares.h>
#include <llhttp.h>
#include <nghttp2/nghttp2.h>
#include <uv.h>

#include "proxy/libraries.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *libuv_version_text(void)
{
	return uv_version_string();
}

const char *llhttp_version_text(void)
{
	return TEXT(LLHTTP_VERSION_MAJOR) "." TEXT(LLHTTP_VERSION_MINOR) "." TEXT(LLHTTP_VERSION_PATCH);
}

const char *nghttp2_version_text(void)
{
	return nghttp2_version(0)->version_str;
}

const char *cares_version_text(void)
{
	return ares_version(NULL);
}
