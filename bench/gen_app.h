/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the protocols in the generated captures, byte for byte as clients and servers send them. Everything is
 * appended to the caller's bytes; request and answer of one call share a `struct gen_call`. */
#ifndef SP_BENCH_GEN_APP_H
#define SP_BENCH_GEN_APP_H

#include "bench/gen.h"

struct gen_bytes {
	uint8_t *p;
	size_t n, cap;
};

struct gen_call {
	uint32_t verb, id, size;
	bool error;
};

void gen_put(struct gen_bytes *b, const void *p, size_t n);
void gen_printf(struct gen_bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* n bytes of words, or of noise (what is encrypted looks like that). */
void gen_put_text(struct gen_bytes *b, struct gen_rng *rng, size_t n);
void gen_put_noise(struct gen_bytes *b, struct gen_rng *rng, size_t n);

/* HTTP/1.1: GET and POST of mixed sizes (180 B to 150 KB), Content-Length or chunked. `last`: closes. */
void gen_http_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call, bool last);
void gen_http_response(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call, bool last);

/* GET, answered by so many bytes. */
void gen_http_get(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call);
void gen_http_body(struct gen_bytes *b, struct gen_rng *rng, size_t size);

/* RESP2. One command, and its answer. */
void gen_redis_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call);
void gen_redis_response(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call);

/* MySQL, protocol 41 without CLIENT_DEPRECATE_EOF: greeting, login, OK, then COM_QUERY in text, COM_QUIT. */
void gen_mysql_greeting(struct gen_bytes *b, struct gen_rng *rng);
void gen_mysql_login(struct gen_bytes *b, struct gen_rng *rng);
void gen_mysql_ok(struct gen_bytes *b, uint8_t sequence);
void gen_mysql_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call);
void gen_mysql_select(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call); /* of one row, by its key */
void gen_mysql_response(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call);
void gen_mysql_quit(struct gen_bytes *b);

/* TLS 1.3, and 1.2 resumed (no certificate in the clear in either). `part` 0: ClientHello, 1: the server's flight,
 * 2: the client's end of the handshake. Then records of noise. */
void gen_tls_handshake(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call, int part);
void gen_tls_data(struct gen_bytes *b, struct gen_rng *rng, size_t n);

/* DNS: A and AAAA; about one in 12 answers NXDOMAIN when `errors`. */
void gen_dns_request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call, bool errors);
void gen_dns_response(struct gen_bytes *b, const struct gen_call *call);

#endif
