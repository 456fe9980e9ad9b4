/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/http.h"
#include "parsers/mqtt.h"

enum { PROPERTIES_MAX = 128, CORRELATION_SHOWN = 64 };

struct sp_slice mqtt_string(struct sp_cursor *c)
{
	size_t n = sp_cursor_u16(c);
	const uint8_t *p = sp_cursor_take(c, n);
	return (struct sp_slice){p, p ? n : 0};
}

uint32_t mqtt_number(struct sp_cursor *c)
{
	uint32_t v = 0;
	for (unsigned shift = 0; shift < 28; shift += 7) {
		uint8_t byte = sp_cursor_u8(c);
		v |= (byte & 0x7fU) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

/* Of a property's value; 0: a string or binary data, 0xff: a number of seven bits a byte, 0xfe: unknown. */
static uint8_t value_size(uint32_t property)
{
	switch (property) {
	case 0x01:
	case 0x17:
	case 0x19:
	case 0x24:
	case 0x25:
	case 0x28:
	case 0x29:
	case 0x2a:
		return 1;
	case 0x13:
	case 0x21:
	case 0x22:
	case 0x23:
		return 2;
	case 0x02:
	case 0x11:
	case 0x18:
	case 0x27:
		return 4;
	case 0x0b:
		return 0xff;
	case 0x03:
	case 0x08:
	case 0x09:
	case 0x12:
	case 0x15:
	case 0x16:
	case 0x1a:
	case 0x1c:
	case 0x1f:
	case 0x26:
		return 0;
	default:
		return 0xfe;
	}
}

/* Binary data: as it is when it is text. */
static struct sp_slice correlation(struct sp_arena *a, struct sp_slice data)
{
	data.n = SP_MIN(data.n, (size_t)CORRELATION_SHOWN);
	for (size_t i = 0; i < data.n; i++)
		if (data.p[i] < ' ' || data.p[i] > '~')
			return sp_arena_hex(a, data);
	return data;
}

static void text_property(struct sp_parse *p, uint32_t property, struct sp_slice value)
{
	struct sp_msg *m = &p->msg;
	switch (property) {
	case 0x03:
		sp_msg_extra(m, MQTT_CONTENT_TYPE, value);
		break;
	case 0x08:
		sp_msg_extra(m, MQTT_RESPONSE_TOPIC, value);
		break;
	case 0x09:
		sp_msg_put(m, SP_SLOT_CORRELATION, correlation(p->arena, value));
		break;
	case 0x12:
		sp_msg_extra(m, MQTT_CLIENT_ID, value);
		break;
	case 0x15:
		sp_msg_extra(m, MQTT_AUTHENTICATION, value);
		break;
	case 0x1c:
		sp_msg_extra(m, MQTT_SERVER_REFERENCE, value);
		break;
	case 0x1f:
		sp_msg_put(m, SP_SLOT_MESSAGE, (struct sp_slice){value.p, SP_MIN(value.n, (size_t)MQTT_TEXT_SHOWN)});
		break;
	default:
		break;
	}
}

uint16_t mqtt_properties(struct sp_parse *p, struct sp_cursor *outer, bool tell)
{
	size_t n = mqtt_number(outer);
	const uint8_t *from = sp_cursor_take(outer, n);
	if (!from)
		return 0;
	struct sp_cursor c = sp_cursor((struct sp_slice){from, n});
	uint16_t alias = 0;
	for (unsigned i = 0; i < PROPERTIES_MAX && sp_cursor_left(&c) && !c.bad; i++) {
		uint32_t property = mqtt_number(&c);
		uint8_t size = value_size(property);
		if (size == 0xfe)
			break;
		if (property == 0x23) {
			alias = sp_cursor_u16(&c);
		} else if (size == 0xff) {
			mqtt_number(&c);
		} else if (size) {
			sp_cursor_take(&c, size);
		} else {
			struct sp_slice value = mqtt_string(&c), second = property == 0x26 ? mqtt_string(&c) : value;
			if (!c.bad && tell && property == 0x26)
				sp_trace_header(p, value, second, p->msg.kind == SP_MSG_RESPONSE);
			else if (!c.bad && tell)
				text_property(p, property, value);
		}
	}
	return alias;
}

static const char *const reasons[] = {
	[0x00] = "Success",
	[0x04] = "Disconnect with will message",
	[0x10] = "No matching subscribers",
	[0x11] = "No subscription existed",
	[0x18] = "Continue authentication",
	[0x19] = "Re-authenticate",
	[0x80] = "Unspecified error",
	[0x81] = "Malformed packet",
	[0x82] = "Protocol error",
	[0x83] = "Implementation specific error",
	[0x84] = "Unsupported protocol version",
	[0x85] = "Client identifier not valid",
	[0x86] = "Bad user name or password",
	[0x87] = "Not authorized",
	[0x88] = "Server unavailable",
	[0x89] = "Server busy",
	[0x8a] = "Banned",
	[0x8b] = "Server shutting down",
	[0x8c] = "Bad authentication method",
	[0x8d] = "Keep alive timeout",
	[0x8e] = "Session taken over",
	[0x8f] = "Topic filter invalid",
	[0x90] = "Topic name invalid",
	[0x91] = "Packet identifier in use",
	[0x92] = "Packet identifier not found",
	[0x93] = "Receive maximum exceeded",
	[0x94] = "Topic alias invalid",
	[0x95] = "Packet too large",
	[0x96] = "Message rate too high",
	[0x97] = "Quota exceeded",
	[0x98] = "Administrative action",
	[0x99] = "Payload format invalid",
	[0x9a] = "Retain not supported",
	[0x9b] = "QoS not supported",
	[0x9c] = "Use another server",
	[0x9d] = "Server moved",
	[0x9e] = "Shared subscriptions not supported",
	[0x9f] = "Connection rate exceeded",
	[0xa0] = "Maximum connect time",
	[0xa1] = "Subscription identifiers not supported",
	[0xa2] = "Wildcard subscriptions not supported",
};

static const char *const refusals[] = {
	[1] = "Unacceptable protocol version", [2] = "Identifier rejected", [3] = "Server unavailable",
	[4] = "Bad user name or password",     [5] = "Not authorized",
};

static enum sp_status status_of(uint8_t reason, bool connack)
{
	if (connack)
		return !reason ? SP_STATUS_OK : reason == 3 ? SP_STATUS_SERVER_ERROR : SP_STATUS_CLIENT_ERROR;
	if (reason < 0x80)
		return SP_STATUS_OK;
	switch (reason) {
	case 0x80:
	case 0x83:
	case 0x88:
	case 0x89:
	case 0x8b:
	case 0x97:
	case 0x98:
	case 0x9c:
	case 0x9d:
	case 0xa0:
		return SP_STATUS_SERVER_ERROR;
	case 0x8d:
		return SP_STATUS_TIMEOUT;
	default:
		return SP_STATUS_CLIENT_ERROR;
	}
}

void mqtt_reason(struct sp_parse *p, uint8_t reason, bool connack)
{
	struct sp_msg *m = &p->msg;
	const char *const *names = connack ? refusals : reasons;
	size_t n = connack ? SP_ARRAY_SIZE(refusals) : SP_ARRAY_SIZE(reasons);
	m->status = status_of(reason, connack);
	sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, reason));
	if (m->status != SP_STATUS_OK && !sp_msg_slot(m, SP_SLOT_MESSAGE).n && reason < n && names[reason])
		sp_msg_put(m, SP_SLOT_MESSAGE, sp_slice_of(names[reason]));
}
