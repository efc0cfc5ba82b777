// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The far end of a veth: without a native program there, the kernel drops what the near end transmits from XDP. */
#include "lab.h"

SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
