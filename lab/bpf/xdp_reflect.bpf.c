// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A balancer's stand-in and the benchmark's yardstick: swaps the MAC addresses of every unicast frame and sends it
 * back. Counts what it sees by whether the frame carries an 802.1Q tag.
 */
#include "lab.h"
#include <linux/if_ether.h>
#include <linux/types.h>

enum frames { UNTAGGED, TAGGED, FRAMES };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FRAMES);
	__type(key, __u32);
	__type(value, __u64);
} reflected SEC(".maps");

SEC("xdp")
int xdp_reflect(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	unsigned char mac[ETH_ALEN];
	__u64 *count;
	__u32 key;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	if (eth->h_dest[0] & 1) /* a reflected broadcast would come back for ever */
		return XDP_PASS;

	key = eth->h_proto == bpf_htons(ETH_P_8021Q) ? TAGGED : UNTAGGED;
	count = bpf_map_lookup_elem(&reflected, &key);
	if (count)
		__sync_fetch_and_add(count, 1);

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	return XDP_TX;
}

char _license[] SEC("license") = "Dual MIT/GPL";
