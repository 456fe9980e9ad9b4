/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK's Huffman code (RFC 7541 appendix B), QPACK's, too. Codes of up to 8 bits, all letters and digits, are found by
 * a byte; the code is canonical, so that for longer ones each length's first code is enough. */
#include "base/cursor.h"
#include "parsers/hpack.h"

struct code {
	uint8_t symbol, bits; /* 0 bits: a longer one */
};

#define CODE(n, code, symbol) [(code) << (8 - (n))...(((code) + 1) << (8 - (n))) - 1] = {symbol, n}

static const struct code quick[256] = {
	CODE(5, 0x0, '0'),  CODE(5, 0x1, '1'),	CODE(5, 0x2, '2'),  CODE(5, 0x3, 'a'),	CODE(5, 0x4, 'c'),
	CODE(5, 0x5, 'e'),  CODE(5, 0x6, 'i'),	CODE(5, 0x7, 'o'),  CODE(5, 0x8, 's'),	CODE(5, 0x9, 't'),
	CODE(6, 0x14, ' '), CODE(6, 0x15, '%'), CODE(6, 0x16, '-'), CODE(6, 0x17, '.'), CODE(6, 0x18, '/'),
	CODE(6, 0x19, '3'), CODE(6, 0x1a, '4'), CODE(6, 0x1b, '5'), CODE(6, 0x1c, '6'), CODE(6, 0x1d, '7'),
	CODE(6, 0x1e, '8'), CODE(6, 0x1f, '9'), CODE(6, 0x20, '='), CODE(6, 0x21, 'A'), CODE(6, 0x22, '_'),
	CODE(6, 0x23, 'b'), CODE(6, 0x24, 'd'), CODE(6, 0x25, 'f'), CODE(6, 0x26, 'g'), CODE(6, 0x27, 'h'),
	CODE(6, 0x28, 'l'), CODE(6, 0x29, 'm'), CODE(6, 0x2a, 'n'), CODE(6, 0x2b, 'p'), CODE(6, 0x2c, 'r'),
	CODE(6, 0x2d, 'u'), CODE(7, 0x5c, ':'), CODE(7, 0x5d, 'B'), CODE(7, 0x5e, 'C'), CODE(7, 0x5f, 'D'),
	CODE(7, 0x60, 'E'), CODE(7, 0x61, 'F'), CODE(7, 0x62, 'G'), CODE(7, 0x63, 'H'), CODE(7, 0x64, 'I'),
	CODE(7, 0x65, 'J'), CODE(7, 0x66, 'K'), CODE(7, 0x67, 'L'), CODE(7, 0x68, 'M'), CODE(7, 0x69, 'N'),
	CODE(7, 0x6a, 'O'), CODE(7, 0x6b, 'P'), CODE(7, 0x6c, 'Q'), CODE(7, 0x6d, 'R'), CODE(7, 0x6e, 'S'),
	CODE(7, 0x6f, 'T'), CODE(7, 0x70, 'U'), CODE(7, 0x71, 'V'), CODE(7, 0x72, 'W'), CODE(7, 0x73, 'Y'),
	CODE(7, 0x74, 'j'), CODE(7, 0x75, 'k'), CODE(7, 0x76, 'q'), CODE(7, 0x77, 'v'), CODE(7, 0x78, 'w'),
	CODE(7, 0x79, 'x'), CODE(7, 0x7a, 'y'), CODE(7, 0x7b, 'z'), CODE(8, 0xf8, '&'), CODE(8, 0xf9, '*'),
	CODE(8, 0xfa, ','), CODE(8, 0xfb, ';'), CODE(8, 0xfc, 'X'), CODE(8, 0xfd, 'Z'),
};

/* In the order of their codes. */
static const uint8_t long_symbols[] = {
	33,  34,  40,  41,  63,	 39,  43,  124, 35,  62,  0,   36,  64,	 91,  93,  126, 94,  125, 60,  96,  123,
	92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217,
	227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186,
	187, 189, 190, 196, 198, 228, 232, 233, 1,   135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152,
	155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,   142, 144, 145, 148,
	159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219,
	238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251,
	252, 253, 254, 2,   3,	 4,   5,   6,	7,   8,	  11,  12,  14,	 15,  16,  17,	18,  19,  20,  21,  23,
	24,  25,  26,  27,  28,	 29,  30,  31,	127, 220, 249, 10,  13,	 22};

static const struct level {
	uint32_t first; /* code, from the left */
	uint8_t bits, symbol;
} levels[] = {
	{0xfe000000, 10, 0},   {0xff400000, 11, 5},   {0xffa00000, 12, 8},   {0xffc00000, 13, 10},
	{0xfff00000, 14, 16},  {0xfff80000, 15, 18},  {0xfffe0000, 19, 21},  {0xfffe6000, 20, 24},
	{0xfffee000, 21, 32},  {0xffff4800, 22, 45},  {0xffffb000, 23, 71},  {0xffffea00, 24, 100},
	{0xfffff600, 25, 112}, {0xfffff800, 26, 116}, {0xfffffbc0, 27, 131}, {0xfffffe20, 28, 150},
	{0xfffffff0, 30, 179},
};

#define EOS_FROM 0xfffffffc

/* Of the code at the left of `window`; 0 bits: the end of string, which no string holds. */
static struct code long_code(uint32_t window)
{
	const struct level *l = levels + SP_ARRAY_SIZE(levels) - 1;
	if (window >= EOS_FROM)
		return (struct code){0};
	while (window < l->first)
		l--;
	uint32_t at = l->symbol + ((window - l->first) >> (32 - l->bits));
	return (struct code){long_symbols[at], l->bits};
}

bool sp_huffman(struct sp_slice in, uint8_t *out, size_t room, size_t *n)
{
	const uint8_t *p = in.p, *end = in.p + in.n;
	uint8_t *to = out, *stop = out + room;
	uint64_t window = 0; /* bits that were not used yet, from the left */
	unsigned have = 0;
	for (;;) {
		if (end - p >= 8) {
			window |= sp_be64(p) >> have;
			p += (63 - have) >> 3;
			have |= 56;
		}
		while (have <= 56 && p < end) {
			window |= (uint64_t)*p++ << (56 - have);
			have += 8;
		}
		/* As many as surely are there as a whole; at the end, those that are. */
		do {
			struct code c = quick[window >> 56];
			if (SP_UNLIKELY(!c.bits))
				c = long_code((uint32_t)(window >> 32));
			if (!c.bits || c.bits > have)
				goto end;
			if (SP_UNLIKELY(to == stop))
				goto end;
			*to++ = c.symbol;
			window <<= c.bits;
			have -= c.bits;
		} while (have >= 30);
	}
end:
	*n = (size_t)(to - out);
	if (to == stop && room)
		return true;
	/* What is left must be the beginning of the end of string, less than a byte of it. */
	return p == end && have < 8 && window >> (63 - have) >> 1 == (1U << have) - 1;
}
