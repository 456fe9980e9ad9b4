/* SPDX-License-Identifier: Apache-2.0 */
/* Where the public captures are, for programs; suite.py for scripts. */
#ifndef SP_TESTS_CORPUS_FOLDER_H
#define SP_TESTS_CORPUS_FOLDER_H

#include <stdlib.h>
#include <unistd.h>

/* NULL: they are not there. */
static inline const char *corpus_folder(void)
{
	const char *dir = getenv("SPANTAP_CORPUS");
	dir = dir ? dir : "../shared/corpus";
	return access(dir, R_OK) ? NULL : dir;
}

#endif
