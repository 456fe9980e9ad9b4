/* SPDX-License-Identifier: Apache-2.0 */
/* Public captures, where they are there: as many packets in each as its index says. Skipped by name otherwise. */
#include <errno.h>

#include "tests/corpus/folder.h"
#include "tests/unit/capture_make.h"

/* Files in which we count otherwise than the index, and why. */
static const struct {
	const char *path;
	long long packets;
	const char *why;
} differs[] = {
	{"libpcap/shb-option-too-long.pcapng", -1, "the section header's two lengths are not the same"},
};

static long long expected(const char *path, long long packets)
{
	for (unsigned i = 0; i < SP_ARRAY_SIZE(differs); i++)
		if (!strcmp(differs[i].path, path))
			return differs[i].packets;
	return packets;
}

static long long count(const char *path)
{
	static struct sp_batch batch;
	static struct sp_points points;
	struct sp_capture *c;
	struct sp_err err;
	points.n = 0;
	if (sp_capture_open(&c, path, NULL, SP_POINT_UNKNOWN, &points, &err))
		return -1;
	long long n = 0;
	volatile unsigned sum = 0;
	(void)sum;
	while (sp_capture_read(c, &batch))
		for (uint32_t i = 0; i < batch.n; i++, n++) {
			CHECK(batch.pkt[i].point < points.n);
			sum += touch(&batch.pkt[i]);
		}
	sp_capture_close(c);
	return n;
}

/* One index: a row a capture, path and packets in the first and the third column. */
static void index_of(const char *dir)
{
	char line[65536], path[4096];
	snprintf(path, sizeof path, "%s/INDEX.tsv", dir);
	FILE *f = fopen(path, "r");
	if (!CHECK(f))
		return;
	unsigned files = 0;
	while (fgets(line, sizeof line, f)) {
		char *name = strtok(line, "\t"), *bytes = strtok(NULL, "\t"), *packets = strtok(NULL, "\t");
		if (!bytes || !packets || packets[0] < '0' || packets[0] > '9')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, name);
		long long want = expected(name, atoll(packets)), got = count(path);
		if (got != want)
			printf("# %s: %lld packets, expected %lld\n", name, got, want);
		CHECK(got == want);
		files++;
	}
	fclose(f);
	printf("# %u captures\n", files);
	CHECK(files);
}

static void peers(void)
{
	index_of(corpus_folder());
}

static void deepflow(void)
{
	char dir[4096];
	snprintf(dir, sizeof dir, "%s/deepflow", corpus_folder());
	index_of(dir);
}

int main(void)
{
	if (!corpus_folder()) {
		SKIP("captures of other tools", "no SPANTAP_CORPUS");
		return check_done();
	}
	RUN(peers);
	RUN(deepflow);
	return check_done();
}
