/* SPDX-License-Identifier: Apache-2.0 */
/* protocols [FILE]: prints docs/protocols.md, which follows from the table of parsers; with a file, TAP: is it the
 * same? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/parser.h"

static void transports(FILE *out, unsigned mask)
{
	static const char *const name[] = {"TCP", "UDP", "ICMP"};
	const char *comma = "";
	for (unsigned i = 0; i < 3; i++)
		if (mask & 1U << i) {
			fprintf(out, "%s%s", comma, name[i]);
			comma = ", ";
		}
}

static void attributes(FILE *out, const struct sp_parser *p)
{
	for (unsigned i = 0; p->fields && p->fields[i]; i++)
		fprintf(out, "%s`%s`", i ? ", " : "", p->fields[i]);
}

static void row(FILE *out, const struct sp_parser *p)
{
	static const char *const pairing[] = {"in order", "by id", "none"};
	fprintf(out, "\n## %s\n\n", p->title);
	fprintf(out, "`app_proto` `%s` · ", p->name);
	transports(out, p->transports);
	fprintf(out, " · responses are found %s", pairing[p->pairing]);
	if (p->timeout_s)
		fprintf(out, " · a request is given up after %u s", p->timeout_s);
	for (const uint16_t *port = p->elsewhere; port && *port; port++)
		fprintf(out, "%s %u", port == p->elsewhere ? " · answers in other flows: UDP ports" : ",", *port);
	fprintf(out, "\n");
	if (p->fields && p->fields[0]) {
		fprintf(out, "\nAttributes: ");
		attributes(out, p);
		fprintf(out, ".\n");
	}
	fprintf(out, "\n%s%s\n", *p->missing ? "Missing: " : "Nothing known is missing.", p->missing);
}

static void print(FILE *out)
{
	fprintf(out,
		"<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
		"# Protocols\n\n"
		"What spantap reads above TCP, UDP and ICMP, on any port: protocols are told by what is said. "
		"Every call gives a\n"
		"line of `requests.jsonl` with the keys that all protocols share – method, host, resource, "
		"endpoint, code, status,\n"
		"message, correlation, trace identifiers – and the attributes named here. This page is made from "
		"the parsers' own\n"
		"table: `build/tests/protocols > docs/protocols.md`.\n\n"
		"Where a group is asked, or who asks has no address yet, the answer comes in another flow than the "
		"request. They are one\n"
		"call all the same: in the flow of who asked, with who answered as its server, and the answer's flow "
		"as "
		"`response_flow_id`. The\n"
		"first answer ends it; those of others (a second DHCP server's offer) are `response`s in their own "
		"flows. Questions of\n"
		"multicast DNS that nobody answers within 2 s, and answers that nobody asked for, are `oneway`.\n");
	for (const struct sp_parser *const *p = sp_parsers; *p; p++)
		row(out, *p);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print(stdout);
		return 0;
	}
	char *want = NULL, *is = NULL;
	size_t want_n = 0, is_n = 0;
	FILE *out = open_memstream(&want, &want_n), *file = fopen(argv[1], "r");
	print(out);
	fclose(out);
	ssize_t n = file ? getdelim(&is, &is_n, 0, file) : -1;
	bool same = n == (ssize_t)want_n && !memcmp(is, want, want_n);
	printf("%s 1 - %s\n1..1\n", same ? "ok" : "not ok", argv[1]);
	if (!same)
		printf("# build/tests/protocols > docs/protocols.md\n");
	free(want);
	free(is);
	if (file)
		fclose(file);
	return !same;
}
