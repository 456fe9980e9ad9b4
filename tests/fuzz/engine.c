/* SPDX-License-Identifier: Apache-2.0 */
/* The stub engine: runs a fuzz target over files, and over all files of directories, given as arguments. This is how
 * fuzz targets take part in the ordinary test run; with clang -fsanitize=fuzzer the real engine stands in its place.
 * Every input is handed over in a block of exactly its size, and also every prefix of short ones. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (16u << 20)
#define PREFIXES_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned long inputs;

static void feed(const uint8_t *data, size_t size)
{
	/* A heap block of its own, so that the sanitizer sees a read of one byte too many. */
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int feed_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);
	if (!f || !data || fread(data, 1, size, f) != size) {
		fprintf(stderr, "%s: %s\n", path, f ? "cannot be read" : strerror(errno));
		if (f)
			fclose(f);
		free(data);
		return 1;
	}
	fclose(f);
	feed(data, size);
	for (size_t n = 0; n < size && n < PREFIXES_MAX; n++)
		feed(data, n);
	free(data);
	inputs++;
	return 0;
}

static int feed_path(const char *path)
{
	struct stat st;
	if (stat(path, &st)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	if (S_ISREG(st.st_mode))
		return st.st_size > INPUT_MAX ? 0 : feed_file(path, (size_t)st.st_size);
	if (!S_ISDIR(st.st_mode))
		return 0;
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort), failed = 0;
	for (int i = 0; i < n; i++) {
		char child[4096];
		if (names[i]->d_name[0] != '.' &&
		    snprintf(child, sizeof child, "%s/%s", path, names[i]->d_name) < (int)sizeof child)
			failed |= feed_path(child);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		failed |= feed_path(argv[i]);
	printf("%lu inputs\n", inputs);
	if (!inputs) {
		fprintf(stderr, "no input: give files or directories\n");
		failed = 1;
	}
	return failed;
}
