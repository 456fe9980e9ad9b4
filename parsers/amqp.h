/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of AMQP 0-9-1, and what their arguments and a content's properties say. */
#ifndef SP_PARSERS_AMQP_H
#define SP_PARSERS_AMQP_H

#include "parsers/parser.h"

enum {
	AMQP_CONNECTION = 10,
	AMQP_CHANNEL = 20,
	AMQP_BASIC = 60,
	AMQP_CONFIRM = 85,
	/* methods */
	AMQP_CONNECTION_CLOSE = 50,
	AMQP_CHANNEL_CLOSE = 40,
	AMQP_PUBLISH = 40,
	AMQP_GET_OK = 71,
	AMQP_GET_EMPTY = 72,
	AMQP_ACK = 80,
	AMQP_NACK = 120,
	AMQP_SELECT = 10,
};

enum amqp_field {
	AMQP_SYSTEM,
	AMQP_DESTINATION,
	AMQP_ROUTING_KEY,
	AMQP_DELIVERY_TAG,
	AMQP_CONSUMER_TAG,
	AMQP_BODY_SIZE,
	AMQP_MESSAGE_ID,
	AMQP_CONVERSATION_ID,
	AMQP_CONTENT_TYPE,
	AMQP_MECHANISM,
	AMQP_USER,
	AMQP_FIELDS
};

struct amqp_method {
	const char *name;
	const char *arguments; /* one letter each, see amqp_arguments */
	uint8_t reply;	       /* the method that answers; 0: none does */
	uint8_t no_wait;       /* 1 and the bit of the arguments that says that none will */
	uint8_t senders;       /* 1 << enum sp_side, or'ed */
	bool answers, content;
};

/* NULL: there is none of that number. */
const struct amqp_method *amqp_method(uint16_t class_id, uint16_t method_id);

struct amqp_arguments {
	struct sp_slice exchange, key, queue, consumer, text, host, mechanism, response;
	uint64_t tag;
	uint16_t code, class_id, method_id;
	uint8_t bits;
	bool has_key, has_tag;
};

/* What is there of the arguments. */
void amqp_arguments(const struct amqp_method *method, struct sp_slice in, struct amqp_arguments *ret);

/* Fills the slots of p->msg that a method's arguments are about. */
void amqp_describe(struct sp_parse *p, const struct amqp_method *method, const struct amqp_arguments *a);

/* A content's header: fills in its properties, returns the body's size. */
uint64_t amqp_properties(struct sp_parse *p, struct sp_slice in);

#endif
