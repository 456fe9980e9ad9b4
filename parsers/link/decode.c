/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/link/decode.h"
