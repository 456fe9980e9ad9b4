/* SPDX-License-Identifier: Apache-2.0 */
/* An entry of `ports:` from the command line of a harness: KEY=VALUE, nested keys with a dot, sizes in bytes or with
 * KiB and MiB, durations in nanoseconds or with ms and s. What does not fit ends the program. */
#ifndef SP_TESTS_NET_PORT_ARGS_H
#define SP_TESTS_NET_PORT_ARGS_H

#include "dataplane/port_conf.h"

void port_args_defaults(struct sp_port_conf *conf);

/* False when it is not of that form. */
bool port_args_set(struct sp_port_conf *conf, const char *arg);

#endif
