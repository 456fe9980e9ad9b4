/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/gen_app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_SIZE (1u << 20)

/* A literal without, and with, its final NUL. */
#define PUT(b, s) gen_put(b, s, sizeof(s) - 1)
#define PUT0(b, s) gen_put(b, s, sizeof(s))

static uint8_t *room(struct gen_bytes *b, size_t more)
{
	if (b->n + more > b->cap) {
		b->cap = (b->n + more) * 2;
		b->p = realloc(b->p, b->cap);
		if (!b->p)
			abort();
	}
	return b->p + b->n;
}

void gen_put(struct gen_bytes *b, const void *p, size_t n)
{
	memcpy(room(b, n), p, n);
	b->n += n;
}

void gen_printf(struct gen_bytes *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	b->n += (size_t)vsnprintf((char *)room(b, 1024), 1024, fmt, ap);
	va_end(ap);
}

/* One blob of each sort serves the whole run: what is sent is a piece from somewhere in it. */
static void put_blob(struct gen_bytes *b, struct gen_rng *rng, const uint8_t *blob, size_t n)
{
	while (n) {
		uint32_t at = gen_below(rng, BLOB_SIZE / 2);
		size_t part = n < BLOB_SIZE / 2 ? n : BLOB_SIZE / 2;
		gen_put(b, blob + at, part);
		n -= part;
	}
}

void gen_put_text(struct gen_bytes *b, struct gen_rng *rng, size_t n)
{
	static const char *const words[] = {"alpha ", "packet ", "\"name\":", "42,",	"wire ", "of ",
					    "the ",   "stream",	 "latency",   " 17.3 ", "true,", "order ",
					    "client", "{\"id\"", ":[1,2]",    " and "};
	static uint8_t *blob;
	if (!blob) {
		struct gen_rng own = {7};
		blob = gen_alloc(BLOB_SIZE + 16);
		for (size_t i = 0; i < BLOB_SIZE;) {
			const char *word = words[gen_below(&own, 16)];
			size_t len = strlen(word);
			memcpy(blob + i, word, len);
			i += len;
		}
	}
	put_blob(b, rng, blob, n);
}

void gen_put_noise(struct gen_bytes *b, struct gen_rng *rng, size_t n)
{
	static uint8_t *blob;
	if (!blob) {
		struct gen_rng own = {11};
		blob = gen_alloc(BLOB_SIZE);
		for (size_t i = 0; i < BLOB_SIZE; i += 8) {
			uint64_t v = gen_next(&own);
			memcpy(blob + i, &v, 8);
		}
	}
	put_blob(b, rng, blob, n);
}

/* Most messages are small, most bytes are in large ones. */
static uint32_t http_size(struct gen_rng *rng)
{
	uint32_t p = gen_below(rng, 100);
	return p < 50	? gen_range(rng, 0, 1800)
	       : p < 80 ? gen_range(rng, 2000, 16000)
	       : p < 95 ? gen_range(rng, 16000, 60000)
			: gen_range(rng, 60000, 150000);
}

void gen_http_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call, bool last)
{
	static const char *const paths[] = {"/api/v1/orders", "/static/app.js", "/api/v1/users", "/images/banner",
					    "/search"};
	bool post = gen_below(rng, 8) == 0;
	uint32_t body = post ? gen_range(rng, 20, 3000) : 0;
	uint32_t p = gen_below(rng, 100);
	call->verb = p < 90 ? 200 : p < 94 ? 304 : p < 98 ? 404 : 500;
	call->error = call->verb >= 400;
	call->size = call->verb == 200 ? http_size(rng) : call->verb == 304 ? 0 : 153;
	call->id = gen_below(rng, 100000);
	gen_printf(b, "%s %s/%u?page=%u HTTP/1.1\r\nHost: shop%u.example\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n",
		   post ? "POST" : "GET", paths[call->id % 5], call->id, call->id % 17, call->id % 3);
	if (call->id % 2) {
		unsigned long long high = gen_next(rng), low = gen_next(rng), span = gen_next(rng);
		gen_printf(b, "traceparent: 00-%016llx%016llx-%016llx-01\r\n", high, low, span);
	}
	if (post)
		gen_printf(b, "Content-Type: application/json\r\nContent-Length: %u\r\n", body);
	gen_printf(b, "Connection: %s\r\n\r\n", last ? "close" : "keep-alive");
	gen_put_text(b, rng, body);
}

void gen_http_response(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call, bool last)
{
	const char *reason = call->verb == 200	 ? "OK"
			     : call->verb == 304 ? "Not Modified"
			     : call->verb == 404 ? "Not Found"
						 : "Internal Server Error";
	gen_printf(
		b,
		"HTTP/1.1 %u %s\r\nServer: nginx/1.22.1\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: %s\r\n",
		call->verb, reason, last ? "close" : "keep-alive");
	if (call->verb == 304) {
		gen_printf(b, "ETag: \"%08x\"\r\n\r\n", call->id);
		return;
	}
	gen_printf(b, "Content-Type: %s\r\n", call->id % 5 == 1 ? "application/javascript" : "application/json");
	if (call->verb != 200 || call->id % 10) {
		gen_printf(b, "Content-Length: %u\r\n\r\n", call->size);
		gen_put_text(b, rng, call->size);
		return;
	}
	gen_printf(b, "Transfer-Encoding: chunked\r\n\r\n");
	for (uint32_t left = call->size; left;) {
		uint32_t n = left < 8192 ? left : 8192;
		gen_printf(b, "%x\r\n", n);
		gen_put_text(b, rng, n);
		PUT(b, "\r\n");
		left -= n;
	}
	PUT(b, "0\r\n\r\n");
}

void gen_http_get(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call)
{
	*call = (struct gen_call){.id = gen_below(rng, 1000000)};
	gen_printf(b, "GET /item/%u HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n",
		   call->id);
}

void gen_http_body(struct gen_bytes *b, struct gen_rng *rng, size_t size)
{
	gen_printf(b, "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
		   size);
	gen_put_text(b, rng, size);
}

enum { SET, GET, INCR, LPUSH, HSET, MSET, LRANGE, REDIS_VERBS };

void gen_redis_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call)
{
	static const uint8_t often[16] = {SET,	SET,  SET,   GET,  GET,	 GET,	 GET, GET,
					  INCR, INCR, LPUSH, HSET, MSET, LRANGE, GET, SET};
	call->verb = often[gen_below(rng, 16)];
	call->id = gen_below(rng, 1000000);
	call->size = call->verb == LRANGE ? gen_range(rng, 5, 50) : gen_range(rng, 16, 1200);
	call->error = gen_below(rng, 400) == 0;
	unsigned key = 10000000 + call->id;
	switch (call->verb) {
	case GET:
		gen_printf(b, "*2\r\n$3\r\nGET\r\n$12\r\nkey:%08u\r\n", key);
		return;
	case INCR:
		gen_printf(b, "*2\r\n$4\r\nINCR\r\n$12\r\ncnt:%08u\r\n", key);
		return;
	case LRANGE:
		gen_printf(b, "*4\r\n$6\r\nLRANGE\r\n$12\r\nlst:%08u\r\n$1\r\n0\r\n$2\r\n%02u\r\n", key,
			   call->size - 1);
		return;
	case SET:
		gen_printf(b, "*3\r\n$3\r\nSET\r\n$12\r\nkey:%08u\r\n", key);
		break;
	case LPUSH:
		gen_printf(b, "*3\r\n$5\r\nLPUSH\r\n$12\r\nlst:%08u\r\n", key);
		break;
	case HSET:
		gen_printf(b, "*4\r\n$4\r\nHSET\r\n$12\r\nobj:%08u\r\n$6\r\nfield1\r\n", key);
		break;
	default:
		gen_printf(b, "*5\r\n$4\r\nMSET\r\n$12\r\nkey:%08u\r\n$3\r\none\r\n$12\r\nkey:%08u\r\n", key, key + 1);
	}
	gen_printf(b, "$%u\r\n", call->size);
	gen_put_text(b, rng, call->size);
	PUT(b, "\r\n");
}

void gen_redis_response(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call)
{
	if (call->error) {
		gen_printf(b, "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
		return;
	}
	switch (call->verb) {
	case GET:
		gen_printf(b, "$%u\r\n", call->size);
		gen_put_text(b, rng, call->size);
		PUT(b, "\r\n");
		break;
	case LRANGE:
		gen_printf(b, "*%u\r\n", call->size);
		for (uint32_t i = 0; i < call->size; i++) {
			PUT(b, "$64\r\n");
			gen_put_text(b, rng, 64);
			PUT(b, "\r\n");
		}
		break;
	case SET:
	case MSET:
		PUT(b, "+OK\r\n");
		break;
	default:
		gen_printf(b, ":%u\r\n", call->id % 100);
	}
}

/* MySQL: 3 bytes of length, little endian, a sequence number, the body. */
static size_t packet_begin(struct gen_bytes *b, uint8_t sequence)
{
	uint8_t head[4] = {0, 0, 0, sequence};
	gen_put(b, head, 4);
	return b->n;
}

static void packet_end(struct gen_bytes *b, size_t body)
{
	size_t n = b->n - body;
	b->p[body - 4] = (uint8_t)n;
	b->p[body - 3] = (uint8_t)(n >> 8);
	b->p[body - 2] = (uint8_t)(n >> 16);
}

static void put_lenenc(struct gen_bytes *b, const char *s)
{
	uint8_t n = (uint8_t)strlen(s); /* all of ours are shorter than 251 */
	gen_put(b, &n, 1);
	gen_put(b, s, n);
}

static void put_nonzero(struct gen_bytes *b, struct gen_rng *rng, size_t n)
{
	while (n--) {
		uint8_t c = (uint8_t)gen_range(rng, 33, 126);
		gen_put(b, &c, 1);
	}
}

void gen_mysql_greeting(struct gen_bytes *b, struct gen_rng *rng)
{
	static const uint8_t caps[] = {0xff, 0xf7, 0x21, 0x02, 0x00, 0xff, 0x80, 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	size_t at = packet_begin(b, 0);
	uint32_t thread = gen_below(rng, 100000);
	PUT0(b, "\n8.0.36");
	gen_put(b, &thread, 4);
	put_nonzero(b, rng, 8);
	PUT0(b, "");
	gen_put(b, caps, sizeof caps);
	put_nonzero(b, rng, 12);
	PUT0(b, "\0mysql_native_password");
	packet_end(b, at);
}

void gen_mysql_login(struct gen_bytes *b, struct gen_rng *rng)
{
	static const uint8_t fixed[32] = {0x8d, 0xa6, 0x0f, 0x00, 0, 0, 0, 1, 33};
	size_t at = packet_begin(b, 1);
	gen_put(b, fixed, 32);
	PUT(b, "bench\0\x14");
	gen_put_noise(b, rng, 20);
	PUT0(b, "shop\0mysql_native_password");
	packet_end(b, at);
}

void gen_mysql_ok(struct gen_bytes *b, uint8_t sequence)
{
	size_t at = packet_begin(b, sequence);
	PUT(b, "\0\1\0\2\0\0\0");
	packet_end(b, at);
}

enum { SELECT_ONE, SELECT_RANGE, UPDATE, INSERT };

void gen_mysql_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call)
{
	uint32_t p = gen_below(rng, 100);
	call->verb = p < 65 ? SELECT_ONE : p < 80 ? SELECT_RANGE : p < 92 ? UPDATE : INSERT;
	call->id = gen_below(rng, 1000000);
	call->size = call->verb == SELECT_RANGE ? gen_range(rng, 20, 100) : 1;
	call->error = gen_below(rng, 200) == 0;
	size_t at = packet_begin(b, 0);
	PUT(b, "\3");
	switch (call->verb) {
	case SELECT_ONE:
		gen_printf(b, "SELECT c FROM sbtest%u WHERE id=%u", call->id % 8, call->id);
		break;
	case SELECT_RANGE:
		gen_printf(b, "SELECT c FROM sbtest%u WHERE id BETWEEN %u AND %u ORDER BY c", call->id % 8, call->id,
			   call->id + call->size - 1);
		break;
	case UPDATE:
		gen_printf(b, "UPDATE sbtest%u SET k=k+1 WHERE id=%u", call->id % 8, call->id);
		break;
	default:
		gen_printf(b, "INSERT INTO sbtest%u (id, k, c, pad) VALUES (%u, %u, '", call->id % 8, call->id,
			   call->id / 2);
		for (int i = 0; i < 11; i++)
			gen_printf(b, "%011u-", gen_below(rng, UINT32_MAX));
		gen_printf(b, "', 'pad')");
	}
	packet_end(b, at);
}

void gen_mysql_select(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call)
{
	*call = (struct gen_call){.verb = SELECT_ONE, .id = gen_below(rng, 1000000), .size = 1};
	size_t at = packet_begin(b, 0);
	gen_printf(b, "\3SELECT c FROM sbtest%u WHERE id=%u", call->id % 8, call->id);
	packet_end(b, at);
}

static void put_eof(struct gen_bytes *b, uint8_t sequence)
{
	size_t at = packet_begin(b, sequence);
	PUT(b, "\xfe\0\0\2\0");
	packet_end(b, at);
}

static void put_result_set(struct gen_bytes *b, struct gen_rng *rng, uint32_t rows)
{
	static const uint8_t column[13] = {12, 33, 0, 0x68, 1, 0, 0, 0xfe, 1, 0, 0, 0, 0};
	uint8_t sequence = 1;
	size_t at = packet_begin(b, sequence++);
	PUT(b, "\1");
	packet_end(b, at);
	at = packet_begin(b, sequence++);
	put_lenenc(b, "def");
	put_lenenc(b, "shop");
	put_lenenc(b, "sbtest1");
	put_lenenc(b, "sbtest1");
	put_lenenc(b, "c");
	put_lenenc(b, "c");
	gen_put(b, column, sizeof column);
	packet_end(b, at);
	put_eof(b, sequence++);
	for (uint32_t i = 0; i < rows; i++) {
		char text[128];
		int n = 0;
		for (int k = 0; k < 10; k++)
			n += snprintf(text + n, sizeof text - (size_t)n, "%s%011u", k ? "-" : "",
				      gen_below(rng, UINT32_MAX));
		at = packet_begin(b, sequence++);
		put_lenenc(b, text);
		packet_end(b, at);
	}
	put_eof(b, sequence);
}

void gen_mysql_response(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call)
{
	if (call->error) {
		size_t at = packet_begin(b, 1);
		PUT(b, "\xff\x7a\x04#42S02Table 'shop.sbtest9' doesn't exist");
		packet_end(b, at);
	} else if (call->verb >= UPDATE) {
		gen_mysql_ok(b, 1);
	} else {
		put_result_set(b, rng, call->size);
	}
}

void gen_mysql_quit(struct gen_bytes *b)
{
	PUT(b, "\1\0\0\0\1");
}

static void put_be16(struct gen_bytes *b, uint32_t v)
{
	uint8_t raw[2] = {(uint8_t)(v >> 8), (uint8_t)v};
	gen_put(b, raw, 2);
}

static void patch_be16(struct gen_bytes *b, size_t at)
{
	uint32_t n = (uint32_t)(b->n - at - 2);
	b->p[at] = (uint8_t)(n >> 8);
	b->p[at + 1] = (uint8_t)n;
}

static void client_hello(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call, bool tls13)
{
	PUT(b, "\x16\3\1");
	size_t record = b->n;
	put_be16(b, 0);
	PUT(b, "\1\0");
	size_t hello = b->n;
	put_be16(b, 0);
	PUT(b, "\3\3");
	gen_put_noise(b, rng, 32);
	PUT(b, "\x20");
	gen_put_noise(b, rng, 32);
	PUT(b, "\0\x0a\x13\x01\x13\x02\x13\x03\xc0\x2f\xc0\x30\1\0");
	size_t extensions = b->n;
	put_be16(b, 0);

	char name[32];
	uint32_t len = (uint32_t)snprintf(name, sizeof name, "www%u.shop.example", call->id % 50);
	put_be16(b, 0); /* server_name */
	put_be16(b, len + 5);
	put_be16(b, len + 3);
	PUT0(b, "");
	put_be16(b, len);
	gen_put(b, name, len);
	PUT(b, "\0\x0a\0\6\0\4\0\x1d\0\x17");	      /* supported_groups */
	PUT(b, "\0\x0d\0\x08\0\6\4\3\x08\4\4\1");     /* signature_algorithms */
	PUT(b, "\0\x10\0\x0e\0\x0c\2h2\x08http/1.1"); /* ALPN */
	if (tls13) {
		PUT(b, "\0\x2b\0\5\4\3\4\3\3");		  /* supported_versions */
		PUT(b, "\0\x33\0\x26\0\x24\0\x1d\0\x20"); /* key_share */
		gen_put_noise(b, rng, 32);
	}
	patch_be16(b, extensions);
	patch_be16(b, hello);
	patch_be16(b, record);
}

static void server_hello(struct gen_bytes *b, struct gen_rng *rng, bool tls13)
{
	PUT(b, "\x16\3\3");
	size_t record = b->n;
	put_be16(b, 0);
	PUT(b, "\2\0");
	size_t hello = b->n;
	put_be16(b, 0);
	PUT(b, "\3\3");
	gen_put_noise(b, rng, 32);
	PUT(b, "\x20");
	gen_put_noise(b, rng, 32);
	gen_put(b, tls13 ? "\x13\1" : "\xc0\x2f", 2);
	PUT0(b, "");
	size_t extensions = b->n;
	put_be16(b, 0);
	if (tls13) {
		PUT(b, "\0\x2b\0\2\3\4");
		PUT(b, "\0\x33\0\x24\0\x1d\0\x20");
		gen_put_noise(b, rng, 32);
	} else {
		PUT(b, "\0\x10\0\x0b\0\x09\x08http/1.1");
	}
	patch_be16(b, extensions);
	patch_be16(b, hello);
	patch_be16(b, record);
}

static void put_record(struct gen_bytes *b, struct gen_rng *rng, uint8_t type, uint32_t n)
{
	uint8_t head[5] = {type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};
	gen_put(b, head, 5);
	gen_put_noise(b, rng, n);
}

void gen_tls_handshake(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call, int part)
{
	static const uint8_t change_cipher[] = {20, 3, 3, 0, 1, 1};
	bool tls13 = call->id % 4;
	if (part == 0) {
		client_hello(b, rng, call, tls13);
		return;
	}
	if (part == 1)
		server_hello(b, rng, tls13);
	gen_put(b, change_cipher, sizeof change_cipher);
	if (!tls13)
		put_record(b, rng, 22, 40);
	else
		put_record(b, rng, 23, part == 1 ? 2400 : 53);
}

void gen_tls_data(struct gen_bytes *b, struct gen_rng *rng, size_t n)
{
	for (; n; n -= n < 16384 ? n : 16384)
		put_record(b, rng, 23, (uint32_t)(n < 16384 ? n : 16384) + 17);
}

static void dns_question(struct gen_bytes *b, const struct gen_call *call, uint32_t flags, uint32_t answers,
			 uint32_t more)
{
	char label[16];
	uint8_t len = (uint8_t)snprintf(label, sizeof label, "host%u", call->id >> 16);
	put_be16(b, call->id & 0xffff);
	put_be16(b, flags);
	put_be16(b, 1);
	put_be16(b, answers);
	put_be16(b, 0);
	put_be16(b, more);
	gen_put(b, &len, 1);
	gen_put(b, label, len);
	PUT0(b, "\4shop\7example");
	put_be16(b, call->verb);
	put_be16(b, 1);
}

void gen_dns_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call, bool errors)
{
	call->id = gen_below(rng, 2000) << 16 | gen_below(rng, 65536);
	call->verb = gen_below(rng, 4) ? 1 : 28;
	call->error = errors && gen_below(rng, 12) == 0;
	dns_question(b, call, 0x0100, 0, 1);
	PUT(b, "\0\0\x29\x04\xd0\0\0\0\0\0\0"); /* EDNS, 1232 bytes */
}

void gen_dns_response(struct gen_bytes *b, const struct gen_call *call)
{
	if (call->error) {
		dns_question(b, call, 0x8183, 0, 0);
		return;
	}
	dns_question(b, call, 0x8180, 1, 0);
	PUT(b, "\xc0\x0c");
	put_be16(b, call->verb);
	PUT(b, "\0\1\0\0\1\x2c");
	uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [12] = 192, 0, 2, (uint8_t)(call->id >> 16)};
	uint32_t n = call->verb == 1 ? 4 : 16;
	put_be16(b, n);
	gen_put(b, address + 16 - n, n);
}
