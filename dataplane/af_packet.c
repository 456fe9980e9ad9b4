/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port.h"

extern const struct sp_port_ops sp_port_af_packet;
const struct sp_port_ops sp_port_af_packet = {.name = "af_packet"};
