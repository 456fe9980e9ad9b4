/* SPDX-License-Identifier: Apache-2.0 */
/* Why a connection ended, and whom that blames. */
#include "flowtable/flowtable_priv.h"

/* A server whose accept queue is full answers the client's data with another SYN-ACK, or at last with a RST. */
#define OVERFLOW_SERVER_PACKETS 8

static bool overflowed(const struct sp_flow *f)
{
	unsigned server = !sp_flow_client(f);
	return f->bits & SP_FLOW_LATE_SYNACK && !f->dir[server].payload &&
	       f->dir[server].packets <= OVERFLOW_SERVER_PACKETS;
}

enum sp_close_reason sp_flow_reset_reason(const struct sp_flow *f, unsigned side)
{
	unsigned client = sp_flow_client(f);
	switch (f->state) {
	case SP_FLOW_SYN:
		if (f->bits & SP_FLOW_CHALLENGED)
			return SP_CLOSE_PORT_REUSE;
		return side == client ? SP_CLOSE_CLIENT_RST_IN_HANDSHAKE : SP_CLOSE_SYN_REJECTED;
	case SP_FLOW_SYNACK:
		return side == client ? SP_CLOSE_CLIENT_RST_IN_HANDSHAKE : SP_CLOSE_SERVER_RST_IN_HANDSHAKE;
	default:
		break;
	}
	if (side != client)
		return overflowed(f) ? SP_CLOSE_ACCEPT_QUEUE_OVERFLOW : SP_CLOSE_SERVER_RST;
	/* The client had its answer, or the server had already said goodbye: this way of closing hurts nobody. */
	bool answered = f->bits & SP_FLOW_RESPONSE && !(f->bits & SP_FLOW_ASKED);
	bool done = f->dir[!client].bits & SP_DIR_FIN;
	return answered || done ? SP_CLOSE_CLIENT_RST_AFTER_RESPONSE : SP_CLOSE_CLIENT_RST;
}

enum sp_close_reason sp_flow_close_reason(const struct sp_flow *f, enum sp_close_reason cause)
{
	unsigned client = sp_flow_client(f);
	if (cause == SP_CLOSE_ACTIVE || f->state == SP_FLOW_OPEN)
		return cause;
	if (f->state >= SP_FLOW_CLOSED)
		return f->state - SP_FLOW_CLOSED;
	if (f->state == SP_FLOW_SYN)
		return f->bits & SP_FLOW_CHALLENGED ? SP_CLOSE_PORT_REUSE : SP_CLOSE_SYN_NO_ANSWER;
	if (f->state == SP_FLOW_SYNACK)
		return SP_CLOSE_SYNACK_NO_ACK;
	if (f->dir[client].bits & SP_DIR_FIN)
		return SP_CLOSE_CLIENT_FIN_ONLY;
	if (f->dir[!client].bits & SP_DIR_FIN)
		return SP_CLOSE_SERVER_FIN_ONLY;
	return overflowed(f) ? SP_CLOSE_ACCEPT_QUEUE_OVERFLOW : cause;
}

static const uint8_t blamed[] = {
#define X(sym, text, blame) SP_FAILURE_##blame,
	SP_CLOSE_REASONS(X)
#undef X
};

enum sp_failure sp_flow_failure(const struct sp_flow *f, const struct sp_flow_extra *x, enum sp_close_reason reason)
{
	unsigned client = sp_flow_client(f);
	bool one_way = !(f->bits & SP_FLOW_SEEN_LO) || !(f->bits & SP_FLOW_SEEN_HI);
	switch (reason) {
	case SP_CLOSE_SYN_NO_ANSWER:
		/* A router said that it could not be delivered. */
		return x && x->icmp_errors ? SP_FAILURE_NETWORK : SP_FAILURE_SERVER;
	case SP_CLOSE_CLIENT_RST_IN_HANDSHAKE:
		if (f->state == SP_FLOW_CLOSED + SP_CLOSE_CLIENT_RST_IN_HANDSHAKE && !f->synack)
			return f->syn > 1 ? SP_FAILURE_SERVER : SP_FAILURE_CLIENT; /* it gave up */
		/* SYN, SYN-ACK, RST and nothing sent twice: a health check, or a scan. */
		return f->syn <= 1 && f->synack <= 1 ? SP_FAILURE_NONE : SP_FAILURE_CLIENT;
	case SP_CLOSE_CLIENT_FIN_ONLY:
	case SP_CLOSE_SERVER_FIN_ONLY:
		return one_way ? SP_FAILURE_UNKNOWN : blamed[reason];
	case SP_CLOSE_PORT_REUSE:
		/* An open connection that a new one displaced: somebody forgot to close, nobody knows who. */
		return f->state == SP_FLOW_ESTABLISHED ? SP_FAILURE_UNKNOWN : SP_FAILURE_CLIENT;
	case SP_CLOSE_TIMEOUT:
		if (f->state != SP_FLOW_ESTABLISHED)
			return SP_FAILURE_NONE;
		if (one_way)
			return SP_FAILURE_UNKNOWN;
		/* Asked and never answered; or silence when nothing was owed. */
		if (f->bits & SP_FLOW_UNACKED)
			return SP_FAILURE_NETWORK;
		return f->bits & SP_FLOW_ASKED && f->dir[client].bits & SP_DIR_SEQ ? SP_FAILURE_SERVER
										   : SP_FAILURE_NONE;
	default:
		return blamed[reason];
	}
}
