/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's errors and notices: a letter and a text for each of their fields. Whose fault one is says its SQLSTATE's
 * class. */
#include "parsers/postgresql_priv.h"

static const char client_classes[][3] = {"03", "0A", "0B", "0F", "0L", "0P", "20", "22", "23",
					 "26", "28", "2F", "34", "3D", "3F", "42", ""};

static enum sp_status status_of(struct sp_slice state)
{
	for (unsigned i = 0; state.n == 5 && *client_classes[i]; i++)
		if (!memcmp(client_classes[i], state.p, 2))
			return SP_STATUS_CLIENT_ERROR;
	return SP_STATUS_SERVER_ERROR;
}

/* A syntax error quotes the statement, and with it perhaps a password; bad data is a value. Other quotes hold names. */
static struct sp_slice shown(struct sp_parse *p, struct sp_slice text, struct sp_slice state)
{
	bool syntax = sp_slice_is(state, "42601"), data = state.n == 5 && !memcmp(state.p, "22", 2);
	text.n = SP_MIN(text.n, (size_t)512);
	if (!syntax && (!data || p->reveal))
		return text;
	/* In other languages quotes are other letters. */
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 0x80)
			text.n = i;
	return sp_sql_hide_quoted(p->arena, text, '"');
}

bool sp_pg_error(struct sp_parse *p, struct sp_msg *m, struct sp_slice body, bool notice)
{
	struct sp_slice severity = {0}, state = {0}, text = {0};
	while (body.n > 1 && *body.p) {
		uint8_t type = *body.p;
		body.p++;
		body.n--;
		struct sp_slice value = pg_text(&body);
		if (type == 'V' || (type == 'S' && !severity.n))
			severity = value;
		else if (type == 'C')
			state = value;
		else if (type == 'M')
			text = value;
	}
	text = shown(p, text, state);
	sp_msg_extra(m, PG_SEVERITY, severity);
	if (notice) {
		sp_msg_extra(m, PG_NOTICE, text);
		return false;
	}
	sp_msg_put(m, SP_SLOT_CODE, state);
	sp_msg_put(m, SP_SLOT_MESSAGE, text);
	m->status = status_of(state);
	return sp_slice_is(severity, "FATAL") || sp_slice_is(severity, "PANIC");
}
