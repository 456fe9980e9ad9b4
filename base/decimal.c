/* SPDX-License-Identifier: Apache-2.0 */
#include "base/decimal.h"

#define ENTRY(h, t, o)                                                                                                 \
	((h)   ? ('0' + (h)) | ('0' + (t)) << 8 | ('0' + (o)) << 16 | 3 << 24                                          \
	 : (t) ? ('0' + (t)) | ('0' + (o)) << 8 | 2 << 24                                                              \
	       : ('0' + (o)) | 1 << 24)
#define TEN(h, t)                                                                                                      \
	ENTRY(h, t, 0), ENTRY(h, t, 1), ENTRY(h, t, 2), ENTRY(h, t, 3), ENTRY(h, t, 4), ENTRY(h, t, 5),                \
		ENTRY(h, t, 6), ENTRY(h, t, 7), ENTRY(h, t, 8), ENTRY(h, t, 9)
#define HUNDRED(h)                                                                                                     \
	TEN(h, 0), TEN(h, 1), TEN(h, 2), TEN(h, 3), TEN(h, 4), TEN(h, 5), TEN(h, 6), TEN(h, 7), TEN(h, 8), TEN(h, 9)

const uint32_t sp_decimal_small[1000] = {
	HUNDRED(0), HUNDRED(1), HUNDRED(2), HUNDRED(3), HUNDRED(4),
	HUNDRED(5), HUNDRED(6), HUNDRED(7), HUNDRED(8), HUNDRED(9),
};

#define PAIRS(t)                                                                                                       \
	{t, '0'}, {t, '1'}, {t, '2'}, {t, '3'}, {t, '4'}, {t, '5'}, {t, '6'}, {t, '7'}, {t, '8'},                      \
	{                                                                                                              \
		t, '9'                                                                                                 \
	}

const char sp_decimal_pair[100][2] = {
	PAIRS('0'), PAIRS('1'), PAIRS('2'), PAIRS('3'), PAIRS('4'),
	PAIRS('5'), PAIRS('6'), PAIRS('7'), PAIRS('8'), PAIRS('9'),
};
