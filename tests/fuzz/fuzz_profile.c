/* SPDX-License-Identifier: Apache-2.0 */
/* Network Profiles: any bytes as a record's packed form are read, or refused, and what was read is written as JSON.
 * What comes out is packed again: nothing of it may change. Input: settings, then the packed form. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/exporter.h"
#include "flowtable/profile_read.h"

enum { TCP = 1, CLIENT = 2, GAP = 4, SCALE = 8, TLS = 16, CALLS = 32, PART_2 = 64 };
enum { SIZE_MAX_ = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static bool same(const struct sp_profile_packet *a, const struct sp_profile_packet *b)
{
	bool ack = a->flags & 16;
	return a->ns == b->ns && a->seq == b->seq && (!ack || a->ack == b->ack) && a->len == b->len &&
	       a->notes == b->notes && a->dropped == b->dropped && a->window == b->window && a->side == b->side &&
	       a->flags == b->flags && a->again_n == b->again_n && (!a->again_n || a->again_seq == b->again_seq);
}

/* A form that is read can be longer than what is written, but says the same. */
static void pack_again(const struct sp_profile_record *r)
{
	struct sp_profile_state read = r->begin, written = r->begin, back = r->begin;
	const uint8_t *p = r->packed, *end = p + r->recorded_bytes;
	struct sp_profile_packet pkt, got;
	struct sp_profile_call call;
	enum sp_profile_entry entry;
	while (p < end && (entry = sp_profile_unpack(&p, end, &read, &pkt, &call)) != SP_PROFILE_BAD) {
		uint8_t bytes[SP_PROFILE_ENTRY_MAX];
		const uint8_t *at = bytes;
		if (entry == SP_PROFILE_CALL || pkt.ns - written.ns >= UINT64_C(1) << 62) {
			written = back = read;
			continue;
		}
		size_t n = sp_profile_pack(bytes, &written, &pkt);
		check(n <= sizeof bytes, "an entry that is too long");
		check(sp_profile_unpack(&at, bytes + n, &back, &got, &call) == SP_PROFILE_PACKET, "no packet");
		check(at == bytes + n && same(&pkt, &got), "another packet");
		written = back = read;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sp_points points;
	static struct sp_buf buf;
	if (size < 1 || size > SIZE_MAX_)
		return 0;
	uint8_t settings = data[0];
	size_t n = size - 1, whole = (sizeof(struct sp_profile_record) + n + 7) & ~(size_t)7;
	struct sp_profile_record *r = calloc(1, whole);
	check(r, "no memory");
	r->head = (struct sp_record_head){.size = (uint32_t)whole, .kind = SP_RECORD_PROFILE};
	r->is_tcp = settings & TCP;
	r->client = !!(settings & CLIENT);
	r->gap = !!(settings & GAP);
	r->has_wscale_client = r->has_wscale_server = !!(settings & SCALE);
	r->wscale_client = 14;
	r->start_ns = UINT64_C(1700000000000000000);
	r->tls_start_ns = settings & TLS ? r->start_ns : 0;
	r->tls_end_ns = settings & TLS ? r->start_ns + 1000 : 0;
	r->read = !!(settings & CALLS);
	r->part = settings & PART_2 ? 2 : 1;
	r->recorded_bytes = (uint32_t)n;
	sp_profile_state_begin(&r->begin, r->start_ns, 0, settings & TCP);
	memcpy(r->packed, data + 1, n);
	struct sp_profile_view view = {0};
	int rc = sp_profile_read(&view, r, sizeof *r + n);
	check(!rc || rc == -EBADMSG, "neither read nor refused");
	if (!rc) {
		check(view.n_packets <= n && view.n_calls <= n, "more than there can be");
		buf.n = 0;
		sp_encode_json.record(&buf, &r->head, &points);
		check(buf.n && buf.p[buf.n - 1] == '\n' && !memchr(buf.p, '\n', buf.n - 1), "not one line");
	}
	pack_again(r);
	sp_profile_view_free(&view);
	free(r);
	return 0;
}
