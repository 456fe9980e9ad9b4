/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/postgresql_priv.h"

#ifdef SP_WITH_VECTORS
const struct sp_vector sp_postgresql_vectors[] = {
	{
		.name = "sync",
		.step = {SP_C("S\0\0\0\4"), SP_S("Z\0\0\0\5I")},
		.want = "> request method=SYNC endpoint=SYNC id=0 bytes=5 db.system.name=postgresql\n"
			"< response status=ok id=0 bytes=6\n",
		.no_probe = true,
	},
	{0},
};
#endif
