/* SPDX-License-Identifier: Apache-2.0 */
/* gen KIND [--seed N] [--packets N] [--flows N] [--share K/N] -o FILE: writes a capture and prints the truth about it,
 * one JSON line.
 */
#include "bench/gen.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kind {
	const char *name;
	void (*run)(struct gen_out *, const struct gen_args *);
	const char *doc;
} kinds[] = {
	{"mix", gen_mix, "HTTP, Redis, MySQL, TLS and DNS with full-size segments, losses and zero windows"},
	{"small", gen_small, "Redis calls of 16 bytes and DNS, thousands of flows"},
	{"flows", gen_flows, "2.1 million concurrent flows, every packet cold"},
	{"calls", gen_calls, "1.2 million small HTTP, Redis and DNS calls, interleaved at random"},
	{"http", gen_http, "HTTP/1.1 alone, keep-alive, responses of 10,000 bytes"},
	{"pipeline", gen_pipeline, "Redis alone, 16 small commands at a time"},
	{"selects", gen_selects, "MySQL alone, SELECTs of one row"},
	{"names", gen_names, "DNS alone"},
	{"idle", gen_idle, "HTTP connections that stay open after one call"},
};

static void usage(FILE *to)
{
	fputs("usage: gen KIND [--seed N] [--packets N] [--flows N] [--share K/N] -o FILE\n", to);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		fprintf(to, "  %-8s %s\n", kinds[i].name, kinds[i].doc);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);
	if (!*text || *end || n > UINT64_C(1000000000)) {
		fprintf(stderr, "gen: '%s' is not a number up to 1000000000\n", text);
		exit(2);
	}
	return n;
}

static void print_apps(const char *name, const uint64_t *v)
{
	static const char *const apps[] = {
#define X(sym, text) text,
		GEN_APPS(X)
#undef X
	};
	printf(",\"%s\":{", name);
	for (int i = 0, first = 1; i < GEN_APP_MAX; i++)
		if (v[i]) {
			printf("%s\"%s\":%" PRIu64, first ? "" : ",", apps[i], v[i]);
			first = 0;
		}
	putchar('}');
}

static void print_truth(const struct gen_out *out, const char *kind, uint64_t seed)
{
	const struct gen_truth *t = &out->truth;
	printf("{\"kind\":\"%s\",\"seed\":%" PRIu64, kind, seed);
#define FIELD(name, value) printf(",\"%s\":%" PRIu64, name, (uint64_t)(value))
	FIELD("packets", t->packets);
	FIELD("bytes", t->bytes);
	FIELD("payload_bytes", t->payload_bytes);
	FIELD("file_bytes", out->file_bytes);
	FIELD("span_us", t->last_us - t->first_us);
	FIELD("tuples", t->tuples);
	FIELD("flows", t->flows);
	FIELD("tcp_flows", t->tcp_flows);
	FIELD("udp_flows", t->udp_flows);
	FIELD("syn", t->syn);
	FIELD("synack", t->synack);
	FIELD("fin", t->fin);
	FIELD("retrans", t->retrans);
	FIELD("hole_filled", t->hole_filled);
	FIELD("dup_ack", t->dup_ack);
	FIELD("zero_window", t->zero_window);
#undef FIELD
	print_apps("requests", t->requests);
	print_apps("request_errors", t->errors);
	print_apps("app_bytes", t->app_bytes);
	puts("}");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"packets", required_argument, NULL, 'p'},
						{"flows", required_argument, NULL, 'f'},
						{"output", required_argument, NULL, 'o'},
						{"share", required_argument, NULL, 'k'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct gen_args args = {.seed = 1};
	for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
		switch (c) {
		case 's':
			args.seed = number(optarg);
			break;
		case 'p':
			args.packets = number(optarg);
			break;
		case 'f':
			args.flows = number(optarg);
			break;
		case 'k':
			if (sscanf(optarg, "%u/%u", &args.share, &args.shares) != 2 || args.share >= args.shares) {
				fprintf(stderr, "gen: '%s' is not a share like 0/2\n", optarg);
				return 2;
			}
			break;
		case 'o':
			args.path = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	const struct kind *kind = NULL;
	for (size_t i = 0; optind == argc - 1 && i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].name, argv[optind]))
			kind = &kinds[i];
	if (!kind || !args.path) {
		usage(stderr);
		return 2;
	}
	struct gen_out out;
	gen_open(&out, &args);
	kind->run(&out, &args);
	gen_close(&out);
	print_truth(&out, kind->name, args.seed);
	return 0;
}
