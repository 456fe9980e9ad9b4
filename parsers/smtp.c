/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP and LMTP (RFC 5321, 2033), with PIPELINING, CHUNKING, AUTH, STARTTLS and enhanced status codes (2920, 3030,
 * 4954, 3207, 2034). A call for every command; a mail's content is passed over and belongs to the DATA that announced
 * it. Of addresses the domain is shown, of credentials nothing. */
#include "parsers/http.h"
#include "parsers/out.h"

enum {
	LINE_MAX = 12288, /* of a command: AUTH's may be that long (RFC 4954) */
	REPLY_LINE_MAX = 4096,
	VERB_MAX = 12,
	TEXT_SHOWN = 256,
	CHUNK_MAX_DIGITS = 12,
	TERMINATOR = 5,	   /* "\r\n.\r\n" */
	AT_LINE_START = 2, /* of which so much has been there when content begins */
};

enum verb {
	OTHER,
	HELO,
	EHLO,
	LHLO,
	MAIL,
	RCPT,
	DATA,
	BDAT,
	RSET,
	VRFY,
	EXPN,
	HELP,
	NOOP,
	QUIT,
	AUTH,
	STARTTLS,
	TURN,
	ETRN,
	VERBS
};

static const char *const verbs[VERBS] = {"",	 "HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA",     "BDAT", "RSET",
					 "VRFY", "EXPN", "HELP", "NOOP", "QUIT", "AUTH", "STARTTLS", "TURN", "ETRN"};

enum field { ENHANCED, QUEUE_ID, SIZE, FAILED, GREETING };

enum waiting { COMMAND, CONTENT_ANNOUNCED, CONTENT_WELCOME, CONTENT_REFUSED, CONTENT, CREDENTIALS, CREDENTIALS_ASKED };

struct state {
	uint8_t waiting;    /* enum waiting: what the client's next bytes are */
	uint8_t terminator; /* bytes of it that were there at the end of the last segment */
	uint8_t reply;	    /* enum sp_msg_kind of one whose last line is to come */
	bool reply_open, greeted, lmtp, tls;
	bool long_line[2];   /* the rest of one is passed over */
	uint16_t recipients; /* accepted; LMTP answers for each of them */
	uint16_t answers, failed;
	uint16_t mails; /* whose content is there, and the answer is not */
};

static struct sp_slice part(struct sp_slice s, size_t at, size_t n)
{
	at = SP_MIN(at, s.n);
	return (struct sp_slice){s.p + at, SP_MIN(n, s.n - at)};
}

static bool ends_line(const uint8_t *end, const uint8_t *start)
{
	return end > start && end[-1] == '\r';
}

/* The line without its end; n is SIZE_MAX when that is not there. */
static struct sp_slice line_of(struct sp_slice in, size_t *used)
{
	const uint8_t *end = memchr(in.p, '\n', in.n);
	if (!end)
		return (struct sp_slice){in.p, SIZE_MAX};
	*used = (size_t)(end - in.p) + 1;
	return (struct sp_slice){in.p, *used - 1 - ends_line(end, in.p)};
}

static enum verb verb_of(struct sp_slice line, size_t *n)
{
	uint8_t word[VERB_MAX] = {0};
	for (*n = 0; *n < line.n && *n < VERB_MAX; ++*n) {
		uint8_t c = line.p[*n] & 0xdf;
		if (c < 'A' || c > 'Z')
			break;
		word[*n] = c;
	}
	if (*n < line.n && line.p[*n] != ' ')
		return OTHER;
	for (unsigned v = HELO; v < VERBS; v++)
		if (sp_slice_is((struct sp_slice){word, *n}, verbs[v]))
			return (enum verb)v;
	return OTHER;
}

/* Without what stands before an at sign, unless that may be shown. */
static struct sp_slice without_users(struct sp_parse *p, struct sp_slice text)
{
	text = part(text, 0, TEXT_SHOWN);
	if (p->reveal || !memchr(text.p, '@', text.n))
		return text;
	struct sp_out o = sp_out_begin(p->arena, TEXT_SHOWN);
	for (size_t i = 0; i < text.n; i++) {
		while (text.p[i] == '@' && o.p > o.start && !memchr(" <>:,;\"", o.p[-1], 7))
			o.p--;
		sp_out_char(&o, (char)text.p[i]);
	}
	return sp_out_end(p->arena, &o);
}

/* The path of "MAIL FROM:<user@example.test> SIZE=1000", its domain. */
static struct sp_slice mailbox(struct sp_parse *p, struct sp_slice rest)
{
	const uint8_t *open = memchr(rest.p, '<', rest.n), *colon = memchr(rest.p, ':', rest.n);
	const uint8_t *from = open ? open + 1 : colon ? colon + 1 : NULL;
	if (!from)
		return (struct sp_slice){0};
	struct sp_slice path = {from, (size_t)(rest.p + rest.n - from)};
	const uint8_t *end = memchr(path.p, open ? '>' : ' ', path.n);
	path.n = end ? (size_t)(end - path.p) : path.n;
	if (!path.n)
		return SP_TEXT("<>");
	if (p->reveal)
		return part(path, 0, TEXT_SHOWN);
	const uint8_t *at = memrchr(path.p, '@', path.n);
	return at ? part((struct sp_slice){at, (size_t)(path.p + path.n - at)}, 0, TEXT_SHOWN) : SP_TEXT("?");
}

static struct sp_slice size_parameter(struct sp_slice rest)
{
	for (size_t i = 0; i + 6 < rest.n; i++) {
		struct sp_slice value = {rest.p + i + 6, 0};
		if (!sp_slice_is_nocase(part(rest, i, 6), " size="))
			continue;
		while (i + 6 + value.n < rest.n && value.p[value.n] >= '0' && value.p[value.n] <= '9')
			value.n++;
		return value;
	}
	return (struct sp_slice){0};
}

static struct sp_slice first_word(struct sp_slice s)
{
	const uint8_t *space = memchr(s.p, ' ', s.n);
	return part(s, 0, space ? (size_t)(space - s.p) : s.n);
}

/* BDAT's. False: no number. */
static bool chunk_size(struct sp_slice rest, uint64_t *size)
{
	struct sp_slice digits = first_word(rest);
	*size = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
		*size = *size * 10 + digits.p[i] - '0';
	}
	return digits.n && digits.n <= CHUNK_MAX_DIGITS;
}

/* --- the client */

static struct sp_slice resource(struct sp_parse *p, enum verb verb, struct sp_slice rest)
{
	switch (verb) {
	case HELO:
	case EHLO:
	case LHLO:
	case ETRN:
	case BDAT:
		return part(rest, 0, TEXT_SHOWN);
	case AUTH:
		return part(first_word(rest), 0, VERB_MAX);
	case MAIL:
	case RCPT:
		return mailbox(p, rest);
	case VRFY:
	case EXPN:
		return p->reveal ? part(rest, 0, TEXT_SHOWN) : SP_TEXT("?");
	default:
		return (struct sp_slice){0};
	}
}

static enum sp_parse_result command(struct sp_parse *p, struct state *st, struct sp_slice line, size_t used)
{
	size_t n;
	enum verb verb = verb_of(line, &n);
	struct sp_slice rest = part(line, verb ? n + 1 : line.n, line.n);
	uint64_t chunk;
	if (!line.n)
		return sp_parse_skip(p, used, 0);
	st->lmtp |= verb == LHLO;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_REQUEST, verb == DATA ? SP_PART_HEAD : SP_PART_WHOLE);
	m->tag = verb;
	m->app = st->lmtp ? SP_APP_LMTP : SP_APP_SMTP;
	sp_msg_put(m, SP_SLOT_METHOD,
		   sp_msg_put(m, SP_SLOT_ENDPOINT, verb ? sp_slice_of(verbs[verb]) : SP_TEXT("unknown")));
	sp_msg_put(m, SP_SLOT_RESOURCE, resource(p, verb, rest));
	if (verb == MAIL)
		sp_msg_extra(m, SIZE, size_parameter(rest));
	if (verb == BDAT && chunk_size(rest, &chunk))
		p->want = chunk;
	if (verb == DATA)
		st->waiting = CONTENT_ANNOUNCED;
	if (verb == AUTH)
		st->waiting = CREDENTIALS;
	if (verb == MAIL || verb == RSET)
		st->recipients = 0;
	return sp_parse_msg(p, used);
}

/* DATA's request ends with its content, or when there is none. */
static enum sp_parse_result end_of_data(struct sp_parse *p, struct state *st, size_t used)
{
	st->waiting = COMMAND;
	sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_TAIL);
	return sp_parse_msg(p, used);
}

/* Up to a line of one dot, wherever the segments are cut. */
static enum sp_parse_result content(struct sp_parse *p, struct state *st)
{
	static const char end[] = "\r\n.\r\n";
	unsigned seen = st->terminator;
	for (size_t i = 0; i < p->in.n; i++) {
		uint8_t c = p->in.p[i];
		if (!seen && c != '\r') {
			const uint8_t *next = memchr(p->in.p + i, '\r', p->in.n - i);
			if (!next)
				break;
			i = (size_t)(next - p->in.p);
			c = '\r';
		}
		seen = c == (uint8_t)end[seen] ? seen + 1 : c == '\r';
		if (seen != TERMINATOR)
			continue;
		st->mails++;
		return end_of_data(p, st, i + 1);
	}
	st->terminator = (uint8_t)seen;
	return sp_parse_skip(p, p->in.n, 0);
}

static bool is_known(struct sp_slice line)
{
	size_t n;
	return verb_of(line, &n) != OTHER;
}

static enum sp_parse_result client(struct sp_parse *p, struct state *st)
{
	size_t used;
	if (st->waiting == CONTENT_WELCOME) {
		st->waiting = CONTENT;
		st->terminator = AT_LINE_START;
	}
	if (st->waiting == CONTENT)
		return content(p, st);
	if (st->waiting == CONTENT_REFUSED)
		return end_of_data(p, st, 0);
	struct sp_slice line = line_of(p->in, &used);
	if (line.n == SIZE_MAX && p->in.n < LINE_MAX && !p->last)
		return sp_parse_more(p, p->in.n + 1);
	if (line.n == SIZE_MAX) {
		line = part(p->in, 0, LINE_MAX);
		used = line.n;
		st->long_line[SP_CLIENT] = true;
	}
	/* The answer to DATA or AUTH was not seen: what the line looks like has to do. */
	if (st->waiting == CONTENT_ANNOUNCED)
		st->waiting = is_known(line) ? CONTENT_REFUSED : CONTENT_WELCOME;
	else if (st->waiting == CREDENTIALS_ASKED || (st->waiting == CREDENTIALS && !is_known(line)))
		return sp_parse_skip(p, used, 0);
	else
		return st->waiting = COMMAND, command(p, st, line, used);
	return client(p, st);
}

/* --- the server */

static bool is_reply(struct sp_slice line)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || line.p[1] < '0' || line.p[1] > '9' || line.p[2] < '0' ||
	    line.p[2] > '9')
		return false;
	return line.n == 3 || line.p[3] == ' ' || line.p[3] == '-';
}

/* "5.1.1" */
static struct sp_slice enhanced(struct sp_slice text)
{
	struct sp_slice word = first_word(text);
	unsigned dots = 0;
	for (size_t i = 0; i < word.n; i++) {
		dots += word.p[i] == '.';
		if (word.p[i] != '.' && (word.p[i] < '0' || word.p[i] > '9'))
			return (struct sp_slice){0};
	}
	return dots == 2 && word.n >= 5 && word.n <= 9 ? word : (struct sp_slice){0};
}

static struct sp_slice queue_id(struct sp_slice text)
{
	static const char *const before[] = {"queued as ", " id="};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(before); i++) {
		const uint8_t *found = memmem(text.p, text.n, before[i], strlen(before[i]));
		if (found)
			return first_word(part(text, (size_t)(found - text.p) + strlen(before[i]), TEXT_SHOWN));
	}
	return (struct sp_slice){0};
}

/* What the reply's command was, and what the client does next because of it. LMTP answers DATA once a recipient. */
static enum sp_msg_kind take_note(struct sp_parse *p, struct state *st, char digit, uint32_t verb)
{
	bool good = digit == '2';
	if (digit == '3') {
		if (verb == DATA || st->waiting == CONTENT_ANNOUNCED)
			st->waiting = st->waiting == CONTENT_ANNOUNCED ? CONTENT_WELCOME : st->waiting;
		else if (st->waiting == CREDENTIALS)
			st->waiting = CREDENTIALS_ASKED;
		return SP_MSG_INTERIM;
	}
	if (verb == DATA && st->waiting == CONTENT_ANNOUNCED && !st->mails)
		st->waiting = CONTENT_REFUSED;
	else if (verb == AUTH && st->waiting >= CREDENTIALS)
		st->waiting = COMMAND;
	st->recipients += verb == RCPT && good;
	st->tls |= verb == STARTTLS && good;
	if (verb != DATA || st->waiting == CONTENT_REFUSED)
		return SP_MSG_RESPONSE;
	if (st->lmtp) {
		st->failed += !good;
		if (++st->answers < st->recipients)
			return SP_MSG_INTERIM;
	}
	st->mails -= st->mails > 0;
	return SP_MSG_RESPONSE;
}

static void describe_reply(struct sp_parse *p, struct state *st, struct sp_slice line, bool greeting, uint32_t verb)
{
	struct sp_msg *m = &p->msg;
	struct sp_slice text = part(line, 4, line.n), detail = enhanced(text);
	char digit = (char)*line.p;
	sp_msg_put(m, SP_SLOT_CODE, part(line, 0, 3));
	m->status = digit == '4' ? SP_STATUS_SERVER_ERROR : digit == '5' ? SP_STATUS_CLIENT_ERROR : SP_STATUS_OK;
	sp_msg_extra(m, ENHANCED, detail);
	if (digit > '3')
		sp_msg_put(m, SP_SLOT_MESSAGE, without_users(p, text));
	if (digit == '2' && (verb == DATA || verb == BDAT))
		sp_msg_extra(m, QUEUE_ID, queue_id(text));
	if (greeting) {
		sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, SP_TEXT("greeting")));
		sp_msg_put(m, SP_SLOT_HOST, first_word(text));
		sp_msg_extra(m, GREETING, part(text, 0, TEXT_SHOWN));
	}
	if (m->kind == SP_MSG_RESPONSE && st->failed) {
		sp_msg_extra(m, FAILED, sp_arena_u64(p->arena, st->failed));
		st->failed = 0;
	}
	if (m->kind == SP_MSG_RESPONSE && verb == DATA)
		st->answers = 0;
}

static enum sp_parse_result server(struct sp_parse *p, struct state *st)
{
	size_t used;
	struct sp_slice line = line_of(p->in, &used);
	if (line.n == SIZE_MAX && p->in.n < REPLY_LINE_MAX)
		return sp_parse_more(p, p->in.n + 1);
	if (line.n == SIZE_MAX) {
		line = part(p->in, 0, REPLY_LINE_MAX);
		used = line.n;
		st->long_line[SP_SERVER] = true;
	}
	if (!is_reply(line))
		return SP_PARSE_BAD;
	bool first = !st->reply_open, more = line.n > 3 && line.p[3] == '-';
	uint32_t verb = OTHER;
	st->reply_open = more;
	if (!first && more)
		return sp_parse_skip(p, used, 0);
	if (first) {
		bool asked = p->asked(p, 0, &verb);
		/* Some clients do not wait for it: but 220 answers nothing else. */
		bool greeting = !st->greeted && (!asked || (!memcmp(line.p, "220", 3) && verb != STARTTLS));
		enum sp_msg_kind kind = take_note(p, st, (char)*line.p, verb);
		if (greeting || (!asked && !memcmp(line.p, "421", 3)))
			kind = SP_MSG_ONEWAY;
		st->greeted = true;
		st->reply = (uint8_t)kind;
		sp_msg_begin(p, kind, more ? SP_PART_HEAD : SP_PART_WHOLE);
		describe_reply(p, st, line, greeting, verb);
	} else {
		sp_msg_begin(p, (enum sp_msg_kind)st->reply, SP_PART_TAIL);
	}
	p->msg.app = st->lmtp ? SP_APP_LMTP : SP_APP_SMTP;
	return sp_parse_msg(p, used);
}

static enum sp_parse_result rest_of_line(struct sp_parse *p, struct state *st)
{
	const uint8_t *end = memchr(p->in.p, '\n', p->in.n);
	st->long_line[p->side] = !end;
	return sp_parse_skip(p, end ? (size_t)(end - p->in.p) + 1 : p->in.n, 0);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	if (st->long_line[p->side])
		return rest_of_line(p, st);
	if (st->tls && !st->reply_open)
		return sp_parse_switch(p, 0, SP_APP_TLS);
	return p->side == SP_CLIENT ? client(p, st) : server(p, st);
}

/* --- */

static bool is_own_port(uint16_t port)
{
	return port == 25 || port == 587 || port == 24 || port == 2525;
}

/* FTP greets in the same way: the text has to say which. */
static enum sp_probe probe_greeting(struct sp_parse *p)
{
	size_t used = 0;
	struct sp_slice line = line_of(p->in, &used);
	if (memcmp(p->in.p, "220", SP_MIN(p->in.n, (size_t)3)) ||
	    (p->in.n > 3 && p->in.p[3] != ' ' && p->in.p[3] != '-'))
		return SP_PROBE_NO;
	line = line.n == SIZE_MAX ? p->in : line;
	if (p->in.n > 3 && is_own_port(p->server_port))
		return SP_PROBE_YES;
	for (size_t i = 4; i + 4 <= line.n && i < TEXT_SHOWN; i++)
		if (sp_slice_is_nocase(part(line, i, 4), "smtp") || sp_slice_is_nocase(part(line, i, 4), "lmtp"))
			return SP_PROBE_YES;
	return SP_PROBE_MAYBE;
}

static enum sp_probe probe(struct sp_parse *p)
{
	static const char hellos[][6] = {"ehlo ", "helo ", "lhlo "};
	enum sp_probe greeting = probe_greeting(p);
	if (greeting != SP_PROBE_NO) {
		p->reversed = greeting == SP_PROBE_YES && p->side == SP_CLIENT;
		return greeting;
	}
	struct sp_slice start = part(p->in, 0, 5);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(hellos); i++) {
		char lower[6] = {0};
		memcpy(lower, hellos[i], start.n);
		if (!sp_slice_is_nocase(start, lower))
			continue;
		p->reversed = start.n == 5 && p->side == SP_SERVER;
		return start.n == 5 ? SP_PROBE_YES : SP_PROBE_MAYBE;
	}
	return SP_PROBE_NO;
}

/* A line that begins a command, or a reply. */
static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	st->greeted = true;
	st->mails = 0;
	st->long_line[p->side] = false;
	if (p->side == SP_CLIENT)
		st->waiting = COMMAND;
	else
		st->reply_open = false;
	for (size_t at = 0, used; at < p->in.n; at += used) {
		struct sp_slice line = line_of((struct sp_slice){p->in.p + at, p->in.n - at}, &used);
		if (line.n == SIZE_MAX)
			break;
		if (p->side == SP_CLIENT ? is_known(line) : is_reply(line) && (line.n < 4 || line.p[3] == ' '))
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {25, 587, 24, 2525, 0};

static const struct sp_start starts[] = {
	SP_START_TEXT('2', '2', SP_FROM_CLIENT | SP_FROM_SERVER),
	{'E' << 8 | 'H', 0xdfdf, SP_FROM_CLIENT | SP_FROM_SERVER},
	{'H' << 8 | 'E', 0xdfdf, SP_FROM_CLIENT | SP_FROM_SERVER},
	{'L' << 8 | 'H', 0xdfdf, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[ENHANCED] = "smtp.enhanced_code",   [QUEUE_ID] = "smtp.queue_id", [SIZE] = "smtp.size",
	[FAILED] = "smtp.failed_recipients", [GREETING] = "smtp.greeting", NULL,
};

#ifdef SP_WITH_VECTORS
static const struct sp_vector vectors[] = {
	{
		.name = "a mail",
		.step = {SP_S("220 mx.example.test ESMTP Postfix\r\n"), SP_C("EHLO client.test\r\n"),
			 SP_S("250-mx.example.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"),
			 SP_C("MAIL FROM:<alice@a.test> SIZE=100\r\nRCPT TO:<bob@b.test>\r\nRCPT "
			      "TO:<eve@b.test>\r\nDATA\r\n"),
			 SP_S("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 <eve@b.test>: no such user\r\n354 go on\r\n"),
			 SP_C("Subject: x\r\n\r\n..\r\n.x\r\nQUIT\r\n.\r\nQUIT\r\n"),
			 SP_S("250 2.0.0 Ok: queued as 4AB12\r\n221 2.0.0 Bye\r\n")},
		.want = "< oneway method=greeting host=mx.example.test endpoint=greeting code=220 status=ok bytes=35 "
			"smtp.greeting=mx.example.test ESMTP Postfix\n"
			"> request method=EHLO resource=client.test endpoint=EHLO bytes=18\n"
			"< response code=250 status=ok bytes=52\n"
			"> request method=MAIL resource=@a.test endpoint=MAIL bytes=35 smtp.size=100\n"
			"> request method=RCPT resource=@b.test endpoint=RCPT bytes=22\n"
			"> request method=RCPT resource=@b.test endpoint=RCPT bytes=22\n"
			"< response code=250 status=ok bytes=14 smtp.enhanced_code=2.1.0\n"
			"< response code=250 status=ok bytes=14 smtp.enhanced_code=2.1.5\n"
			"< response code=550 message=5.1.1 <@b.test>: no such user status=client_error bytes=38 "
			"smtp.enhanced_code=5.1.1\n"
			"< interim code=354 status=ok bytes=11\n"
			"> request method=DATA endpoint=DATA bytes=37\n"
			"> request method=QUIT endpoint=QUIT bytes=6\n"
			"< response code=250 status=ok bytes=31 smtp.enhanced_code=2.0.0 smtp.queue_id=4AB12\n"
			"< response code=221 status=ok bytes=15 smtp.enhanced_code=2.0.0\n",
	},
	{
		.name = "the next mail announced behind the first, before that is answered",
		.step = {SP_C("DATA\r\n"), SP_S("354 go on\r\n"), SP_C("x\r\n.\r\nMAIL FROM:<a@a.test>\r\nDATA\r\n"),
			 SP_S("250 one\r\n250 ok\r\n354 go on\r\n"), SP_C("QUIT\r\n.\r\n"), SP_S("250 two\r\n"),
			 SP_C("DATA\r\n"), SP_S("554 no\r\n"), SP_C("NOOP\r\n")},
		.want = "< interim code=354 status=ok bytes=11\n"
			"> request method=DATA endpoint=DATA bytes=12\n"
			"> request method=MAIL resource=@a.test endpoint=MAIL bytes=22\n"
			"< response code=250 status=ok bytes=9\n"
			"< response code=250 status=ok bytes=8\n"
			"< interim code=354 status=ok bytes=11\n"
			"> request method=DATA endpoint=DATA bytes=15\n"
			"< response code=250 status=ok bytes=9\n"
			"< response code=554 message=no status=client_error bytes=8\n"
			"> request method=DATA endpoint=DATA bytes=6\n"
			"> request method=NOOP endpoint=NOOP bytes=6\n",
		.no_probe = true,
	},
	{
		.name = "a client that does not wait for the greeting",
		.step = {SP_C("HELO x\r\nNOOP\r\n"), SP_S("220 mx ESMTP\r\n250 mx\r\n250 ok\r\n")},
		.want = "> request method=HELO resource=x endpoint=HELO bytes=8\n"
			"> request method=NOOP endpoint=NOOP bytes=6\n"
			"< oneway method=greeting host=mx endpoint=greeting code=220 status=ok bytes=14 "
			"smtp.greeting=mx ESMTP\n"
			"< response code=250 status=ok bytes=8\n"
			"< response code=250 status=ok bytes=8\n",
	},
	{
		.name = "credentials never, an empty mail, DATA refused, a verb that is none, addresses in full",
		.reveal = true,
		.step = {SP_C("HELO x\r\n"),
			 SP_S("250 y\r\n"),
			 SP_C("auth LOGIN\r\n"),
			 SP_S("334 VXNlcm5hbWU6\r\n"),
			 SP_C("QUIT\r\n"),
			 SP_S("334 UGFzc3dvcmQ6\r\n"),
			 SP_C("c2VjcmV0\r\n"),
			 SP_S("535 no\r\n"),
			 SP_C("AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"),
			 SP_S("235 yes\r\n"),
			 SP_C("DATA\r\n"),
			 SP_S("503 no sender\r\n"),
			 SP_C("MAIL FROM:<alice@a.test>\r\n"),
			 SP_S("250 ok\r\n"),
			 SP_C("DATA\r\n"),
			 SP_S("354 go on\r\n"),
			 SP_C(".\r\n"),
			 SP_S("451 later, alice@a.test\r\n"),
			 SP_C("\x80\xff\r\n"),
			 SP_S("500 what?\r\n"),
			 SP_S("421 too long\r\n")},
		.want = "> request method=HELO resource=x endpoint=HELO bytes=8\n"
			"< response code=250 status=ok bytes=7\n"
			"> request method=AUTH resource=LOGIN endpoint=AUTH bytes=12\n"
			"< interim code=334 status=ok bytes=18\n"
			"< interim code=334 status=ok bytes=18\n"
			"< response code=535 message=no status=client_error bytes=8\n"
			"> request method=AUTH resource=PLAIN endpoint=AUTH bytes=33\n"
			"< response code=235 status=ok bytes=9\n"
			"< response code=503 message=no sender status=client_error bytes=15\n"
			"> request method=DATA endpoint=DATA bytes=6\n"
			"> request method=MAIL resource=alice@a.test endpoint=MAIL bytes=26\n"
			"< response code=250 status=ok bytes=8\n"
			"< interim code=354 status=ok bytes=11\n"
			"> request method=DATA endpoint=DATA bytes=9\n"
			"< response code=451 message=later, alice@a.test status=server_error bytes=25\n"
			"> request method=unknown endpoint=unknown bytes=4\n"
			"< response code=500 message=what? status=client_error bytes=11\n"
			"< oneway code=421 message=too long status=server_error bytes=14\n",
	},
	{
		.name = "LMTP, in chunks and not, an answer for each recipient",
		.step = {SP_C("LHLO x\r\n"), SP_S("250 y\r\n"),
			 SP_C("MAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\n"),
			 SP_S("250 ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n"), SP_C("x\r\n.\r\n"), SP_S("250 ok\r\n"),
			 SP_S("452 full\r\n"), SP_C("BDAT 4\r\nQUITBDAT 0 LAST\r\n"), SP_S("250 ok\r\n250 ok\r\n")},
		.want = "> request method=LHLO resource=x endpoint=LHLO app=lmtp bytes=8\n"
			"< response code=250 app=lmtp status=ok bytes=7\n"
			"> request method=MAIL resource=<> endpoint=MAIL app=lmtp bytes=14\n"
			"> request method=RCPT resource=@b.test endpoint=RCPT app=lmtp bytes=20\n"
			"> request method=RCPT resource=@b.test endpoint=RCPT app=lmtp bytes=20\n"
			"< response code=250 app=lmtp status=ok bytes=8\n"
			"< response code=250 app=lmtp status=ok bytes=8\n"
			"< response code=250 app=lmtp status=ok bytes=8\n"
			"< interim code=354 app=lmtp status=ok bytes=11\n"
			"> request method=DATA endpoint=DATA app=lmtp bytes=12\n"
			"< interim code=250 app=lmtp status=ok bytes=8\n"
			"< response code=452 message=full app=lmtp status=server_error bytes=10 "
			"smtp.failed_recipients=1\n"
			"> request method=BDAT resource=4 endpoint=BDAT app=lmtp bytes=12\n"
			"> request method=BDAT resource=0 LAST endpoint=BDAT app=lmtp bytes=13\n"
			"< response code=250 app=lmtp status=ok bytes=8\n"
			"< response code=250 app=lmtp status=ok bytes=8\n",
	},
	{
		.name = "STARTTLS",
		.step = {SP_C("EHLO x\r\nSTARTTLS\r\n"), SP_S("250 y\r\n220 go on\r\n"), SP_C("\x16\x03\x01")},
		.want = "> request method=EHLO resource=x endpoint=EHLO bytes=8\n"
			"> request method=STARTTLS endpoint=STARTTLS bytes=10\n"
			"< response code=250 status=ok bytes=7\n"
			"< response code=220 status=ok bytes=11\n"
			"> switch tls\n",
	},
	{0},
};
#endif

const struct sp_parser sp_smtp_parser = {
	.name = "smtp",
	.title = "SMTP",
	.missing = "a mail's content, its headers included; what EHLO's reply offers",
	.app = SP_APP_SMTP,
	.transports = SP_TCP,
	.pairing = SP_PAIR_FIFO,
	.state_size = sizeof(struct state),
	.timeout_s = 300,
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};
