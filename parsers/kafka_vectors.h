/* SPDX-License-Identifier: Apache-2.0 */
static const struct sp_vector vectors[] = {
	{0},
};
