/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted conversations for tests of the flow table: frames are built, decoded and fed, records collected. */
#ifndef SP_TESTS_UNIT_TALK_H
#define SP_TESTS_UNIT_TALK_H

#include <stdlib.h>

#include "flowtable/flowtable.h"
#include "parsers/link/decode.h"
#include "tests/check.h"
#include "tests/unit/bytes.h"

enum { TF = 1, TS = 2, TR = 4, TP = 8, TA = 16 };

#define TALK_T0 UINT64_C(1700000000000000000)
#define TALK_RECORDS 65536
#define TALK_LOSSES 256

struct talk {
	struct sp_flow_conf conf;
	struct sp_decode_conf decode;
	struct sp_flowtable *ft;
	struct sp_out out;
	struct sp_page page;
	struct sp_batch batch;
	uint8_t frame[SP_BATCH_MAX][256];
	struct sp_flow_record record[TALK_RECORDS];
	unsigned n_records, batch_max;
	struct sp_loss loss[TALK_LOSSES]; /* of all records */
	unsigned n_losses;
	/* what the next frames carry */
	uint32_t client_ip, server_ip;
	uint16_t client_port, server_port, ip_id, window;
	uint8_t ttl, proto;
	uint8_t options[40], n_options; /* of TCP */
	/* Takes records that are none of flows. NULL: they are passed over. */
	void (*other)(const struct sp_record_head *h);
};

static inline void talk_losses(struct talk *t, const struct sp_flow_record *r)
{
	for (unsigned i = 0; i < r->n_losses && t->n_losses < TALK_LOSSES; i++)
		t->loss[t->n_losses++] = sp_flow_record_losses(r)[i];
}

static struct sp_page *talk_turn(struct sp_out *out, struct sp_page *full)
{
	struct talk *t = out->ctx;
	for (uint32_t at = 0; full && at < full->used;) {
		const struct sp_record_head *h = (const void *)(full->data + at);
		if (h->kind == SP_RECORD_FLOW)
			talk_losses(t, (const void *)h);
		if (h->kind == SP_RECORD_FLOW && t->n_records < TALK_RECORDS)
			memcpy(&t->record[t->n_records++], h, SP_MIN(h->size, sizeof(struct sp_flow_record)));
		else if (t->other)
			t->other(h);
		at += h->size;
	}
	t->page.used = t->page.n = 0;
	return &t->page;
}

static inline struct sp_flow_conf talk_conf(void)
{
	const uint64_t sec = 1000000000;
	return (struct sp_flow_conf){
		.max_flows = 1000,
		.report_interval = 60 * sec,
		.timeout = {.opening = 5 * sec,
			    .established = 300 * sec,
			    .closing = 35 * sec,
			    .closed_fin = 2 * sec,
			    .closed_rst = 2 * sec,
			    .one_way = 5 * sec,
			    .udp = 60 * sec,
			    .icmp = 35 * sec,
			    .other = 35 * sec},
		.community_id = true,
		.loss_events = 32,
		.dedup = {.enabled = true, .window = 3000000},
		.fragments = {.max_datagrams = 1000, .max_held = 1000, .max_bytes = 1 << 20, .timeout = 30 * sec},
	};
}

static inline struct talk *talk_new(const struct sp_flow_conf *conf)
{
	struct talk *t = calloc(1, sizeof *t);
	struct sp_err err;
	t->conf = conf ? *conf : talk_conf();
	t->decode = sp_decode_conf_default();
	t->out = (struct sp_out){.turn = talk_turn, .ctx = t};
	CHECK(!sp_flowtable_new(&t->ft, &t->conf, 0, 0, t->decode.hash_key, &t->out, &err));
	t->client_ip = 0x0a000001;
	t->server_ip = 0x0a000002;
	t->client_port = 40000;
	t->server_port = 80;
	t->ip_id = 1;
	t->window = 1000;
	t->ttl = 64;
	t->batch_max = 1;
	return t;
}

static inline void talk_flush_keep(struct talk *t)
{
	static const uint32_t space[16];
	if (!t->batch.n)
		return;
	t->batch.n_layers = 0;
	sp_decode_batch(&t->decode, space, &t->batch);
	sp_flowtable_batch(t->ft, &t->batch);
}

/* Decodes and feeds what was collected. */
static inline void talk_flush(struct talk *t)
{
	talk_flush_keep(t);
	t->batch.n = 0;
}

/* An Ethernet and IPv4 header around `l4` bytes of transport header and `len` bytes of payload that are not captured.
 */
static inline uint8_t *talk_ip(struct talk *t, bool from_client, uint64_t us, uint8_t proto, unsigned l4, unsigned len)
{
	struct sp_pkt *p = &t->batch.pkt[t->batch.n];
	uint8_t *f = t->frame[t->batch.n++];
	memset(f, 0, sizeof t->frame[0]);
	memset(p, 0, sizeof *p);
	f[5] = from_client ? 2 : 1;
	f[11] = from_client ? 1 : 2;
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, 20 + l4 + len);
	put16(f + 18, t->ip_id);
	t->ip_id = t->ip_id ? (uint16_t)(t->ip_id + 1) : 0;
	f[22] = t->ttl;
	f[23] = proto;
	put32(f + 26, from_client ? t->client_ip : t->server_ip);
	put32(f + 30, from_client ? t->server_ip : t->client_ip);
	put16(f + 34, from_client ? t->client_port : t->server_port);
	put16(f + 36, from_client ? t->server_port : t->client_port);
	*p = (struct sp_pkt){.data = f,
			     .ts_ns = TALK_T0 + us * 1000,
			     .wire_len = 34 + l4 + len,
			     .cap_len = 34 + l4,
			     .link = SP_LINK_ETHERNET};
	return f + 34;
}

/* One TCP segment; `who` is 'c' or 's'. Numbers are relative to 1000 for the client and 5000 for the server. */
static inline void tcp_at(struct talk *t, uint64_t us, char who, unsigned flags, uint32_t seq, uint32_t ack,
			  unsigned len)
{
	bool c = who == 'c';
	uint8_t *h = talk_ip(t, c, us, 6, 20U + t->n_options, len);
	put32(h + 4, seq + (c ? 1000 : 5000));
	put32(h + 8, flags & TA ? ack + (c ? 5000 : 1000) : 0);
	h[12] = (uint8_t)(0x50 + t->n_options * 4);
	h[13] = (uint8_t)flags;
	put16(h + 14, t->window);
	memcpy(h + 20, t->options, t->n_options);
	if (t->batch.n >= t->batch_max)
		talk_flush(t);
}

static inline void udp_at(struct talk *t, uint64_t us, char who, unsigned len)
{
	uint8_t *h = talk_ip(t, who == 'c', us, 17, 8, len);
	put16(h + 4, 8 + len);
	if (t->batch.n >= t->batch_max)
		talk_flush(t);
}

/* The last frame again, unchanged, `us` after it. Only with batch_max above 1. */
static inline void talk_repeat(struct talk *t, uint64_t us)
{
	uint32_t n = t->batch.n++;
	memcpy(t->frame[n], t->frame[n - 1], sizeof t->frame[n]);
	t->batch.pkt[n] = t->batch.pkt[n - 1];
	t->batch.pkt[n].data = t->frame[n];
	t->batch.pkt[n].ts_ns += us * 1000;
}

static inline void handshake(struct talk *t, uint64_t us)
{
	tcp_at(t, us, 'c', TS, 0, 0, 0);
	tcp_at(t, us + 100, 's', TS | TA, 0, 1, 0);
	tcp_at(t, us + 130, 'c', TA, 1, 1, 0);
}

/* Ends the input. The records are then in t->record. */
static inline const struct sp_flow_record *talk_end(struct talk *t)
{
	talk_flush(t);
	sp_flowtable_end(t->ft, SP_POINT_ANY, SP_CLOSE_END_OF_INPUT);
	sp_out_flush(&t->out);
	return t->record;
}

static inline void talk_free(struct talk *t)
{
	sp_flowtable_free(t->ft);
	free(t);
}

#endif
