/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/mysql_priv.h"

#ifdef SP_WITH_VECTORS
const struct sp_vector sp_mysql_vectors[] = {
	{
		.name = "ping",
		.step = {SP_C("\1\0\0\0\16"), SP_S("\7\0\0\1\0\0\0\2\0\0\0")},
		.want = "> request method=PING endpoint=PING bytes=5 db.system.name=mysql\n"
			"< response status=ok bytes=11\n",
	},
	{0},
};
#endif
