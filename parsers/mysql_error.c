/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's errors: whose fault one is, and what of its text may be shown.
 *
 * Numbers alone do not tell: 1000 to 1999 and 3000 up are all the server's own list. Its SQLSTATE does, where there is
 * a meaningful one: a class of 20, 21, 22 and 23 (data), 24, 25, 2F, 34, 3D, 42 and 44 (the statement), 0A (not
 * supported) and 28 (log-in) is the client's. The rest, and HY000, which says nothing, is the server's: too many
 * connections, deadlock, lock wait timeout, disk full, read only, out of memory. HY000 of which the client is to blame
 * is listed below. 2000 to 2999 are the client library's own and never on the wire except from proxies. */
#include "parsers/mysql_priv.h"

static const char client_classes[][3] = {"0A", "20", "21", "22", "23", "24", "25",
					 "28", "2F", "34", "3D", "42", "44", ""};

/* Ascending; ends with 0. */
static const uint16_t client_errors[] = {
	1006, 1007, 1008, 1044, 1045, 1046, 1047, 1049, 1129, 1130, 1141, 1192, 1193, 1210, 1232,
	1238, 1243, 1267, 1270, 1271, 1292, 1293, 1295, 1300, 1324, 1329, 1347, 1351, 1353, 1359,
	1360, 1363, 1364, 1366, 1367, 1390, 1396, 1411, 1442, 1451, 1452, 1461, 1525, 1526, 1580,
	1690, 1820, 1862, 3098, 3140, 3141, 3143, 3144, 3158, 3819, 3948, 4025, 4166, 0,
};

/* Statements that the server gave up because their time was over. */
static const uint16_t timeouts[] = {1969, 3024, 0};

/* Those of which the quoted parts are names (of tables, columns, users), not values. Ascending. */
static const uint16_t names_only[] = {
	1007, 1008, 1044, 1045, 1046, 1049, 1050, 1051, 1052, 1054, 1060, 1061, 1066, 1068, 1071, 1072, 1091,
	1103, 1109, 1110, 1115, 1128, 1129, 1130, 1136, 1142, 1143, 1146, 1147, 1176, 1193, 1227, 1238, 1267,
	1273, 1290, 1305, 1318, 1347, 1364, 1406, 1451, 1452, 1524, 1553, 1698, 3819, 4025, 4166, 0,
};

static bool is_in(const uint16_t *list, unsigned code)
{
	while (*list && *list < code)
		list++;
	return *list == code;
}

static enum sp_status status_of(unsigned code, struct sp_slice state)
{
	if ((code >= 2000 && code < 3000) || is_in(client_errors, code))
		return SP_STATUS_CLIENT_ERROR;
	if (is_in(timeouts, code))
		return SP_STATUS_TIMEOUT;
	for (unsigned i = 0; state.n && *client_classes[i]; i++)
		if (!memcmp(client_classes[i], state.p, 2))
			return SP_STATUS_CLIENT_ERROR;
	return SP_STATUS_SERVER_ERROR;
}

/* Of a duplicate key the value is hidden, its index's name is not. */
static struct sp_slice hidden(struct sp_parse *p, struct sp_slice text, unsigned code)
{
	static const char before_key[] = "' for key ";
	const uint8_t *key = code == 1062 ? memmem(text.p, text.n, before_key, sizeof before_key - 1) : NULL;
	for (const uint8_t *next = key; next;) {
		key = next + 1;
		next = memmem(key, text.n - (size_t)(key - text.p), before_key, sizeof before_key - 1);
	}
	size_t n = key ? (size_t)(key - text.p) : text.n;
	struct sp_slice value = sp_sql_hide_quoted(p->arena, (struct sp_slice){text.p, n}, '\'');
	return key ? SP_JOIN(p->arena, value, (struct sp_slice){text.p + n, text.n - n}) : value;
}

void sp_mysql_error(struct sp_parse *p, struct sp_msg *m, struct sp_slice body)
{
	struct sp_slice state = {0};
	m->status = SP_STATUS_SERVER_ERROR;
	if (body.n < 3)
		return;
	unsigned code = mysql_u16(body.p + 1);
	struct sp_slice text = {body.p + 3, body.n - 3};
	if (text.n >= 6 && *text.p == '#') {
		state = (struct sp_slice){text.p + 1, 5};
		text = (struct sp_slice){text.p + 6, text.n - 6};
	}
	text.n = SP_MIN(text.n, (size_t)MYSQL_ERROR_MAX);
	/* A syntax error quotes the statement, and with it perhaps a password. */
	bool shown = is_in(names_only, code) || (p->reveal && code != 1064 && code != 1149);
	sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, code));
	sp_msg_put(m, SP_SLOT_MESSAGE, shown ? text : hidden(p, text, code));
	m->status = status_of(code, state);
	sp_msg_extra(m, MYSQL_SQLSTATE, state);
}
