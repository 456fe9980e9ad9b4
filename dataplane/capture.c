/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/capture.h"
