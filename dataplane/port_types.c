/* SPDX-License-Identifier: Apache-2.0 */
/* All types that a port shares with the program. Only preprocessed: a digest of the result tells builds apart. */
#include "dataplane/port.h"
#include "dataplane/port_conf.h"
