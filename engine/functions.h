/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that functions.def names, for its table alone. */
#ifndef ENGINE_FUNCTIONS_H
#define ENGINE_FUNCTIONS_H

#include "engine/function.h"

#endif
