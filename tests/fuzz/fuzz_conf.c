/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: loaded, or refused with a message, into rows of every type. */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "flowtable/flow_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct entry {
	char name[16];
	uint64_t mask;
	int word;
	struct sp_conf_list list; /* of struct sp_flow_conf */
};

struct all {
	struct sp_flow_conf flow;
	uint64_t size;
	struct sp_conf_list list;
};

static const char *const words[] = {"one", "two", "three", NULL};
static const struct sp_conf_row entry_rows[] = {
	{"name", SP_CONF_STRING, offsetof(struct entry, name), .max = 16},
	{"mask", SP_CONF_WORDS, offsetof(struct entry, mask), .words = words, .fallback = "[]"},
	{"word", SP_CONF_ENUM, offsetof(struct entry, word), .words = words, .fallback = "two"},
	{"list", SP_CONF_LIST, offsetof(struct entry, list), .max = 3, .rows = sp_flow_conf_rows,
	 .size = sizeof(struct sp_flow_conf)},
	{0},
};
static const struct sp_conf_row rows[] = {
	{"flow", SP_CONF_MAP, offsetof(struct all, flow), .rows = sp_flow_conf_rows},
	{"size", SP_CONF_SIZE, offsetof(struct all, size), .fallback = "0"},
	{"list", SP_CONF_LIST, offsetof(struct all, list), .max = 8, .rows = entry_rows, .size = sizeof(struct entry)},
	{0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sp_conf *defaults;
	if (!defaults) {
		stderr = fopen("/dev/null", "w"); /* sanitizers do not use it */
		sp_conf_load(&defaults, NULL, rows, sizeof(struct all));
	}
	struct sp_conf *conf;
	char names[64];
	if (sp_conf_load_text(&conf, "fuzz", (const char *)data, size, rows, sizeof(struct all)))
		return 0;
	const struct all *a = sp_conf_get(conf);
	if (a->flow.max_flows < 1024 || a->list.n > 8 || a->flow.server_ports.n > 64)
		abort();
	for (uint32_t i = 0; i < a->list.n; i++)
		if (strnlen(((const struct entry *)a->list.v)[i].name, 16) == 16)
			abort();
	sp_conf_fixed_changes(defaults, conf, names, sizeof names);
	sp_conf_free(conf);
	return 0;
}
