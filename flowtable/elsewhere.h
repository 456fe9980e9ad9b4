/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that come in another flow than their request. Who asks a group, or has no address yet, is answered from, or
 * at, an address that the request does not have, so that both are two flows. A request that its parser says may be
 * answered so (sp_parser.elsewhere) stands here, too, as long as it is open; a message that answers nothing in its own
 * flow is looked for here. The call itself stays in the asker's flow, and is told there.
 *
 * A table of fixed size, one worker's: what is pushed out of it is told without its answer. An entry is a hint, which
 * may be stale: whether such a call is open is asked of the flow, or of the one that has its place by now. Private to
 * the flow table. */
#ifndef SP_FLOWTABLE_ELSEWHERE_H
#define SP_FLOWTABLE_ELSEWHERE_H

#include "flowtable/flow.h"

struct sp_msg;
struct sp_parser;
struct sp_place;
struct sp_talk;

struct sp_elsewhere_entry {
	uint64_t key; /* hash of the address space, protocol, ports and id; 0: none */
	uint64_t until_ns;
	uint32_t flow;
	uint32_t side; /* who asked, as in the key */
};

struct sp_elsewhere {
	struct sp_elsewhere_entry *entry;
	/* While a call with SP_CALL_ELSEWHERE is written: whose side of which flow answered it. */
	const struct sp_flow *from;
	unsigned side;
};

/* 0 or -ENOMEM. */
int sp_elsewhere_init(struct sp_elsewhere *e);
void sp_elsewhere_free(struct sp_elsewhere *e);

/* Bytes of the table. */
size_t sp_elsewhere_memory(void);

/* May what is said in this flow be answered in another one, or answer what was asked there? What follows is for such
 * flows. */
bool sp_elsewhere_concerns(const struct sp_flow *f, const struct sp_parser *parser);

/* `side` of this flow made a request that is open until then. */
void sp_elsewhere_asked(struct sp_talk *t, unsigned side, uint64_t id, uint64_t until_ns);

/* Is a request open in another flow that a message of `side` of this one would answer? Then its tag. */
bool sp_elsewhere_knows(const struct sp_talk *t, unsigned side, uint64_t id, uint32_t *tag);

/* The message of `side` answers whoever asked that in other flows: the calls are told there. False: nobody did. */
bool sp_elsewhere_answer(struct sp_talk *t, unsigned side, const struct sp_msg *m, const struct sp_place *at);

#endif
