/* SPDX-License-Identifier: Apache-2.0 */
/* A port with the smallest consumer: opens AF_XDP ports on devices, drains them, counts. For the scripts beside it.
 *   xdp_count [SETTING=VALUE]... DEVICE...
 * Settings: type=af_packet (to compare) mode= attach= zero_copy= dedicated= queues= ring= busy_us= rule=NET:PORT,PORT
 * direction= netns= idle=1 (sleep on the descriptor) write=FILE (pcap of all). Says "ready" with each port's `why`,
 * drains until SIGTERM, then until nothing waits, and prints one line for each port. A port that ends says so. Exit
 * code: 0, or 1 with the error when one does not open. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "dataplane/port_conf.h"
#include "dataplane/port_table.h"

#define PORTS_MAX 64

static volatile sig_atomic_t stop;
static struct sp_points points;
static struct sp_port_conf conf = {
	.type = SP_PORT_AF_XDP,
	.promiscuous = true,
	.snaplen = SP_PORT_SNAPLEN_MAX,
	.queues = 1,
	.af_packet = {.block_size = 512 << 10, .blocks = 64, .block_timeout = 8 * SP_NS_PER_MS},
	.af_xdp = {.ring = 8192, .busy_poll_budget = 64}};
static struct sp_xdp_rule rules[SP_XDP_RULES_MAX];
static bool sleepy;
static FILE *pcap;

static void on_signal(int s)
{
	stop = 1;
}

static int word(const char *value, const char *words)
{
	const char *p = strstr(words, value);
	int n = 0;
	for (const char *q = words; q < p; q++)
		n += *q == ' ';
	return p ? n : -1;
}

static void add_rule(char *value)
{
	struct sp_xdp_rule *rule = &rules[conf.af_xdp.filter.n++];
	char *ports = strrchr(value, '~');
	if (ports)
		*ports++ = 0;
	snprintf(rule->net, sizeof rule->net, "%s", value);
	for (char *p; ports && (p = strsep(&ports, ","));)
		rule->ports.v[rule->ports.n++] = strtoul(p, NULL, 0);
	conf.af_xdp.filter.v = rules;
}

static void open_pcap(const char *file)
{
	static const uint32_t head[] = {0xa1b23c4d, 4 << 16 | 2, 0, 0, 65535, 1};
	pcap = fopen(file, "w");
	fwrite(head, sizeof head, 1, pcap);
}

static bool setting(char *arg)
{
	char *value = strchr(arg, '=');
	if (!value)
		return false;
	*value++ = 0;
	struct sp_xdp_conf *xdp = &conf.af_xdp;
	if (!strcmp(arg, "type"))
		conf.type = !strcmp(value, "af_packet") ? SP_PORT_AF_PACKET : SP_PORT_AF_XDP;
	else if (!strcmp(arg, "mode"))
		xdp->mode = word(value, "mirror redirect");
	else if (!strcmp(arg, "attach"))
		xdp->attach = word(value, "auto native generic");
	else if (!strcmp(arg, "zero_copy"))
		xdp->zero_copy = word(value, "auto yes no");
	else if (!strcmp(arg, "dedicated"))
		xdp->dedicated = atoi(value);
	else if (!strcmp(arg, "queues"))
		conf.queues = atoi(value);
	else if (!strcmp(arg, "ring"))
		xdp->ring = atoi(value);
	else if (!strcmp(arg, "busy_us"))
		xdp->busy_poll = atoi(value) * SP_NS_PER_US;
	else if (!strcmp(arg, "direction"))
		conf.direction = word(value, "both in");
	else if (!strcmp(arg, "snaplen"))
		conf.snaplen = atoi(value);
	else if (!strcmp(arg, "netns"))
		snprintf(conf.netns, sizeof conf.netns, "%s", value);
	else if (!strcmp(arg, "rule"))
		add_rule(value);
	else if (!strcmp(arg, "idle"))
		sleepy = atoi(value);
	else if (!strcmp(arg, "write"))
		open_pcap(value);
	else
		fprintf(stderr, "xdp_count: %s?\n", arg);
	return true;
}

static void write_batch(const struct sp_batch *batch)
{
	for (uint32_t i = 0; i < batch->n; i++) {
		const struct sp_pkt *p = &batch->pkt[i];
		uint32_t head[] = {p->ts_ns / SP_NS_PER_SEC, p->ts_ns % SP_NS_PER_SEC, p->cap_len, p->wire_len};
		fwrite(head, sizeof head, 1, pcap);
		fwrite(p->data, p->cap_len, 1, pcap);
	}
}

struct counted {
	struct sp_port *port;
	uint64_t seen, bytes, tagged, busy, wrong, by_queue[SP_PORT_QUEUES_MAX];
	uint64_t newest[SP_PORT_QUEUES_MAX], backwards; /* packets older than the one before them in their queue */
	bool gone;
};

/* Every queue once. Returns how many packets there were. */
static uint32_t drain(struct counted *c)
{
	static struct sp_batch batch;
	uint32_t total = 0;
	uint64_t start = sp_clock_ns(CLOCK_MONOTONIC);
	for (uint16_t q = 0; q < c->port->n_queues && !c->gone; q++) {
		int n = c->port->ops->poll(c->port, q, &batch);
		if (n < 0) {
			printf("gone %s: %s\n", c->port->name, strerror(-n));
			fflush(stdout);
			c->gone = true;
			break;
		}
		for (int i = 0; i < n; i++) {
			c->bytes += batch.pkt[i].data[12] | batch.pkt[i].wire_len; /* touches the frame */
			c->tagged += batch.pkt[i].data[12] == 0x81 || batch.pkt[i].data[12] == 0x88;
			c->wrong += batch.pkt[i].point != c->port->point;
			c->backwards += batch.pkt[i].ts_ns < c->newest[q];
			c->newest[q] = batch.pkt[i].ts_ns;
		}
		if (n && pcap)
			write_batch(&batch);
		if (n)
			c->port->ops->release(c->port, q, &batch);
		c->by_queue[q] += n;
		c->seen += n;
		total += n;
	}
	if (total)
		c->busy += sp_clock_ns(CLOCK_MONOTONIC) - start;
	return total;
}

static void wait_for_more(struct counted *c, unsigned n)
{
	struct pollfd fds[PORTS_MAX];
	unsigned k = 0;
	for (unsigned i = 0; i < n; i++)
		for (uint16_t q = 0; q < c[i].port->n_queues && k < PORTS_MAX; q++)
			fds[k++] = (struct pollfd){.fd = c[i].gone ? -1 : c[i].port->ops->fd(c[i].port, q),
						   .events = POLLIN};
	poll(fds, k, 100);
}

static void report(struct counted *c, uint64_t cpu)
{
	struct sp_port_stats sum = {0}, one;
	for (uint16_t q = 0; q < c->port->n_queues; q++) {
		c->port->ops->stats(c->port, q, &one);
		sum.packets += one.packets;
		sum.dropped += one.dropped;
		sum.invalid += one.invalid;
	}
	printf("%s packets=%llu dropped=%llu invalid=%llu wrong=%llu tagged=%llu backwards=%llu busy_ns=%.1f "
	       "cpu_ns=%.1f queues=",
	       c->port->name, (unsigned long long)sum.packets, (unsigned long long)sum.dropped,
	       (unsigned long long)sum.invalid, (unsigned long long)(c->wrong + (sum.packets != c->seen)),
	       (unsigned long long)c->tagged, (unsigned long long)c->backwards, c->seen ? (double)c->busy / c->seen : 0,
	       c->seen ? (double)cpu / c->seen : 0);
	for (uint16_t q = 0; q < c->port->n_queues; q++)
		printf("%s%llu", q ? "," : "", (unsigned long long)c->by_queue[q]);
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct counted c[PORTS_MAX];
	unsigned n = 0;
	struct sp_err err;
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	for (int i = 1; i < argc; i++) {
		if (setting(argv[i]))
			continue;
		snprintf(conf.interface, sizeof conf.interface, "%s", argv[i]);
		if (sp_port_open(&c[n].port, &conf, &points, &err) < 0) {
			printf("failed %s\n", err.text);
			while (n--)
				c[n].port->ops->close(c[n].port);
			return 1;
		}
		printf("ready %s: %s\n", c[n].port->name, c[n].port->why);
		n++;
	}
	printf("go\n");
	fflush(stdout);

	uint64_t cpu = sp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned quiet = 0; quiet < (stop ? 200000 : UINT32_MAX);) {
		uint32_t got = 0;
		for (unsigned i = 0; i < n; i++)
			got += drain(&c[i]);
		quiet = got || !stop ? 0 : quiet + 1;
		if (!got && sleepy && !stop)
			wait_for_more(c, n);
	}
	cpu = sp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	for (unsigned i = 0; i < n; i++)
		report(&c[i], cpu);
	for (unsigned i = 0; i < n; i++)
		c[i].port->ops->close(c[i].port);
	if (pcap)
		fclose(pcap);
	return 0;
}
