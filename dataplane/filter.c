/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"

/* What is used of libpcap. Read by all threads once the first filter is there. */
static struct {
	__typeof__(pcap_open_dead) *open_dead;
	__typeof__(pcap_compile) *compile;
	__typeof__(pcap_geterr) *geterr;
	__typeof__(pcap_close) *close;
	__typeof__(pcap_freecode) *freecode;
	__typeof__(bpf_filter) *filter;
} pcap;

struct sp_filter {
	struct bpf_program program[SP_LINK_MAX]; /* empty: nothing matches */
};

static const int dlt[SP_LINK_MAX] = {
	[SP_LINK_ETHERNET] = DLT_EN10MB, [SP_LINK_SLL] = DLT_LINUX_SLL, [SP_LINK_SLL2] = DLT_LINUX_SLL2,
	[SP_LINK_RAW] = DLT_RAW,	 [SP_LINK_NULL] = DLT_NULL,	[SP_LINK_LOOP] = DLT_LOOP,
	[SP_LINK_PPP] = DLT_PPP,	 [SP_LINK_REFUSED] = -1,
};

static int load_pcap(struct sp_err *err)
{
	static const char *const names[] = {"libpcap.so.0.8", "libpcap.so.1", NULL};
	static const struct sp_function functions[] = {{"pcap_open_dead", &pcap.open_dead},
						       {"pcap_compile", &pcap.compile},
						       {"pcap_geterr", &pcap.geterr},
						       {"pcap_close", &pcap.close},
						       {"pcap_freecode", &pcap.freecode},
						       {"bpf_filter", &pcap.filter},
						       {NULL, NULL}};
	struct sp_err why;
	if (pcap.filter || !sp_library(names, "libpcap0.8", functions, &why))
		return 0;
	return sp_err(err, -ENOENT, "filters need libpcap: %s", why.text);
}

/* The text of libpcap's error for Ethernet, the one that a person will mean. */
int sp_filter_new(struct sp_filter **ret, const char *expression, struct sp_err *err)
{
	int rc = load_pcap(err);
	struct sp_filter *f = rc ? NULL : calloc(1, sizeof *f);
	if (!f)
		return rc ? rc : sp_err(err, -ENOMEM, "filter: no memory");
	unsigned compiled = 0;
	for (unsigned link = 0; link < SP_LINK_MAX; link++) {
		if (dlt[link] < 0)
			continue;
		pcap_t *dead = pcap.open_dead(dlt[link], 262144);
		if (dead && !pcap.compile(dead, &f->program[link], expression, 1, PCAP_NETMASK_UNKNOWN)) {
			compiled++;
		} else {
			f->program[link] = (struct bpf_program){0};
			if (link == SP_LINK_ETHERNET || !compiled)
				sp_err(err, -EINVAL, "filter '%s': %s", expression,
				       dead ? pcap.geterr(dead) : "no memory");
		}
		if (dead)
			pcap.close(dead);
	}
	if (!compiled) {
		sp_filter_free(f);
		return -EINVAL;
	}
	*ret = f;
	return 0;
}

void sp_filter_free(struct sp_filter *filter)
{
	if (!filter)
		return;
	for (unsigned link = 0; link < SP_LINK_MAX; link++)
		pcap.freecode(&filter->program[link]);
	free(filter);
}

void sp_filter_batch(const struct sp_filter *filter, const struct sp_batch *in, struct sp_batch *out)
{
	for (uint32_t i = 0; i < in->n; i++) {
		const struct sp_pkt *pkt = &in->pkt[i];
		const struct bpf_insn *program = filter->program[pkt->link].bf_insns;
		if (program && pcap.filter(program, pkt->data, pkt->wire_len, pkt->cap_len))
			out->pkt[out->n++] = *pkt;
	}
}
