// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Feeds the data plane with many flows in one BPF_PROG_TEST_RUN. A test run repeats on what the last run left of its
 * frame, so a feeder puts the frame of the next flow there, start moved back where it was, and jumps into the program
 * under test. What the feeder itself costs is what it takes in front of a program that does nothing.
 */

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define FRAME_LENGTH 80
#define FIRST_PORT 1024
#define PORT_BITS 15
#define IPV4_CHECKSUM 24
#define IPV4_SOURCE_LOW 28
#define IPV4_SOURCE_PORT 34
#define IPV6_SOURCE_LOW 36
#define IPV6_SOURCE_PORT 54

enum target { TARGET_TESTED, TARGET_NOTHING, TARGET_FLOOR, TARGETS };

/* Flow i comes from port FIRST_PORT + i % 2^15 of address i / 2^15, or is the list's frame i. */
struct feed {
	__u32 flows;
	__u32 step; /* coprime to flows: every flow has its turn, neighbours in time are none in the table */
	__u32 next;
	__u32 listed;
	__u32 ipv6;
	__u32 moves; /* the program under test moves the start of the frame: both kinds of runs pay for moving it */
	__u32 never; /* 0, which the compiler does not know */
	__u32 carry; /* of touch_slot */
};

struct frame {
	__u64 words[FRAME_LENGTH / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct feed);
} feeds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct frame);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

/* The connection table of the program under test, as nothing but memory. */
struct slot {
	__u64 words[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} received SEC(".maps");

const volatile __u32 num_slots = 1024;

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline int prepare(struct xdp_md *ctx)
{
	__u32 zero = 0, flow, index, length;
	struct feed *feed = bpf_map_lookup_elem(&feeds, &zero);
	struct frame *from, *to;
	__be16 low, port;
	void *data;

	if (!feed)
		return -1;
	length = ctx->data_end - ctx->data;
	if (feed->moves && bpf_xdp_adjust_head(ctx, (int)length - FRAME_LENGTH))
		return -1;
	flow = feed->next;
	feed->next = flow + feed->step;
	if (feed->next >= feed->flows)
		feed->next -= feed->flows;

	data = (void *)(long)ctx->data;
	to = data;
	index = feed->listed ? flow : 0;
	from = bpf_map_lookup_elem(&frames, &index);
	if (!from || (void *)(to + 1) > (void *)(long)ctx->data_end)
		return -1;
#pragma unroll
	for (int i = 0; i < FRAME_LENGTH / 8; i++)
		to->words[i] = from->words[i];
	if (feed->listed)
		return 0;
	low = bpf_htons(flow >> PORT_BITS);
	port = bpf_htons(FIRST_PORT + (flow & ((1 << PORT_BITS) - 1)));
	if (feed->ipv6) {
		*(__be16 *)(data + IPV6_SOURCE_LOW) = low;
		*(__be16 *)(data + IPV6_SOURCE_PORT) = port;
	} else {
		__u16 *checksum = data + IPV4_CHECKSUM;

		*(__be16 *)(data + IPV4_SOURCE_LOW) = low;
		*(__be16 *)(data + IPV4_SOURCE_PORT) = port;
		*checksum = ~fold((__u16) ~*checksum + low);
	}
	return 0;
}

SEC("xdp")
int feed_tested(struct xdp_md *ctx)
{
	if (!prepare(ctx))
		bpf_tail_call(ctx, &targets, TARGET_TESTED);
	return XDP_ABORTED;
}

SEC("xdp")
int feed_nothing(struct xdp_md *ctx)
{
	if (!prepare(ctx))
		bpf_tail_call(ctx, &targets, TARGET_NOTHING);
	return XDP_ABORTED;
}

SEC("xdp")
int feed_floor(struct xdp_md *ctx)
{
	if (!prepare(ctx))
		bpf_tail_call(ctx, &targets, TARGET_FLOOR);
	return XDP_ABORTED;
}

/*
 * The yardstick of memory: a slot somewhere in the table is read, both cache lines, and written. Where the next one
 * is depends on what was read, so that misses of successive packets do not overlap.
 */
SEC("xdp")
int touch_slot(struct xdp_md *ctx)
{
	__u32 zero = 0, index, mixed;
	struct feed *feed = bpf_map_lookup_elem(&feeds, &zero);
	volatile __u64 *words;
	struct slot *slot;

	if (!feed)
		return XDP_ABORTED;
	mixed = (feed->next + 1 + (feed->carry & feed->never)) * 0x85ebca6b;
	mixed = (mixed ^ mixed >> 15) * 0xc2b2ae35;
	mixed ^= mixed >> 16;
	index = (__u64)mixed * num_slots >> 32;
	slot = bpf_map_lookup_elem(&slots, &index);
	if (!slot)
		return XDP_ABORTED;
	words = slot->words;
	__sync_fetch_and_add(&slot->words[6], feed->never);
	feed->carry = words[0] ^ words[8];
	return XDP_TX;
}

/* The yardstick of forwarding: back to the sender, which has to take it. */
SEC("xdp")
int swap_macs(struct xdp_md *ctx)
{
	struct macs {
		__u8 to[6];
		__u8 from[6];
	} *macs = (void *)(long)ctx->data;
	__u8 mac[6];

	if ((void *)(macs + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	if (macs->to[0] & 1)
		return XDP_DROP;
	__builtin_memcpy(mac, macs->to, 6);
	__builtin_memcpy(macs->to, macs->from, 6);
	__builtin_memcpy(macs->from, mac, 6);
	return XDP_TX;
}

/* The receiver of what was forwarded: frames as short as those fed are ours, the host's own chatter is not IP. */
SEC("xdp")
int receive(struct xdp_md *ctx)
{
	__u16 *ethertype = (void *)(long)ctx->data + 12;
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&received, &zero);

	if ((void *)(ethertype + 1) > (void *)(long)ctx->data_end || !count)
		return XDP_DROP;
	if (*ethertype == bpf_htons(0x0800))
		(*count)++;
	return XDP_DROP;
}

SEC("xdp")
int nothing(struct xdp_md *ctx)
{
	return XDP_TX;
}

char _license[] SEC("license") = "Dual MIT/GPL";
