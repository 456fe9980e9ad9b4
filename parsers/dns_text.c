/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the DNS' numbers, as IANA lists them. */
#include "parsers/dns.h"

#define T(name)                                                                                                        \
	{                                                                                                              \
		sizeof(#name) - 1, #name                                                                               \
	}
static const struct {
	uint8_t n;
	char name[15];
} types[DNS_TYPES_SHORT] = {
	T(TYPE0),    T(A),     T(NS),	 T(MD),	    T(MF),     T(CNAME),      T(SOA),	     T(MB),	    T(MG),
	T(MR),	     T(NULL),  T(WKS),	 T(PTR),    T(HINFO),  T(MINFO),      T(MX),	     T(TXT),	    T(RP),
	T(AFSDB),    T(X25),   T(ISDN),	 T(RT),	    T(NSAP),   T(NSAP - PTR), T(SIG),	     T(KEY),	    T(PX),
	T(GPOS),     T(AAAA),  T(LOC),	 T(NXT),    T(EID),    T(NIMLOC),     T(SRV),	     T(ATMA),	    T(NAPTR),
	T(KX),	     T(CERT),  T(A6),	 T(DNAME),  T(SINK),   T(OPT),	      T(APL),	     T(DS),	    T(SSHFP),
	T(IPSECKEY), T(RRSIG), T(NSEC),	 T(DNSKEY), T(DHCID),  T(NSEC3),      T(NSEC3PARAM), T(TLSA),	    T(SMIMEA),
	T(TYPE54),   T(HIP),   T(NINFO), T(RKEY),   T(TALINK), T(CDS),	      T(CDNSKEY),    T(OPENPGPKEY), T(CSYNC),
	T(ZONEMD),   T(SVCB),  T(HTTPS),
};
#undef T

static const char *long_type(uint16_t type)
{
	switch (type) {
	case DNS_SPF:
		return "SPF";
	case DNS_EUI48:
		return "EUI48";
	case DNS_EUI64:
		return "EUI64";
	case DNS_TKEY:
		return "TKEY";
	case DNS_TSIG:
		return "TSIG";
	case DNS_IXFR:
		return "IXFR";
	case DNS_AXFR:
		return "AXFR";
	case DNS_MAILB:
		return "MAILB";
	case DNS_ANY:
		return "ANY";
	case DNS_URI:
		return "URI";
	case DNS_CAA:
		return "CAA";
	case DNS_TA:
		return "TA";
	case DNS_DLV:
		return "DLV";
	default:
		return NULL;
	}
}

struct sp_slice sp_dns_type(struct sp_arena *a, uint16_t type)
{
	if (type < DNS_TYPES_SHORT)
		return (struct sp_slice){(const uint8_t *)types[type].name, types[type].n};
	const char *name = long_type(type);
	return name ? sp_slice_of(name) : SP_JOIN(a, SP_TEXT("TYPE"), sp_arena_u64(a, type));
}

void sp_dns_type_put(struct sp_out *o, uint16_t type)
{
	uint8_t room[16];
	struct sp_arena scratch = {room, 0, sizeof room};
	sp_out_put(o, sp_dns_type(&scratch, type));
}

struct sp_slice sp_dns_rcode(struct sp_arena *a, unsigned rcode)
{
	static const char names[][10] = {"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",   "REFUSED",
					 "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",	"NOTZONE",  "DSOTYPENI",
					 "",	     "",	"",	    "",		"BADVERS",  "BADKEY",
					 "BADTIME",  "BADMODE", "BADNAME",  "BADALG",	"BADTRUNC", "BADCOOKIE"};
	if (SP_LIKELY(!rcode))
		return SP_TEXT("NOERROR");
	if (rcode < SP_ARRAY_SIZE(names) && *names[rcode])
		return sp_slice_of(names[rcode]);
	return SP_JOIN(a, SP_TEXT("RCODE"), sp_arena_u64(a, rcode));
}

struct sp_slice sp_dns_opcode(struct sp_arena *a, unsigned opcode)
{
	static const char names[][8] = {"QUERY", "IQUERY", "STATUS", "", "NOTIFY", "UPDATE", "DSO"};
	if (opcode < SP_ARRAY_SIZE(names) && *names[opcode])
		return sp_slice_of(names[opcode]);
	return SP_JOIN(a, SP_TEXT("OPCODE"), sp_arena_u64(a, opcode));
}

struct sp_slice sp_dns_extended_error(unsigned code)
{
	static const char *const names[] = {
		"Other Error",
		"Unsupported DNSKEY Algorithm",
		"Unsupported DS Digest Type",
		"Stale Answer",
		"Forged Answer",
		"DNSSEC Indeterminate",
		"DNSSEC Bogus",
		"Signature Expired",
		"Signature Not Yet Valid",
		"DNSKEY Missing",
		"RRSIGs Missing",
		"No Zone Key Bit Set",
		"NSEC Missing",
		"Cached Error",
		"Not Ready",
		"Blocked",
		"Censored",
		"Filtered",
		"Prohibited",
		"Stale NXDomain Answer",
		"Not Authoritative",
		"Not Supported",
		"No Reachable Authority",
		"Network Error",
		"Invalid Data",
		"Signature Expired before Valid",
		"Too Early",
		"Unsupported NSEC3 Iterations Value",
		"Unable to conform to policy",
		"Synthesized",
	};
	return code < SP_ARRAY_SIZE(names) ? sp_slice_of(names[code]) : (struct sp_slice){0};
}
