/* SPDX-License-Identifier: Apache-2.0 */
/* Where the last whole thing of a file ends that a run which was killed may have left half written. */
#ifndef SP_EXPORTERS_SINK_ENDS_H
#define SP_EXPORTERS_SINK_ENDS_H

#include <sys/types.h>

/* The last line. -1: the file cannot be read. */
off_t sp_lines_end(int fd, off_t size);

/* The last block of a pcapng. Where the last bytes are not a block's, the file is walked. -1: it is not what spantap
 * writes. */
off_t sp_blocks_end(int fd, off_t size);

#endif
