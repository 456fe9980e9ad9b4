/* SPDX-License-Identifier: Apache-2.0 */
/* Later fragments follow the first of their datagram. */
#include "dataplane/fragments.h"

#include "parsers/link/decode.h"
#include "tests/check.h"

static struct sp_fragments fragments;
static struct sp_batch batch;
static uint32_t space[1];

/* An IPv4 datagram's fragment from or to 10.0.0.`host`, of UDP. */
static void make(uint8_t host, uint16_t id, uint16_t offset, bool more, bool back)
{
	static uint8_t f[64];
	const uint8_t here[4] = {10, 0, 0, host}, there[4] = {10, 9, 9, 9};
	memset(f, 0, sizeof f);
	f[12] = 8;
	f[14] = 0x45;
	f[17] = 44;
	f[18] = (uint8_t)(id >> 8);
	f[19] = (uint8_t)id;
	f[20] = (uint8_t)((more ? 0x20 : 0) | offset / 8 >> 8);
	f[21] = (uint8_t)(offset / 8);
	f[22] = 64;
	f[23] = 17;
	memcpy(f + 26, back ? there : here, 4);
	memcpy(f + 30, back ? here : there, 4);
	f[35] = 53;
	f[37] = 99;
	f[38] = 8; /* UDP: longer than this fragment */
	sp_batch_begin(&batch);
	batch.n = 1;
	batch.pkt[0] = (struct sp_pkt){.data = f, .cap_len = 58, .wire_len = 58, .link = SP_LINK_ETHERNET};
	struct sp_decode_conf conf = sp_decode_conf_default();
	sp_decode_batch(&conf, space, &batch);
	CHECK_EQ(batch.pkt[0].reason, SP_DECODE_OK);
	CHECK(batch.pkt[0].flags & SP_PKT_FRAGMENT);
	CHECK_EQ(!!(batch.pkt[0].flags & SP_PKT_LATER_FRAG), offset > 0);
}

static unsigned worker(unsigned own)
{
	return sp_fragments_worker(&fragments, &batch.pkt[0], &batch.key[0], own);
}

static void later_ones_follow(void)
{
	for (unsigned host = 1; host < 200; host++) {
		make((uint8_t)host, 7, 0, true, host & 1);
		CHECK_EQ(worker(host % 5), host % 5);
	}
	unsigned lost = 0;
	for (unsigned host = 1; host < 200; host++) {
		make((uint8_t)host, 7, 24, host % 3, host & 1);
		lost += worker(9) != host % 5;
	}
	CHECK(lost < 20); /* pushed out by one that shares its place */
}

static void others_do_not(void)
{
	make(1, 50, 0, true, false);
	CHECK_EQ(worker(3), 3);
	make(1, 51, 24, true, false); /* another datagram */
	CHECK_EQ(worker(1), 1);
	make(2, 50, 24, true, false); /* another host's */
	CHECK_EQ(worker(1), 1);
	space[0] = 4; /* another network */
	make(1, 50, 24, true, false);
	CHECK_EQ(worker(1), 1);
	space[0] = 0;
	make(1, 50, 48, false, false);
	CHECK_EQ(worker(1), 3);
	make(1, 50, 0, true, false); /* the identifier again */
	CHECK_EQ(worker(2), 2);
	make(1, 50, 24, true, false);
	CHECK_EQ(worker(1), 2);
}

int main(void)
{
	RUN(later_ones_follow);
	RUN(others_do_not);
	return check_done();
}
