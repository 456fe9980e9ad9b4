/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the MySQL parser share. Everything is in packets: three bytes length, low first, a sequence number
 * that begins with 0 at each command, and a body; one of 0xffffff bytes is continued in the next. */
#ifndef SP_PARSERS_MYSQL_PRIV_H
#define SP_PARSERS_MYSQL_PRIV_H

#include "parsers/codec.h"
#include "parsers/sql.h"

enum {
	MYSQL_HEAD = 4,
	MYSQL_PACKET_MAX = 0xffffff,
	MYSQL_NAME_MAX = 64,
	MYSQL_VERSION_MAX = 24,
	MYSQL_ERROR_MAX = 512,
	MYSQL_LOGIN_MAX = 4096, /* of a login that is read */
	MYSQL_OK_MAX = 1024,	/* of an OK */
	MYSQL_ZIP_KEPT = 4480,	/* of the stream inside a compressed one */
};

/* Of both sides' capabilities what matters. */
enum {
	MYSQL_CAP_MYSQL = 1, /* not set by MariaDB, which then has more of them */
	MYSQL_CAP_DATABASE = 1 << 3,
	MYSQL_CAP_COMPRESS = 1 << 5,
	MYSQL_CAP_41 = 1 << 9,
	MYSQL_CAP_TLS = 1 << 11,
	MYSQL_CAP_SECURE = 1 << 15,
	MYSQL_CAP_PLUGIN = 1 << 19,
	MYSQL_CAP_ATTRS = 1 << 20,
	MYSQL_CAP_LENENC_AUTH = 1 << 21,
	MYSQL_CAP_SESSION_TRACK = 1 << 23,
	MYSQL_CAP_DEPRECATE_EOF = 1 << 24,
	MYSQL_CAP_OPTIONAL_METADATA = 1 << 25,
	MYSQL_CAP_ZSTD = 1 << 26,
	MYSQL_CAP_QUERY_ATTRS = 1 << 27,
};

enum mysql_server_status {
	MYSQL_MORE_RESULTS = 0x0008,
	MYSQL_CURSOR = 0x0040,
	MYSQL_NO_BACKSLASH = 0x0200,
	MYSQL_SESSION_CHANGED = 0x4000,
};

enum mysql_field {
	MYSQL_SYSTEM,
	MYSQL_TABLES,
	MYSQL_ROWS,
	MYSQL_AFFECTED,
	MYSQL_WARNINGS,
	MYSQL_RESULTS,
	MYSQL_STATEMENT,
	MYSQL_SQLSTATE,
	MYSQL_USER,
	MYSQL_PROGRAM,
	MYSQL_VERSION,
};

/* What a command's response looks like; a tag's low byte. Above it a counter that tells statements being prepared. */
enum mysql_reply {
	MYSQL_R_RESULT,	 /* OK, error, a file wanted, or rows */
	MYSQL_R_USE,	 /* OK: the database is another one */
	MYSQL_R_OK,	 /* OK, EOF or error */
	MYSQL_R_COLUMNS, /* up to an EOF */
	MYSQL_R_ROWS,	 /* likewise, and counted */
	MYSQL_R_TEXT,	 /* one packet */
	MYSQL_R_PREPARE,
	MYSQL_R_STREAM, /* events without end */
	MYSQL_R_LOGIN,
	MYSQL_R_NONE,
};

/* Where the server is in its response. */
enum mysql_at {
	MYSQL_AT_FIRST,	  /* before the first packet of a response, or of the next result of several */
	MYSQL_AT_COLUMNS, /* `left` of them are to come */
	MYSQL_AT_ROWS,
	MYSQL_AT_DEFINITIONS, /* of a prepared statement: `left` packets, then those of `columns` */
	MYSQL_AT_FILE,	      /* the client sends a file: OK or an error ends that */
	MYSQL_AT_STREAM,
};

struct sp_mysql {
	uint32_t caps;
	uint32_t prepares; /* that the client sent */
	uint32_t left, results;
	uint32_t statement; /* that was prepared */
	uint64_t rows, affected;
	uint16_t columns, warnings;
	uint8_t at;    /* enum mysql_at */
	uint8_t reply; /* enum mysql_reply of the open response */
	uint8_t seq;   /* that the response to the latest command begins with */
	bool cont[2];  /* by side: the next packet continues one of 16 MB */
	uint8_t open;  /* 1 + enum sp_msg_kind of the client's message of that kind; 0: none */
	bool inside;   /* a response was begun, … */
	bool begun;    /* … and its head sent */
	bool known;    /* `caps` are */
	bool greeted, mariadb, no_backslash, compressed, file;
	bool in_login, affects;
	bool eof_due; /* after the columns */
	uint8_t database_n, next_n, version_n;
	char database[MYSQL_NAME_MAX], next[MYSQL_NAME_MAX], version[MYSQL_VERSION_MAX];
};

/* The stream inside a compressed one, of one side. */
struct mysql_zip {
	uint64_t skip;	  /* of it that need not be seen */
	uint32_t n, at;	  /* bytes that are kept, and those of them that were read */
	uint32_t want;	  /* bytes that must be there to read on */
	uint32_t raw;	  /* of a packet that was not compressed, still to come */
	uint32_t rest;	  /* of a packet of which only parts are kept, still to come, … */
	uint32_t plain;	  /* …its size before compression, */
	uint32_t passed;  /* and bytes of it that were passed over */
	uint32_t owed;	  /* bytes of the outer stream that were taken but not reported yet */
	uint32_t missing; /* bytes of a packet that were not inflated */
	uint8_t next;	  /* number of the next packet */
	uint8_t open;	  /* 1 + enum sp_msg_kind of the message that `skip` belongs to; 0: none */
	bool lost;
	union {
		uint8_t bytes[MYSQL_ZIP_KEPT];
		struct sp_zstd_parts parts; /* while there is a `rest` */
	};
};
static_assert(sizeof(struct sp_zstd_parts) <= MYSQL_ZIP_KEPT, "no more than else");

/* The second block of state; its first part is passed to what knows statements only. */
struct mysql_more {
	struct sp_sql_store store;
	struct mysql_zip zip[2];
};
static_assert(sizeof(struct mysql_more) <= SP_STATE_MAX, "else nobody gives it");

struct mysql_packet {
	struct sp_slice body; /* what is there of it */
	uint32_t n;
	uint8_t seq;
};

static inline uint16_t mysql_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t mysql_u24(const uint8_t *p)
{
	return (uint32_t)(p[0] | p[1] << 8 | p[2] << 16);
}

static inline uint32_t mysql_u32(const uint8_t *p)
{
	return mysql_u24(p) | (uint32_t)p[3] << 24;
}

/* RFC 1950: a header that servers and clients write. */
static inline bool sp_mysql_is_zlib(struct sp_slice in)
{
	return in.n >= 2 && in.p[0] == 0x78 && (0x7800 | in.p[1]) % 31 == 0;
}

/* Takes a number of one, three, four or nine bytes off the front. False: it is not there, or none. */
bool sp_mysql_number(struct sp_slice *s, uint64_t *ret);

/* Takes text off the front: n bytes, up to a zero byte, or after its length. Sets n to 0 and empties s when it is
 * short. */
struct sp_slice sp_mysql_take(struct sp_slice *s, uint64_t n);
struct sp_slice sp_mysql_text(struct sp_slice *s);
struct sp_slice sp_mysql_counted(struct sp_slice *s);

/* mysql_login.c */
bool sp_mysql_greeting(struct sp_mysql *st, struct sp_slice body);
bool sp_mysql_is_login(struct sp_slice body, uint32_t n);
enum sp_parse_result sp_mysql_login(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k);
void sp_mysql_change_user(struct sp_parse *p, struct sp_mysql *st, struct sp_msg *m, struct sp_slice body);
void sp_mysql_next_database(struct sp_mysql *st, struct sp_slice name);

/* mysql_command.c: a command of the client. `k` has as much of its body as is looked at. */
void sp_mysql_command(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k);
bool sp_mysql_is_command(uint8_t command);

/* …as long as a packet of `n` bytes? */
bool sp_mysql_may_be(uint8_t command, uint32_t n);
/* How much of that command's body is looked at. */
size_t sp_mysql_command_seen(uint8_t command);

/* mysql_reply.c: the server's packets. */
enum sp_parse_result sp_mysql_reply(struct sp_parse *p, struct sp_mysql *st);

/* What is left of the open response will not be seen: its end in p->msg. False: none is open. */
bool sp_mysql_give_up(struct sp_parse *p, struct sp_mysql *st);

/* mysql.c: one message of the stream that is not compressed. */
enum sp_parse_result sp_mysql_packets(struct sp_parse *p, struct sp_mysql *st);

/* mysql_zip.c: of the one that is. */
enum sp_parse_result sp_mysql_unzip(struct sp_parse *p, struct sp_mysql *st);

/* mysql_error.c: code, state, message and status of an error packet's body. */
void sp_mysql_error(struct sp_parse *p, struct sp_msg *m, struct sp_slice body);

#ifdef SP_WITH_VECTORS
extern const struct sp_vector sp_mysql_vectors[];
#endif

#endif
