/* SPDX-License-Identifier: Apache-2.0 */
/* What packets and phases are called. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/profile_view.h"
#include "cli/text.h"
#include "flowtable/profile_read.h"

#define LOOK_BACK 64

const char *const sp_view_phase_name[SP_PHASES] = {
#define X(sym, name) [SP_PHASE_##sym] = name,
	SP_VIEW_PHASES(X)
#undef X
};

/* Nobody is kept waiting by what the client does not ask for yet, and by what comes after it has all. */
static bool is_idle(unsigned phase)
{
	return phase == SP_PHASE_CLIENT || phase == SP_PHASE_TEARDOWN;
}

uint64_t sp_view_busy_us(const struct sp_view_head *h)
{
	uint64_t us = 0;
	for (unsigned i = 0; i < SP_PHASES; i++)
		us += is_idle(i) ? 0 : h->us[i];
	return us;
}

enum sp_view_phase sp_view_slowest(const struct sp_view_head *h)
{
	enum sp_view_phase best = SP_PHASE_CLIENT;
	for (unsigned i = 0; i < SP_PHASES; i++)
		if (h->us[i] && !is_idle(i) && (is_idle(best) || h->us[i] > h->us[best]))
			best = i;
	return best;
}

/* What the receiver of a packet had said last: that it takes nothing. */
static bool receiver_full(const struct sp_view *p, uint32_t next)
{
	bool s2c = p->packet[next].s2c;
	for (uint32_t i = next; i-- > 0 && next - i <= LOOK_BACK;)
		if (p->packet[i].s2c != s2c)
			return p->packet[i].notes & SP_PROFILE_ZERO_WINDOW ||
			       (p->packet[i].has_window && !p->packet[i].window && !(p->packet[i].flags & SP_TCP_RST));
	return false;
}

/* Whom everybody waited for before a packet came; NULL: nobody. */
static const char *waited_for(const struct sp_view *p, uint32_t next)
{
	const struct sp_view_packet *k = &p->packet[next];
	if (receiver_full(p, next))
		return k->s2c ? "the client to read" : "the server to read";
	if (k->notes & SP_PROFILE_WINDOW_UPDATE)
		return k->s2c ? "the server to read" : "the client to read";
	if (k->notes & SP_PROFILE_KEEPALIVE)
		return NULL;
	if (k->notes & SP_VIEW_AGAIN)
		return k->s2c ? "an ACK of the client" : "an ACK of the server";
	if (!k->len && k->flags & SP_TCP_ACK && !(k->flags & (SP_TCP_SYN | SP_TCP_FIN | SP_TCP_RST)))
		return k->s2c ? "an ACK of the server" : "an ACK of the client";
	return k->s2c ? "the server" : "the client";
}

const char *sp_view_silence(char *out, size_t size, const struct sp_view *p, uint32_t next)
{
	const char *who = waited_for(p, next);
	snprintf(out, size, who ? "waiting for %s" : "idleness", who);
	return out;
}

bool sp_view_is_silence(const struct sp_view *p, int64_t ns)
{
	enum { MS = 1000000 };
	return ns >= MS && (ns >= 100 * (int64_t)MS || ns >= sp_view_duration_ns(p) / 20);
}

static void add(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void add(char *out, size_t size, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(out + n, size - n, fmt, ap);
	va_end(ap);
}

static void add_flags(char *out, size_t size, uint8_t flags)
{
	static const char *const name[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	static const uint8_t order[] = {1, 2, 0, 3, 4, 5, 6, 7};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(order); i++)
		if (flags & 1u << order[i])
			add(out, size, "%s%s", *out ? " " : "", name[order[i]]);
}

const char *sp_view_flags(char *out, size_t size, uint8_t flags)
{
	*out = 0;
	add_flags(out, size, flags);
	return out;
}

const char *sp_view_label(char *out, size_t size, const struct sp_view_packet *k)
{
	struct sp_text n, at;
	*out = 0;
	if (k->len) {
		add(out, size, "%s B", sp_text_count(&n, k->len));
		if (k->flags)
			add(out, size, " at %s", sp_text_count(&at, (uint64_t)SP_MAX(k->seq, 0)));
		add_flags(out, size, k->flags & (uint8_t)~SP_TCP_ACK);
	} else if (k->flags & (SP_TCP_SYN | SP_TCP_FIN | SP_TCP_RST)) {
		add_flags(out, size, k->flags);
	} else if (k->flags & SP_TCP_ACK) {
		add(out, size, "ACK %s", sp_text_count(&at, (uint64_t)SP_MAX(k->ack, 0)));
		add_flags(out, size, k->flags & (uint8_t) ~(SP_TCP_ACK | SP_TCP_PSH));
	} else {
		add(out, size, "0 B");
	}
	if (k->notes & SP_PROFILE_WINDOW_UPDATE)
		add(out, size, " window %s", sp_text_count(&n, k->window));
	return out;
}

const char *sp_view_notes(char *out, size_t size, uint32_t notes)
{
	/* Of what begins and ends in one packet, the one is enough. */
	if (notes & SP_PROFILE_REQUEST)
		notes &= ~(uint32_t)SP_PROFILE_REQUEST_END;
	if (notes & SP_PROFILE_RESPONSE)
		notes &= ~(uint32_t)SP_PROFILE_RESPONSE_END;
	*out = 0;
	for (unsigned i = 0; i < SP_PROFILE_NOTE_BITS; i++)
		if (notes & 1u << i)
			add(out, size, "%s%s", *out ? ", " : "", sp_profile_note_name(i));
	for (char *c = out; *c; c++)
		if (*c == '_')
			*c = ' ';
	return out;
}
