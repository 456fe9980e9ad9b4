/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of flow tables whose calls are looked at. */
#ifndef SP_TESTS_UNIT_CALLS_CONF_H
#define SP_TESTS_UNIT_CALLS_CONF_H

#include "base/time.h"
#include "flowtable/l7_conf.h"

static inline struct sp_l7_conf calls_conf(uint64_t max_memory, bool log)
{
	return (struct sp_l7_conf){
		.enabled = true,
		.log = log,
		.max_memory = max_memory,
		.max_held = 64 << 10,
		.max_calls = 64,
		.max_field = 4096,
		.timeout = 120 * SP_NS_PER_SEC,
		.late = 20 * SP_NS_PER_MS,
		.server_ttl = 600 * SP_NS_PER_SEC,
		.protocols = UINT64_MAX,
	};
}

#endif
