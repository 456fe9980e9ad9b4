/* SPDX-License-Identifier: Apache-2.0 */
/* What gRPC says in headers and trailers. */
#include "parsers/grpc.h"
#include "parsers/http.h"

enum {
	TEXT_SHOWN = 1024, /* of grpc-message */
	FIELDS_MAX = 64,
};

enum sp_grpc_type sp_grpc_type(struct sp_slice type)
{
	static const char grpc[] = "application/grpc", text[] = "-web-text";
	size_t n = sizeof grpc - 1, left = type.n - n;
	if (type.n < n || memcmp(type.p, grpc, n) != 0)
		return SP_GRPC_NONE;
	if (!left || type.p[n] == '+' || type.p[n] == ';')
		return SP_GRPC_BINARY;
	if (left >= sizeof text - 1 && !memcmp(type.p + n, text, sizeof text - 1))
		return SP_GRPC_TEXT;
	return type.p[n] == '-' ? SP_GRPC_BINARY : SP_GRPC_NONE;
}

bool sp_grpc_path(struct sp_slice path, struct sp_slice *service, struct sp_slice *method)
{
	const uint8_t *slash = path.n > 1 && *path.p == '/' ? memrchr(path.p + 1, '/', path.n - 1) : NULL;
	if (!slash)
		return false;
	*service = (struct sp_slice){path.p + 1, (size_t)(slash - path.p - 1)};
	*method = (struct sp_slice){slash + 1, (size_t)(path.p + path.n - slash - 1)};
	return true;
}

static enum sp_status status_of(unsigned code)
{
	static const uint8_t status[] = {
		[0] = SP_STATUS_OK,
		[1] = SP_STATUS_CLIENT_ERROR,
		[3] = SP_STATUS_CLIENT_ERROR,
		[4] = SP_STATUS_TIMEOUT,
		[5] = SP_STATUS_CLIENT_ERROR,
		[6] = SP_STATUS_CLIENT_ERROR,
		[7] = SP_STATUS_CLIENT_ERROR,
		[9] = SP_STATUS_CLIENT_ERROR,
		[11] = SP_STATUS_CLIENT_ERROR,
		[16] = SP_STATUS_CLIENT_ERROR,
	};
	return code < SP_ARRAY_SIZE(status) && status[code] ? status[code] : SP_STATUS_SERVER_ERROR;
}

/* 1 to 3 digits; else no code. */
static unsigned number(struct sp_slice s)
{
	unsigned v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return UINT16_MAX;
		v = v * 10 + s.p[i] - '0';
	}
	return s.n && s.n <= 3 ? v : UINT16_MAX;
}

void sp_grpc_code(struct sp_parse *p, struct sp_slice code)
{
	p->msg.app = SP_APP_GRPC;
	sp_msg_put(&p->msg, SP_SLOT_CODE, code);
	p->msg.status = status_of(number(code));
}

static uint8_t hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 255;
}

/* Percent-encoding: what is not well-formed is left as it is. */
struct sp_slice sp_grpc_message(struct sp_arena *a, struct sp_slice s)
{
	s.n = SP_MIN(s.n, (size_t)TEXT_SHOWN);
	if (!memchr(s.p, '%', s.n))
		return s;
	uint8_t *to = sp_arena_get(a, s.n);
	size_t n = 0;
	for (size_t i = 0; to && i < s.n; i++) {
		bool coded = s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) < 16 && hex(s.p[i + 2]) < 16;
		to[n++] = coded ? (uint8_t)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2])) : s.p[i];
		i += coded ? 2 : 0;
	}
	return (struct sp_slice){to, n};
}

/* "grpc-status:0\r\ngrpc-message:…\r\n" */
void sp_grpc_trailers(struct sp_parse *p, struct sp_grpc_body *b, struct sp_slice text)
{
	b->left = b->prefix = b->trailer = 0;
	for (unsigned i = 0; text.n && i < FIELDS_MAX; i++) {
		const uint8_t *end = memchr(text.p, '\n', text.n), *colon;
		struct sp_slice line = {text.p, end ? (size_t)(end - text.p) : text.n};
		text = end ? (struct sp_slice){end + 1, text.n - line.n - 1} : (struct sp_slice){0};
		colon = memchr(line.p, ':', line.n);
		if (!colon)
			continue;
		struct sp_slice name = {line.p, (size_t)(colon - line.p)};
		struct sp_slice value = sp_http_trim((struct sp_slice){colon + 1, line.n - name.n - 1});
		if (sp_slice_is_nocase(name, "grpc-status"))
			sp_grpc_code(p, value);
		else if (sp_slice_is_nocase(name, "grpc-message"))
			sp_msg_put(&p->msg, SP_SLOT_MESSAGE, sp_grpc_message(p->arena, value));
	}
}
