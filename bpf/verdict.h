/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_VERDICT_H
#define XDPVS_VERDICT_H

/*
 * A stage takes the packet and returns an XDP action, or NEXT to let the following stage decide. Every packet that
 * goes nowhere leaves through drop(), which counts the reason.
 */

#include "maps.h"

#define NEXT (-1)

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif

static __always_inline int drop(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&drops, &reason);

	if (count)
		(*count)++;
	return XDP_DROP;
}

/*
 * Coarse monotonic time in ticks of 2^TICK_SHIFT ns; wraps after 417 days, compare by difference. Programs of type
 * syscall have no coarse clock and use the fine one, a few ms ahead.
 */
static __always_inline __u32 now_ticks(void)
{
	return bpf_ktime_get_coarse_ns() >> TICK_SHIFT;
}

/* Coarse monotonic time without a call, which costs 12 ns where returns are mitigated: jiffies are read in place. */
static __always_inline __u64 now_ns_fast(const struct settings *set)
{
	if (!set->jiffy_ns)
		return bpf_ktime_get_coarse_ns();
	return bpf_jiffies64() * set->jiffy_ns + set->jiffies_offset_ns;
}

static __always_inline __u32 now_ticks_fast(const struct settings *set)
{
	return now_ns_fast(set) >> TICK_SHIFT;
}

#endif
