/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/direction.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define ENTRIES 65536

/* Ports on which services listen that data centres run: IANA's registrations and common practice. */
static const uint16_t known_ports[] = {
	1433,  1434,  1521,  1723,  1812,  1813,  1883,	 2049,	2055,  2152,  2181,  2375,  2376,  2379,  2380,	 2404,
	3000,  3128,  3260,  3268,  3306,  3389,  3478,	 3868,	4222,  4369,  4739,  4789,  5000,  5044,  5060,	 5061,
	5222,  5269,  5353,  5355,  5432,  5601,  5671,	 5672,	5683,  5900,  5984,  6081,  6343,  6379,  6380,	 6443,
	6650,  7000,  7001,  7077,  7199,  7687,  8000,	 8008,	8080,  8081,  8086,  8088,  8123,  8125,  8126,	 8200,
	8300,  8301,  8302,  8443,  8472,  8500,  8600,	 8805,	8848,  8883,  8888,  9000,  9042,  9090,  9092,	 9093,
	9100,  9160,  9200,  9300,  9411,  9418,  9876,	 9999,	10050, 10051, 10250, 10911, 11211, 11434, 15672, 16379,
	20880, 25672, 26379, 27017, 27018, 27019, 30303, 33060, 34964, 38412, 44818, 47808, 50051, 61613, 61616,
};

static void set_bit(uint64_t *set, uint16_t port)
{
	set[port / 64] |= UINT64_C(1) << port % 64;
}

static bool has_bit(const uint64_t *set, uint16_t port)
{
	return set[port / 64] >> port % 64 & 1;
}

void sp_servers_reconf(struct sp_servers *s, const struct sp_flow_conf *conf)
{
	memset(s->configured_set, 0, sizeof s->configured_set);
	for (uint32_t i = 0; i < conf->server_ports.n; i++)
		set_bit(s->configured_set, (uint16_t)conf->server_ports.v[i]);
}

int sp_servers_init(struct sp_servers *s, const struct sp_flow_conf *conf)
{
	memset(s, 0, sizeof *s);
	s->tag = sp_mem_map(ENTRIES * sizeof *s->tag, 0);
	if (!s->tag)
		return -ENOMEM;
	for (uint16_t port = 1; port < 1024; port++)
		set_bit(s->port_set, port);
	for (size_t i = 0; i < SP_ARRAY_SIZE(known_ports); i++)
		set_bit(s->port_set, known_ports[i]);
	sp_servers_reconf(s, conf);
	return 0;
}

void sp_servers_free(struct sp_servers *s)
{
	sp_mem_unmap(s->tag, ENTRIES * sizeof *s->tag);
	s->tag = NULL;
}

static uint64_t endpoint_hash(const struct sp_flow_key *key, unsigned side)
{
	const struct sp_addr *a = side ? &key->hi : &key->lo;
	uint64_t port = side ? key->hi_port : key->lo_port;
	return sp_hash_mix(sp_load64(a->b) ^ SP_HASH_K0, sp_load64(a->b + 8) ^ SP_HASH_K1) ^
	       sp_hash_mix(port << 40 | (uint64_t)key->proto << 32 | key->space, SP_HASH_K0);
}

void sp_servers_learn(struct sp_servers *s, const struct sp_flow_key *key, unsigned side)
{
	uint64_t h = endpoint_hash(key, side);
	s->tag[h % ENTRIES] = (uint32_t)(h >> 32) | 1;
}

static bool is_learned(const struct sp_servers *s, const struct sp_flow_key *key, unsigned side)
{
	uint64_t h = endpoint_hash(key, side);
	return s->tag[h % ENTRIES] == ((uint32_t)(h >> 32) | 1);
}

/* One of the two ports is in the set and the other is not: its side is the server. */
static bool tells(bool lo, bool hi, unsigned *client)
{
	if (lo == hi)
		return false;
	*client = lo ? 1 : 0;
	return true;
}

unsigned sp_direction_guess(const struct sp_servers *s, const struct sp_flow_key *key, unsigned first_sender,
			    enum sp_direction *ret_how)
{
	unsigned client = first_sender;
	uint16_t lo = key->lo_port, hi = key->hi_port;
	*ret_how = SP_DIRECTION_FIRST;
	if (!lo && !hi)
		return client;
	if (tells(has_bit(s->configured_set, lo), has_bit(s->configured_set, hi), &client))
		*ret_how = SP_DIRECTION_CONFIGURED;
	else if (tells(is_learned(s, key, 0), is_learned(s, key, 1), &client))
		*ret_how = SP_DIRECTION_LEARNED;
	else if (tells(has_bit(s->port_set, lo), has_bit(s->port_set, hi), &client))
		*ret_how = SP_DIRECTION_KNOWN_PORT;
	else if (tells(lo < 32768, hi < 32768, &client)) /* ephemeral ports begin there on Linux */
		*ret_how = SP_DIRECTION_LOW_PORT;
	return client;
}
