/* SPDX-License-Identifier: Apache-2.0 */
/* Where connections died, from paths.jsonl: a table by place. */
#ifndef SP_CLI_DEATHS_H
#define SP_CLI_DEATHS_H

#include "cli/folder.h"
#include "cli/table.h"

/* Prints nothing where there is no such file, or none of its connections died. Returns an exit code: that a part is
 * missing, at worst. */
int sp_deaths_print(struct sp_folder *folder, struct sp_table *table, bool colour);

#endif
