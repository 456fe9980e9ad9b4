/* SPDX-License-Identifier: Apache-2.0 */
/* Opens one port, polls it, decodes what comes and prints the counts as one line of JSON: the harness of the live
 * tests.
 *
 *   port_count [-t SECONDS] [-i IDLE_MS] [-n PACKETS] [-b] [-c] [-r] KEY=VALUE...
 *
 * Keys are those of an entry of `ports:`, nested ones with a dot (af_packet.fanout=kernel), sizes in bytes and
 * durations in nanoseconds. Says "ready" on standard error when packets can come. Ends after -t seconds (10), after -i
 * milliseconds without a packet once one came, after -n packets, or by SIGTERM. -b: never sleep; -c: verify checksums;
 * -r: only poll and release, to measure the port alone. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/time.h"
#include "dataplane/port_table.h"
#include "parsers/link/decode.h"
#include "tests/net/port_args.h"

#define FLOWS_MAX (1u << 16)

struct seen_flow {
	struct sp_flow_key key;
	uint64_t queues; /* bit mask of those that saw it */
	uint64_t packets;
};

struct counts {
	uint64_t packets, bytes, cap_bytes, cut, csum_pending, longest;
	uint64_t verdict[SP_VERDICT_MAX], reason[SP_DECODE_REASON_MAX], proto[256], vlan[4096];
	uint64_t first_ns, last_ns, backwards;
	uint64_t queue[SP_PORT_QUEUES_MAX];
	struct seen_flow *flows;
	uint32_t n_flows, n_tcp;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = 1;
}

static void count_flow(struct counts *c, const struct sp_flow_key *key, uint16_t queue)
{
	uint32_t at = (uint32_t)sp_hash_bytes(key, sizeof *key, 0) % FLOWS_MAX;
	for (; c->flows[at].packets; at = (at + 1) % FLOWS_MAX)
		if (!memcmp(&c->flows[at].key, key, sizeof *key))
			break;
	struct seen_flow *f = &c->flows[at];
	if (!f->packets) {
		if (c->n_flows == FLOWS_MAX / 2)
			return;
		c->n_flows++;
		c->n_tcp += key->proto == 6;
		f->key = *key;
	}
	f->packets++;
	f->queues |= UINT64_C(1) << queue;
}

static void count_batch(struct counts *c, const struct sp_batch *batch, uint16_t queue)
{
	for (uint32_t i = 0; i < batch->n; i++) {
		const struct sp_pkt *p = &batch->pkt[i];
		c->packets++;
		c->bytes += p->wire_len;
		c->cap_bytes += p->cap_len;
		c->longest = SP_MAX(c->longest, p->wire_len);
		c->cut += p->cap_len < p->wire_len;
		c->verdict[p->verdict]++;
		c->reason[p->reason]++;
		c->backwards += c->last_ns > p->ts_ns;
		c->last_ns = p->ts_ns;
		if (!c->first_ns)
			c->first_ns = p->ts_ns;
		if (p->layers)
			for (unsigned v = 0; v < batch->layers[p->layers - 1].n_vlan; v++)
				c->vlan[batch->layers[p->layers - 1].vlan[v] & 4095]++;
		if (p->verdict == SP_ANALYSED && p->reason == SP_DECODE_OK) {
			c->proto[p->proto]++;
			count_flow(c, &batch->key[i], queue);
		}
	}
	c->queue[queue] += batch->n;
}

/* `{"name": n, …}` of the numbers that are not 0. */
static void print_counts(const char *what, const uint64_t *n, unsigned count, const char *(*name)(unsigned))
{
	const char *separator = "";
	printf(", \"%s\": {", what);
	for (unsigned i = 0; i < count; i++)
		if (n[i]) {
			printf("%s\"%s\": %" PRIu64, separator, name(i), n[i]);
			separator = ", ";
		}
	printf("}");
}

static const char *number(unsigned i)
{
	static char text[16];
	snprintf(text, sizeof text, "%u", i);
	return text;
}

static const char *verdict_name(unsigned i)
{
	static const char *const names[] = {"analysed", "filtered", "duplicate", "malformed", "dropped"};
	return names[i];
}

static const char *reason_name(unsigned i)
{
	return sp_decode_reason_name(i);
}

static uint64_t user_ns(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_utime.tv_sec * SP_NS_PER_SEC + (uint64_t)u.ru_utime.tv_usec * SP_NS_PER_US;
}

static void print(const struct sp_port *port, const struct counts *c, const struct sp_port_stats *s, int ended,
		  uint64_t busy_ns)
{
	uint64_t split = 0;
	for (uint32_t i = 0; i < FLOWS_MAX; i++)
		split += __builtin_popcountll(c->flows[i].queues) > 1;
	printf("{\"port\": \"%s\", \"why\": \"%s\", \"symmetric\": %s, \"ended\": %d", port->name, port->why,
	       port->symmetric ? "true" : "false", ended);
	printf(", \"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"captured_bytes\": %" PRIu64, c->packets, c->bytes,
	       c->cap_bytes);
	printf(", \"dropped\": %" PRIu64 ", \"invalid\": %" PRIu64 ", \"copied\": %" PRIu64, s->dropped, s->invalid,
	       s->copied);
	printf(", \"stats_packets\": %" PRIu64 ", \"stats_bytes\": %" PRIu64, s->packets, s->bytes);
	printf(", \"cut\": %" PRIu64 ", \"longest\": %" PRIu64 ", \"csum_pending\": %" PRIu64, c->cut, c->longest,
	       c->csum_pending);
	printf(", \"first_ns\": %" PRIu64 ", \"last_ns\": %" PRIu64 ", \"backwards\": %" PRIu64, c->first_ns,
	       c->last_ns, c->backwards);
	printf(", \"flows\": %u, \"tcp_flows\": %u, \"split_flows\": %" PRIu64, c->n_flows, c->n_tcp, split);
	printf(", \"busy_ns_per_packet\": %.1f", c->packets ? (double)busy_ns / (double)c->packets : 0);
	print_counts("queues", c->queue, SP_PORT_QUEUES_MAX, number);
	print_counts("verdicts", c->verdict, SP_VERDICT_MAX, verdict_name);
	print_counts("reasons", c->reason, SP_DECODE_REASON_MAX, reason_name);
	print_counts("protos", c->proto, 256, number);
	print_counts("vlans", c->vlan, 4096, number);
	puts("}");
}

struct limits {
	uint64_t seconds, idle_ms, packets;
	bool busy, checksums, raw;
};

static void rest(struct sp_port *port)
{
	struct pollfd fds[SP_PORT_QUEUES_MAX];
	for (uint16_t i = 0; i < port->n_queues; i++)
		fds[i] = (struct pollfd){.fd = port->ops->fd(port, i), .events = POLLIN};
	if (fds[0].fd < 0)
		usleep(50);
	else
		poll(fds, port->n_queues, 20);
}

/* Returns 0, or what ended the port. *busy_ns: CPU time of polls that brought packets and of decoding them. */
static int drain(struct sp_port *port, const struct limits *limits, struct counts *c)
{
	static struct sp_batch batch;
	static const uint32_t space[SP_POINTS_MAX];
	struct sp_decode_conf decode = sp_decode_conf_default();
	decode.verify_checksums = limits->checksums;
	uint64_t start = sp_clock_ns(CLOCK_MONOTONIC), last = start;
	while (!stop) {
		bool any = false;
		for (uint16_t q = 0; q < port->n_queues; q++) {
			int n = port->ops->poll(port, q, &batch);
			if (n < 0)
				return n;
			if (n == 0)
				continue;
			any = true;
			if (limits->raw) {
				c->packets += (unsigned)n;
				port->ops->release(port, q, &batch);
				continue;
			}
			for (int i = 0; i < n; i++)
				c->csum_pending += !!(batch.pkt[i].flags & SP_PKT_CSUM_PENDING);
			sp_decode_batch(&decode, space, &batch);
			count_batch(c, &batch, q);
			port->ops->release(port, q, &batch);
		}
		if (limits->packets && c->packets >= limits->packets)
			return 0;
		if (any) {
			last = 0;
			continue;
		}
		uint64_t now = sp_clock_ns(CLOCK_MONOTONIC);
		last = last ? last : now;
		if (now - start > limits->seconds * SP_NS_PER_SEC ||
		    (limits->idle_ms && c->packets && now - last > limits->idle_ms * SP_NS_PER_MS))
			return 0;
		if (!limits->busy)
			rest(port);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct limits limits = {.seconds = 10};
	for (int opt; (opt = getopt(argc, argv, "t:i:n:bcr")) != -1;)
		switch (opt) {
		case 't':
			limits.seconds = strtoull(optarg, NULL, 10);
			break;
		case 'i':
			limits.idle_ms = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			limits.packets = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			limits.checksums = true;
			break;
		case 'r':
			limits.raw = true;
			break;
		case 'b':
			limits.busy = true;
			break;
		default:
			return 2;
		}
	static struct sp_port_conf conf;
	port_args_defaults(&conf);
	for (; optind < argc; optind++)
		if (!port_args_set(&conf, argv[optind]))
			return 2;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);

	static struct sp_points points;
	static struct counts c;
	struct sp_port *port;
	struct sp_err err;
	c.flows = calloc(FLOWS_MAX, sizeof *c.flows);
	int r = c.flows ? sp_port_open(&port, &conf, &points, &err) : -ENOMEM;
	if (r < 0) {
		fprintf(stderr, "port_count: %s\n", err.text);
		return r == -EPERM || r == -EACCES ? 77 : 1;
	}
	fprintf(stderr, "ready\n");
	uint64_t before = user_ns();
	int ended = drain(port, &limits, &c);
	uint64_t used = user_ns() - before;
	struct sp_port_stats sum = {0};
	for (uint16_t q = 0; q < port->n_queues; q++) {
		struct sp_port_stats s;
		port->ops->stats(port, q, &s);
		sum.packets += s.packets;
		sum.bytes += s.bytes;
		sum.dropped += s.dropped;
		sum.invalid += s.invalid;
		sum.copied += s.copied;
	}
	print(port, &c, &sum, ended, used);
	port->ops->close(port);
	free(c.flows);
	return 0;
}
