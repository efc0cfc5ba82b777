/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_CLOCK_H
#define XDPVS_CLOCK_H

#include "maps.h"

/* How jiffies and the monotonic clock go together is measured by user space, see settings.jiffy_ns. */
SEC("syscall")
int clock_read(struct clock_reading *reading)
{
	reading->jiffies = bpf_jiffies64();
	reading->monotonic_ns = bpf_ktime_get_ns();
	return 0;
}

#endif
