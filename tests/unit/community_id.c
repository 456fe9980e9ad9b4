/* SPDX-License-Identifier: Apache-2.0 */
/* Community ID against the values that its specification and reference implementation publish, and some of our own. */
#include "flowtable/community_id.h"

#include "exporters/encode/text.h"
#include "tests/check.h"

static const struct {
	uint8_t proto;
	const char *src, *dst;
	uint16_t src_port, dst_port;
	const char *seed0, *seed1;
} published[] = {
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136,
	 "dGHyGvjMfljg6Bppwm3bg0LO8TY=", "kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0,
	 "dGHyGvjMfljg6Bppwm3bg0LO8TY=", "kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 0,
	 "zavyT/cezQr1fmImYCwYnMXbgck=", "2hSqmsDZ2kdcY9kbiUzOEBic0iM="},
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 136, 0,
	 "zavyT/cezQr1fmImYCwYnMXbgck=", "2hSqmsDZ2kdcY9kbiUzOEBic0iM="},
	{58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
	 "2ObVBgIn28oZvibYZhZMBgh7WdQ=", "lVEtCZpYu84Xqaa++3lXFyuu2n4="},
	{58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4,
	 "hLZd0XGWojozrvxqE0dWB1iM6R0=", "W8MHwXpWzpoSTD+cGcaJr4u0ys8="},
	{58, "3ffe:507:0:1:260:97ff:fe07:69ea", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
	 "NdobDX8PQNJbAyfkWxhtL2Pqp5w=", "OlOWx9psIbBFi7lOCw/4MhlKR9M="},
	{58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:507:0:1:260:97ff:fe07:69ea", 3, 0,
	 "/OGBt9BN1ofenrmSPWYicpij2Vc=", "Ij4ZxnC87/MXzhOjvH2vHu7LRmE="},
	{58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 0,
	 "+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "GfZxjAkDk2MkegpBYHV6tadtFXQ="},
	{58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 0,
	 "+TW+HtLHvV1xnGhV1lv7XoJrqQg=", "GfZxjAkDk2MkegpBYHV6tadtFXQ="},
	{58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 0,
	 "hO+sN4H+MG5MY/8hIrXPqc4ZQz0=", "L7Ka0ZMYu+J3bL4ulW2PrqyXNo8="},
	{58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 0,
	 "pkvHqCL88/tg1k4cPigmZXUtL00=", "K/ee5UCqAMAQXDorP5nSa2CGLjc="},
	{1, "192.168.0.89", "192.168.0.1", 8, 0, "X0snYXpgwiv9TZtqg64sgzUn6Dk=", "03g6IloqVBdcZlPyX8r0hgoE7kA="},
	{1, "192.168.0.1", "192.168.0.89", 0, 8, "X0snYXpgwiv9TZtqg64sgzUn6Dk=", "03g6IloqVBdcZlPyX8r0hgoE7kA="},
	{1, "192.168.0.1", "192.168.0.89", 0, 20, "X0snYXpgwiv9TZtqg64sgzUn6Dk=", "03g6IloqVBdcZlPyX8r0hgoE7kA="},
	{1, "192.168.0.89", "192.168.0.1", 20, 0, "3o2RFccXzUgjl7zDpqmY7yJi8rI=", "lCXHHxavE1Vq3oX9NH5ladQg02o="},
	{1, "192.168.0.89", "192.168.0.1", 20, 1, "tz/fHIDUHs19NkixVVoOZywde+I=", "Ie3wmFyxiEyikbsbcO03d2nh+PM="},
	{1, "10.0.0.1", "10.0.0.2", 11, 0, "YHxtAirCG//0OzkcVAukqKQN9xM=", "XjUibYHaafLQ3pxQeiMI8g25q20="},
	{6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
	 "/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "eJYTW6AOzFLlSUoESovMjnu7rMw="},
	{6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943,
	 "/qFaeAR+gFe1KYjMzVDsMv+wgU4=", "eJYTW6AOzFLlSUoESovMjnu7rMw="},
	{6, "128.232.110.120", "66.35.250.204", 34855, 80,
	 "LQU9qZlK+B5F3KDmev6m5PMibrg=", "3V71V58M3Ksw/yuFALMcW0LAHvc="},
	{6, "66.35.250.204", "128.232.110.120", 80, 34855,
	 "LQU9qZlK+B5F3KDmev6m5PMibrg=", "3V71V58M3Ksw/yuFALMcW0LAHvc="},
	{6, "10.0.0.1", "10.0.0.2", 10, 11569, "SXBGMX1lBOwhhoDrZynfROxnhnM=", "HmBRGR+fUyXF4t8WEtal7Y0gEAo="},
	{132, "192.168.170.8", "192.168.170.56", 7, 7, "MP2EtRCAUIZvTw6MxJHLV7N7JDs=", "5w3ZRjeKBzqT3zsaEECDGjUbYeg="},
	{132, "192.168.170.56", "192.168.170.8", 80, 7, "jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "Y1/0jQg6e+I3ZwZZ9LP65DNbTXU="},
	{17, "192.168.1.52", "8.8.8.8", 54585, 53, "d/FP5EW3wiY1vCndhwleRRKHowQ=", "Q9We8WO3piVF8yEQBNJF4uiSVrI="},
	{17, "8.8.8.8", "192.168.1.52", 53, 54585, "d/FP5EW3wiY1vCndhwleRRKHowQ=", "Q9We8WO3piVF8yEQBNJF4uiSVrI="},
	{46, "10.1.12.1", "10.1.12.2", 0, 0, "KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "rYir8gphR31noO9iDRQmF/BteEI="},
	{46, "10.1.12.2", "10.1.12.1", 1, 2, "KHlLkgoJW7ifUTyTSgyVfkFHzKw=", "rYir8gphR31noO9iDRQmF/BteEI="},
	{46, "10.1.24.4", "10.1.12.1", 0, 0, "/nQI4Rh/TtY3mf0R2gJFBkVlgS4=", "BK3BVW3U2eemuwVQVN3zd/GULno="},
};

static const char *compute(const struct sp_community_tuple *t, uint16_t seed)
{
	static char text[64];
	struct sp_community_id id;
	sp_community_id(&id, t, seed);
	*sp_put_base64_20(text, id.sha1) = 0;
	return text;
}

static void published_values(void)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(published); i++) {
		struct sp_community_tuple t = {.src_port = published[i].src_port,
					       .dst_port = published[i].dst_port,
					       .proto = published[i].proto};
		CHECK(!sp_addr_parse(&t.src, published[i].src));
		CHECK(!sp_addr_parse(&t.dst, published[i].dst));
		CHECK_STR(compute(&t, 0), published[i].seed0);
		CHECK_STR(compute(&t, 1), published[i].seed1);
	}
}

/* Of a record, whoever is the client and whichever side spoke first. */
static void of_records(void)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(published); i++) {
		struct sp_flow_record r = {.proto = published[i].proto,
					   .client_port = published[i].src_port,
					   .server_port = published[i].dst_port,
					   .icmp_type = (uint8_t)published[i].src_port,
					   .icmp_code = (uint8_t)published[i].dst_port};
		struct sp_community_id id;
		char text[64];
		CHECK(!sp_addr_parse(&r.client_ip, published[i].src));
		CHECK(!sp_addr_parse(&r.server_ip, published[i].dst));
		sp_community_id_of(&id, &r);
		*sp_put_base64_20(text, id.sha1) = 0;
		CHECK_STR(text, published[i].seed0);
		struct sp_flow_record turned = r;
		turned.client_ip = r.server_ip;
		turned.server_ip = r.client_ip;
		turned.client_port = r.server_port;
		turned.server_port = r.client_port;
		turned.icmp_from_server = 1;
		sp_community_id_of(&id, &turned);
		*sp_put_base64_20(text, id.sha1) = 0;
		CHECK_STR(text, published[i].seed0);
	}
}

/* Same addresses: the ports decide, so both directions agree. */
static void same_address(void)
{
	struct sp_community_tuple t = {.src_port = 80, .dst_port = 40000, .proto = 6}, back = t;
	sp_addr_parse(&t.src, "127.0.0.1");
	t.dst = back.src = back.dst = t.src;
	back.src_port = 40000;
	back.dst_port = 80;
	char one[64];
	strcpy(one, compute(&t, 0));
	CHECK_STR(compute(&back, 0), one);
}

int main(void)
{
	RUN(published_values);
	RUN(of_records);
	RUN(same_address);
	return check_done();
}
