/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_TRANSMIT_H
#define XDPVS_TRANSMIT_H

/* Leaving: link-layer header for a neighbour, device counters, and the right kind of transmission. */

#include "fib.h"

static __always_inline __u32 l2_length(const struct neighbour *n)
{
	return n->vlan ? sizeof(struct ethhdr) + sizeof(struct vlan_header) : sizeof(struct ethhdr);
}

/* Writes the link-layer header at the start of the frame; the caller has checked that 18 bytes are there. */
static __always_inline void write_l2(void *data, const struct neighbour *n, __be16 ethertype)
{
	struct ethhdr *eth = data;

	mac_copy(eth->h_dest, n->dmac);
	mac_copy(eth->h_source, n->smac);
	if (n->vlan) {
		struct vlan_header *tag = (void *)(eth + 1);

		eth->h_proto = bpf_htons(ETH_P_8021Q);
		tag->tci = bpf_htons(n->vlan);
		tag->ethertype = ethertype;
	} else {
		eth->h_proto = ethertype;
	}
}

static __always_inline int transmit(struct xdp_md *ctx, const struct neighbour *n)
{
	struct device_stats *stats = device_stats_at(n->device);

	if (stats) {
		stats->tx_packets++;
		stats->tx_bytes += ctx->data_end - ctx->data;
	}
	if (n->ifindex == ctx->ingress_ifindex)
		return XDP_TX;
	return bpf_redirect_map(&tx_ports, n->port, 0);
}

#endif
