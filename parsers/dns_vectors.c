/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/dns.h"

#ifdef SP_WITH_VECTORS
/* Identifiers hold a hash of the question, which is this parser's own. */
#define WWW "\3www\7example\4test\0"
#define HEAD(number, flags, questions, answers, authority, additional)                                                 \
	number flags "\0" questions "\0" answers "\0" authority "\0" additional
#define Q "\1\0"
#define R "\x85\x80"
#define NONE "\0"
const struct sp_vector sp_dns_vectors[] = {
	{
		.name = "A, and an answer whose question was written otherwise",
		.udp = true,
		.step = {SP_C(HEAD("\x12\x34", Q, "\1", NONE, NONE, NONE) WWW "\0\1\0\1"),
			 SP_S(HEAD("\x12\x34", R, "\1", "\1", NONE, NONE) "\3WwW\7eXample\4tEst\0\0\1\0\1"
									  "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1")},
		.want = "> request method=A resource=www.example.test endpoint=example.test correlation=4660 "
			"id=6012563717658317364 bytes=34 "
			"dns.flags=rd\n"
			"< response code=NOERROR status=ok id=6012563717658317364 bytes=50 "
			"dns.answers=A 192.0.2.1 "
			"dns.answer_count=1 dns.ttl=60 dns.flags=aa rd ra\n",
	},
	{
		.name = "EDNS: client subnet, CNAME, extended error",
		.udp = true,
		.step = {SP_C(HEAD("\0\1", Q, "\1", NONE, NONE, "\1") WWW "\0\x1c\0\1"
									  "\0\0\x29\x04\xd0\0\0\x80\0\0\x0b"
									  "\0\x08\0\x07\0\1\x18\0\x0a\1\2"),
			 SP_S(HEAD("\0\1", "\x81\x80", "\1", "\2", NONE, "\1") WWW
			      "\0\x1c\0\1"
			      "\xc0\x0c\0\5\0\1\0\0\1\x2c\0\6\3cdn\xc0\x10"
			      "\xc0\x2e\0\x1c\0\1\0\0\0\x3c\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			      "\0\0\x29\x02\0\0\0\0\0\0\x09\0\x0f\0\5\0\3old")},
		.want = "> request method=AAAA resource=www.example.test endpoint=example.test correlation=1 "
			"id=286181435328823297 bytes=56 "
			"dns.edns.udp_size=1232 dns.ecs=10.1.2.0/24 dns.flags=rd do\n"
			"< response code=NOERROR message=Stale Answer: old status=ok "
			"id=286181435328823297 bytes=100 "
			"dns.answers=CNAME cdn.example.test, AAAA 2001:db8::1 dns.answer_count=2 dns.ttl=60 "
			"dns.edns.udp_size=512 dns.flags=rd ra\n",
	},
	{
		.name = "no such name; an answer without the question; nobody's answer",
		.udp = true,
		.step = {SP_C(HEAD("\0\2", Q, "\1", NONE, NONE, NONE) "\1x\2co\2uk\0\0\x0f\0\1"),
			 SP_S(HEAD("\0\2", "\x81\x83", "\1", NONE, "\1",
				   NONE) "\1x\2co\2uk\0\0\x0f\0\1"
					 "\xc0\x0e\0\6\0\1\0\0\0\x0a\0\x1a\1n\0\1m\0"
					 "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
			 SP_C(HEAD("\0\3", Q, "\1", NONE, NONE, NONE) "\1y\1x\2co\2uk\0\0\x0f\0\1"),
			 SP_S(HEAD("\0\3", "\x81\x82", NONE, NONE, NONE, NONE)),
			 SP_S(HEAD("\0\3", "\x81\x85", "\1", NONE, NONE, NONE) "\1z\0\0\x0f\0\1")},
		.want = "> request method=MX resource=x.co.uk endpoint=x.co.uk correlation=2 id=4702497718137585666 "
			"bytes=25 dns.flags=rd\n"
			"< response code=NXDOMAIN status=client_error id=4702497718137585666 bytes=63 "
			"dns.answer_count=0 "
			"dns.flags=rd ra\n"
			"> request method=MX resource=y.x.co.uk endpoint=x.co.uk correlation=3 id=7298060589663059971 "
			"bytes=27 dns.flags=rd\n"
			"< response code=SERVFAIL status=server_error id=7298060589663059971 bytes=12 "
			"dns.answer_count=0 "
			"dns.flags=rd ra\n"
			"< response method=MX resource=z endpoint=z code=REFUSED correlation=3 status=server_error "
			"id=3215566063824076803 "
			"bytes=19 dns.answer_count=0 dns.flags=rd ra\n",
	},
	{
		.name = "types: MX, SRV, TXT, SOA, CAA, NAPTR",
		.udp = true,
		.step = {SP_S(HEAD("\0\1", R, "\1", "\6", NONE,
				   NONE) "\1e\0\0\xff\0\1"
					 "\xc0\x0c\0\x0f\0\1\0\0\0\x09\0\6\0\x0a\1m\xc0\x0c"
					 "\xc0\x0c\0\x21\0\1\0\0\0\x09\0\x0a\0\1\0\2\1\xbb\1s\xc0\x0c"
					 "\xc0\x0c\0\x10\0\1\0\0\0\x09\0\6\2hi\2yo"
					 "\xc0\x0c\0\6\0\1\0\0\0\x09\0\x1c\1n\xc0\x0c\1a\xc0\x0c"
					 "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"
					 "\xc0\x0c\1\1\0\1\0\0\0\x09\0\x0a\0\5issueca."
					 "\xc0\x0c\0\x23\0\1\0\0\0\x09\0\x0e\0\1\0\2\1u\3E2U\0\1n\0")},
		.want = "< response method=ANY resource=e endpoint=e code=NOERROR correlation=1 status=ok "
			"id=8270088824283332609 bytes=165 "
			"dns.answers=MX 10 m.e, SRV 1 2 443 s.e, TXT hi yo, SOA n.e a.e 1 2 3 4 5, CAA 0 issue ca., "
			"NAPTR 1 2 u E2U  n dns.answer_count=6 dns.ttl=9 dns.flags=aa rd ra\n",
	},
	{
		.name = "types: HTTPS, DS, DNSKEY, RRSIG, NSEC, NSEC3",
		.udp = true,
		.step = {SP_S(HEAD(
			"\0\1", R,
			"\1", "\6", NONE,
			NONE) "\1e\0\0\x41\0\1"
			      "\xc0\x0c\0\x41\0\1\0\0\0\x09\0\x18\0\1\0\0\1\0\3\2h2\0\3\0\2\1\xbb\0\4\0\4\xc0\0\2\1"
			      "\xc0\x0c\0\x2b\0\1\0\0\0\x09\0\6\1\2\x08\2\xab\xcd"
			      "\xc0\x0c\0\x30\0\1\0\0\0\x09\0\6\1\1\3\x08\xab\xcd"
			      "\xc0\x0c\0\x2e\0\1\0\0\0\x09\0\x17\0\1\x08\1\0\0\0\x09\0\0\0\2\0\0\0\1\0\7\1e\0\xff\xff"
			      "\xc0\x0c\0\x2f\0\1\0\0\0\x09\0\7\1f\0\0\2\x40\1"
			      "\xc0\x0c\0\x32\0\1\0\0\0\x09\0\x0f\1\0\0\x0a\1\xab\5\0\0\0\0\1\0\1\x40")},
		.want = "< response method=HTTPS resource=e endpoint=e code=NOERROR correlation=1 status=ok "
			"id=14903961656577622017 bytes=172 "
			"dns.answers=HTTPS 1 . alpn=h2 port=443 ipv4hint=192.0.2.1, DS 258 8 2 abcd, DNSKEY 257 3 8 "
			"abcd, "
			"RRSIG A 8 1 9 2 1 7 e, NSEC f A MX, NSEC3 1 0 10 ab 00000001 A dns.answer_count=6 dns.ttl=9 "
			"dns.flags=aa rd ra\n",
	},
	{
		.name = "names that lead nowhere",
		.udp = true,
		.step = {SP_S(HEAD("\0\1", R, "\1", "\4", NONE, NONE) "\1e\0\0\5\0\1"
								      "\xc0\x0c\0\5\0\1\0\0\0\x09\0\2\xc0\x1f"
								      "\xc0\x0c\0\5\0\1\0\0\0\x09\0\4\1a\xc0\x2d"
								      "\xc0\x0c\0\5\0\1\0\0\0\x09\0\2\xc1\xff"
								      "\xc0\x0c\0\5\0\1\0\0\0\x09\0\x20\x1f")},
		.want = "< response method=CNAME resource=e endpoint=e code=NOERROR correlation=1 status=ok "
			"id=9303734317583171585 bytes=76 "
			"dns.answers=CNAME , CNAME a, CNAME  dns.answer_count=4 dns.ttl=9 dns.flags=aa rd ra\n",
	},
	{
		.name = "TCP: two at once, answers out of order, the end of a message later",
		.step = {SP_C("\0\x22" HEAD("\0\1", Q, "\1", NONE, NONE, NONE) WWW
			      "\0\1\0\1"
			      "\0\x13" HEAD("\0\2", Q, "\1", NONE, NONE, NONE) "\1e\0\0\1\0\1"),
			 SP_S("\0\x13" HEAD("\0\2", "\x81\x83", "\1", NONE, NONE,
					    NONE) "\1e\0\0\1\0\1"
						  "\0\x22" HEAD("\0\1", "\x81\x85", "\1", NONE, NONE, NONE) WWW
			      "\0\1\0\1")},
		.want = "> request method=A resource=www.example.test endpoint=example.test correlation=1 "
			"id=6012563717658312705 bytes=36 "
			"dns.flags=rd\n"
			"> request method=A resource=e endpoint=e correlation=2 id=13617804082166104066 bytes=21 "
			"dns.flags=rd\n"
			"< response code=NXDOMAIN status=client_error id=13617804082166104066 bytes=21 "
			"dns.answer_count=0 "
			"dns.flags=rd ra\n"
			"< response code=REFUSED status=server_error id=6012563717658312705 bytes=36 "
			"dns.answer_count=0 "
			"dns.flags=rd ra\n",
	},
	{
		.name = "a zone in two messages, and another query after it",
		.step = {SP_C("\0\x13" HEAD("\0\1", "\0\0", "\1", NONE, NONE, NONE) "\1e\0\0\xfc\0\1"),
			 SP_S("\0\x45" HEAD(
				 "\0\1", "\x84\0", "\1", "\2", NONE,
				 NONE) "\1e\0\0\xfc\0\1"
				       "\xc0\x0c\0\6\0\1\0\0\0\x09\0\x16\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"
				       "\xc0\x0c\0\1\0\1\0\0\0\x09\0\4\xc0\0\2\1"),
			 SP_S("\0\x30" HEAD(
				 "\0\1", "\x84\0", NONE, "\1", NONE,
				 NONE) "\1e\0"
				       "\0\6\0\1\0\0\0\x09\0\x17\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0"),
			 SP_C("\0\x13" HEAD("\0\1", "\0\0", "\1", NONE, NONE, NONE) "\1e\0\0\1\0\1"),
			 SP_S("\0\x13" HEAD("\0\1", "\x84\0", "\1", NONE, NONE, NONE) "\1e\0\0\1\0\1")},
		.want = "> request method=AXFR resource=e endpoint=e correlation=1 id=7994895349051555841 bytes=21\n"
			"< response code=NOERROR status=ok id=7994895349051555841 bytes=121 "
			"dns.answers=SOA . . 1 2 3 4 5, "
			"A 192.0.2.1 dns.answer_count=3 dns.ttl=9 dns.flags=aa\n"
			"> request method=A resource=e endpoint=e correlation=1 id=13617804082166104065 bytes=21\n"
			"< response code=NOERROR status=ok id=13617804082166104065 bytes=21 "
			"dns.answer_count=0 dns.flags=aa\n",
	},
	{
		.name = "multicast: a question, an announcement, a one-shot query",
		.udp = true,
		.step = {SP_C(HEAD("\0\0", "\0\0", "\2", NONE, NONE, NONE) "\5_http\4_tcp\5local\0\0\x0c\x80\1"
									   "\1h\5local\0\0\1\0\1"),
			 SP_C(HEAD("\0\0", "\x84\0", NONE, "\1", NONE,
				   NONE) "\1h\5local\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\1"),
			 SP_C(HEAD("\0\7", "\0\0", "\1", NONE, NONE, NONE) "\1h\5local\0\0\1\0\1")},
		.want = "> request method=PTR resource=_http._tcp.local endpoint=_http._tcp.local correlation=0 "
			"app=mdns id=9639237049764478976 "
			"bytes=47 dns.questions=_http._tcp.local PTR, h.local A\n"
			"> response method=A resource=h.local endpoint=h.local correlation=0 app=mdns "
			"id=11904918841818677248 bytes=35 "
			"dns.answers=A 192.0.2.1 dns.answer_count=1 dns.ttl=120 dns.flags=aa\n"
			"> request method=A resource=h.local endpoint=h.local correlation=7 id=11904918841818677255 "
			"bytes=25\n",
	},
	{
		.name = "multicast: a name that is probed, a question, its answer as the second record, more known "
			"answers",
		.udp = true,
		.step = {SP_C(HEAD("\0\0", "\0\0", "\1", NONE, "\1",
				   NONE) "\1h\5local\0\0\xff\0\1\xc0\x0c\0\1\0\1\0\0\0\x78\0\4\xc0\0\2\1"),
			 SP_C(HEAD("\0\0", "\0\0", "\1", NONE, NONE, NONE) "\1h\5local\0\0\1\x80\1"),
			 SP_S(HEAD("\0\0", "\x84\0", NONE, "\2", NONE,
				   NONE) "\1g\5local\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\2"
					 "\1H\xc0\x0e\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\1"),
			 SP_C(HEAD("\0\0", "\0\0", NONE, "\1", NONE,
				   NONE) "\1h\5local\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\1")},
		.want = "> oneway method=ANY resource=h.local endpoint=h.local correlation=0 app=mdns "
			"id=493027006141825024 bytes=41\n"
			"> request method=A resource=h.local endpoint=h.local correlation=0 app=mdns "
			"id=11904918841818677248 bytes=25\n"
			"< response code=NOERROR app=mdns status=ok id=11904918841818677248 bytes=53 "
			"dns.answers=A 192.0.2.2, A 192.0.2.1 dns.answer_count=2 dns.ttl=120 dns.flags=aa\n"
			"> oneway method=A resource=h.local endpoint=h.local correlation=0 app=mdns id=0 bytes=35\n",
	},
	{
		.name = "UPDATE, NOTIFY, a version that is not known",
		.udp = true,
		.step = {SP_C(HEAD("\0\1", "\x28\0", "\1", NONE, "\1",
				   NONE) "\1e\0\0\6\0\1"
					 "\1h\xc0\x0c\0\1\0\1\0\0\0\x09\0\4\xc0\0\2\1"),
			 SP_S(HEAD("\0\1", "\xa8\5", "\1", NONE, NONE, NONE) "\1e\0\0\6\0\1"),
			 SP_C(HEAD("\0\2", "\x24\0", "\1", NONE, NONE, NONE) "\1e\0\0\6\0\1"),
			 SP_S(HEAD("\0\2", "\xa4\0", "\1", NONE, NONE, NONE) "\1e\0\0\6\0\1"),
			 SP_C(HEAD("\0\3", "\0\0", "\1", NONE, NONE, "\1") "\1e\0\0\6\0\1"
									   "\0\0\x29\4\0\0\1\0\0\0\0"),
			 SP_S(HEAD("\0\3", "\x80\0", "\1", NONE, NONE, "\1") "\1e\0\0\6\0\1"
									     "\0\0\x29\4\0\1\0\0\0\0\0")},
		.want = "> request method=UPDATE resource=e endpoint=e correlation=1 id=9391741865336176641 bytes=37 "
			"dns.opcode=UPDATE\n"
			"< response code=REFUSED status=server_error id=9391741865336176641 bytes=19 "
			"dns.answer_count=0\n"
			"> request method=NOTIFY resource=e endpoint=e correlation=2 id=9391741865336176642 bytes=19 "
			"dns.opcode=NOTIFY dns.flags=aa\n"
			"< response code=NOERROR status=ok id=9391741865336176642 bytes=19 "
			"dns.answer_count=0 dns.flags=aa\n"
			"> request method=SOA resource=e endpoint=e correlation=3 id=9391741865336176643 bytes=30 "
			"dns.edns.udp_size=1024\n"
			"< response code=BADVERS status=server_error id=9391741865336176643 bytes=30 "
			"dns.answer_count=0 "
			"dns.edns.udp_size=1024\n",
	},
	{
		.name = "the root, a name with dots and bytes in a label, a type without a name, an address' name",
		.udp = true,
		.step = {SP_C(HEAD("\0\1", "\0\0", "\1", NONE, NONE, NONE) "\0\0\2\0\1"),
			 SP_C(HEAD("\0\2", "\0\0", "\1", NONE, NONE, NONE) "\4a.b\7\4TEST\0\xff\0\0\1"),
			 SP_C(HEAD("\0\3", "\0\0", "\1", NONE, NONE, NONE) "\1"
									   "1\1"
									   "2\7in-addr\4arpa\0\0\x0c\0\1")},
		.want = "> request method=NS resource=. endpoint=. correlation=1 id=6867901248811761665 bytes=17\n"
			"> request method=TYPE65280 resource=a\\x5c.b\\x5c007.TEST endpoint=a\\x5c.b\\x5c007.test "
			"correlation=2 "
			"id=7852507545863979010 bytes=27\n"
			"> request method=PTR resource=1.2.in-addr.arpa endpoint=in-addr.arpa correlation=3 "
			"id=676339063520952323 bytes=34\n",
	},
	{0},
};
#endif
