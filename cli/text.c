/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/time.h"

const char *sp_text_count(struct sp_text *t, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
	char *out = t->s;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = 0;
	return t->s;
}

/* Three digits and a unit: 999 B, 1.23 kB, 12.3 MB. The smallest unit has no fractions. */
static void scaled(struct sp_text *t, double value, const char *const *unit)
{
	int digits = 0;
	for (; value >= 999.5 && unit[1]; unit++) {
		value /= 1000;
		digits = 2;
	}
	if (digits && value >= 9.995)
		digits = value >= 99.95 ? 0 : 1;
	snprintf(t->s, sizeof t->s, "%.*f %s", digits, value, *unit);
}

const char *sp_text_bytes(struct sp_text *t, uint64_t n)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB", NULL};
	scaled(t, (double)n, unit);
	return t->s;
}

const char *sp_text_us(struct sp_text *t, uint64_t us)
{
	static const char *const unit[] = {"us", "ms", "s", NULL};
	scaled(t, (double)us, unit);
	return t->s;
}

const char *sp_text_rate(struct sp_text *t, uint64_t bytes, uint64_t ns)
{
	static const char *const unit[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", NULL};
	scaled(t, ns ? (double)bytes * 8e9 / (double)ns : 0, unit);
	return t->s;
}

const char *sp_text_duration(struct sp_text *t, uint64_t ns)
{
	uint64_t s = ns / SP_NS_PER_SEC;
	if (s < 60)
		return sp_text_us(t, ns / SP_NS_PER_US);
	if (s < 3600)
		snprintf(t->s, sizeof t->s, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(t->s, sizeof t->s, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		snprintf(t->s, sizeof t->s, "%" PRIu64 " days %" PRIu64 " h", s / 86400, s / 3600 % 24);
	return t->s;
}

const char *sp_text_share(struct sp_text *t, uint64_t part, uint64_t all)
{
	double percent = all ? 100.0 * (double)part / (double)all : 0;
	if (part && percent < 0.1)
		snprintf(t->s, sizeof t->s, "<0.1 %%");
	else if (part < all && percent > 99.9)
		snprintf(t->s, sizeof t->s, ">99.9 %%");
	else
		snprintf(t->s, sizeof t->s, "%.1f %%", percent);
	return t->s;
}

const char *sp_text_time(struct sp_text *t, uint64_t ns)
{
	time_t s = (time_t)(ns / SP_NS_PER_SEC);
	struct tm tm;
	char date[48] = "?";
	if (gmtime_r(&s, &tm))
		strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(t->s, sizeof t->s, "%s.%06u UTC", date, (unsigned)(ns % SP_NS_PER_SEC / 1000));
	return t->s;
}

const char *sp_text_addr(struct sp_text *t, const struct sp_addr *addr)
{
	t->s[sp_addr_format(t->s, addr)] = 0;
	return t->s;
}

const char *sp_text_endpoint(struct sp_text *t, const struct sp_addr *addr, bool has_port, uint16_t port)
{
	char a[SP_ADDR_TEXT_MAX + 1];
	a[sp_addr_format(a, addr)] = 0;
	if (!has_port)
		snprintf(t->s, sizeof t->s, "%s", a);
	else if (sp_addr_is_v4(addr))
		snprintf(t->s, sizeof t->s, "%s:%u", a, port);
	else
		snprintf(t->s, sizeof t->s, "[%s]:%u", a, port);
	return t->s;
}

const char *sp_text_proto(struct sp_text *t, uint8_t proto)
{
	static const char *const name[256] = {
		[IPPROTO_ICMP] = "icmp", [IPPROTO_TCP] = "tcp",	  [IPPROTO_UDP] = "udp", [IPPROTO_ICMPV6] = "icmp6",
		[IPPROTO_SCTP] = "sctp", [IPPROTO_GRE] = "gre",	  [IPPROTO_ESP] = "esp", [IPPROTO_AH] = "ah",
		[IPPROTO_IGMP] = "igmp", [89] = "ospf",		  [IPPROTO_PIM] = "pim", [112] = "vrrp",
		[IPPROTO_IPIP] = "ipip", [IPPROTO_IPV6] = "ipv6",
	};
	if (name[proto])
		snprintf(t->s, sizeof t->s, "%s", name[proto]);
	else
		snprintf(t->s, sizeof t->s, "ip proto %u", proto);
	return t->s;
}

void sp_text_tame(char *s)
{
	for (unsigned char *c = (unsigned char *)s; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
}
