/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that knows which usher this is; what it prints and sends about itself is made from here. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define USHER_VERSION "0.1.0"

#endif
