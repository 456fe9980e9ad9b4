/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of a Redis command: which of its arguments are keys, and what its reply will be. */
#ifndef SP_PARSERS_REDIS_H
#define SP_PARSERS_REDIS_H

#include "parsers/parser.h"

enum {
	REDIS_ARGS_SHOWN = 24,
	REDIS_TEXT_SHOWN = 256, /* of one argument, or of an error */
	REDIS_NAME_SHOWN = 64,	/* of a command */
};

enum redis_field { REDIS_NAMESPACE, REDIS_ROWS, REDIS_FIELDS };

/* What the reply, or the rest of the connection, will be like. */
enum redis_effect {
	REDIS_PLAIN,
	REDIS_SUBSCRIBES,   /* a confirmation for every channel */
	REDIS_UNSUBSCRIBES, /* the same; without channels for every one there is */
	REDIS_AMONG_PUSHES, /* allowed between RESP2's pushes */
	REDIS_SYNCS,	    /* the server's side becomes a stream of commands */
	REDIS_CLIENT,	    /* CLIENT REPLY takes replies away */
	REDIS_SELECTS,
};

/* Positions of arguments count from the command's name, 0. */
struct redis_shape {
	uint8_t first, step; /* the first key, 0: none has a fixed place; what lies between two keys */
	int8_t last;	     /* the last key; from the end when it is negative */
	uint8_t numkeys;     /* the argument that says how many keys follow it */
	uint8_t shown;	     /* one bit an argument that is no value: 1 << position, bit 0: all of them */
	uint8_t effect;	     /* enum redis_effect */
	uint8_t needs;	     /* how many arguments have to be there to describe the command, 0: all that are shown */
	bool two_words : 1;  /* the first argument is a part of the command */
	bool secret : 1;     /* what is not shown never is */
	bool streams : 1;    /* keys are the first half of what follows STREAMS */
};

struct redis_command {
	const struct redis_shape *shape;
	uint64_t word;	/* the name's first letters, in upper case */
	uint32_t args;	/* the name is one of them */
	uint32_t n;	/* that are in `arg` */
	uint32_t needs; /* that have to be there */
	struct sp_slice arg[REDIS_ARGS_SHOWN];
};

/* Fills what follows from the name. */
void redis_classify(struct redis_command *c, bool reveal);

/* Fills method, resource and endpoint of p->msg. */
void redis_describe(struct sp_parse *p, const struct redis_command *c);

#endif
