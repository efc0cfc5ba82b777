/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_KNI_H
#define XDPVS_KNI_H

/*
 * The two ends of a VLAN device's KNI, a veth. What the host sends on <device>.kni arrives at the hidden peer, gets
 * the device's tag and leaves by its port. The visible end only needs a program so that redirects reach it.
 */

#include "device.h"

SEC("xdp")
int kni_transmit(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->ingress_ifindex;
	__u32 *id = bpf_map_lookup_elem(&kni_devices, &ifindex);
	struct device_stats *stats;
	struct vlan_header *tag;
	struct device *device;
	void *data, *end;
	__u8 macs[12];

	if (!id)
		return drop(DROP_INTERNAL);
	device = device_at(*id);
	stats = device_stats_at(*id);
	if (!device || !stats)
		return drop(DROP_INTERNAL);
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*tag)))
		return drop(DROP_ADJUST);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + sizeof(struct ethhdr) + sizeof(*tag) > end)
		return drop(DROP_TRUNCATED);
	__builtin_memcpy(macs, data + sizeof(*tag), sizeof(macs));
	__builtin_memcpy(data, macs, sizeof(macs));
	tag = data + sizeof(macs);
	/* The inner ethertype stays where it is, right behind the tag control field. */
	*(__be16 *)tag = bpf_htons(ETH_P_8021Q);
	*((__be16 *)tag + 1) = bpf_htons(device->vlan);
	stats->tx_packets++;
	stats->tx_bytes += end - data;
	return bpf_redirect_map(&tx_ports, device->port, 0);
}

SEC("xdp")
int kni_receive(struct xdp_md *ctx)
{
	return XDP_PASS;
}

#endif
