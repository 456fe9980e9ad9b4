/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/record.h"
