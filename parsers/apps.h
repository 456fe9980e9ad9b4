/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of application protocols: in records and on the wire, never changed. */
#ifndef SP_PARSERS_APPS_H
#define SP_PARSERS_APPS_H

enum sp_app {
	SP_APP_UNKNOWN,
#define SP_APP_ROW(symbol, name, number) SP_APP_##symbol = number,
#include "parsers/apps.def"
#undef SP_APP_ROW
};

#define SP_APP_MAX 256

#endif
