/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_DEVICE_H
#define XDPVS_DEVICE_H

/*
 * Which of our devices a frame belongs to, and how it reaches the host instead. The netdev of a port is its own KNI:
 * an untagged frame that is not ours is passed. A VLAN device has a veth as KNI, whose peer takes frames untagged.
 */

#include "parse.h"

const volatile __u32 num_ports = 0;
const volatile __u32 port_ifindexes[MAX_PORTS] = {};

static __always_inline struct device *device_at(__u32 id)
{
	return bpf_map_lookup_elem(&devices, &id);
}

static __always_inline struct device_stats *device_stats_at(__u32 id)
{
	return bpf_map_lookup_elem(&device_stats, &id);
}

/* Device id of the ingress port: ports are the first devices. */
static __always_inline __u32 port_of(__u32 ifindex)
{
	for (__u32 i = 0; i < MAX_PORTS && i < num_ports; i++)
		if (port_ifindexes[i] == ifindex)
			return i;
	return 0;
}

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	return *(const any32 *)a == *(const any32 *)b && *(const any16 *)(a + 4) == *(const any16 *)(b + 4);
}

/* A MAC on the stack must be aligned to 4 bytes. */
static __always_inline void mac_copy(__u8 *to, const __u8 *from)
{
	*(any32 *)to = *(const any32 *)from;
	*(any16 *)(to + 4) = *(const any16 *)(from + 4);
}

/* Gives a frame to the host: passed on a port, without its tag into the KNI on a VLAN of ours. */
static __noinline int to_host(struct pkt *pkt)
{
	struct xdp_md *ctx = pkt->ctx;
	struct device *device = device_at(pkt->device);
	struct device_stats *stats = device_stats_at(pkt->device);
	void *data, *end;
	__u8 macs[12];

	if (!device || !stats)
		return drop(DROP_INTERNAL);
	stats->kni_packets++;
	if (device->kind != DEVICE_VLAN)
		return XDP_PASS;
	if (!device->kni)
		return drop(DROP_KNI_OFF);

	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + sizeof(struct ethhdr) + sizeof(struct vlan_header) > end)
		return drop(DROP_TRUNCATED);
	__builtin_memcpy(macs, data, sizeof(macs));
	__builtin_memcpy(data + sizeof(struct vlan_header), macs, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, sizeof(struct vlan_header)))
		return drop(DROP_ADJUST);
	return bpf_redirect_map(&kni_ports, pkt->device, 0);
}

/* Finds the device, counts the frame, and tells whether it is addressed to us. */
static __always_inline int device_input(struct pkt *pkt)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct device_stats *stats;
	struct device *device;
	__u32 slot, *id;

	pkt->port = port_of(pkt->ctx->ingress_ifindex);
	pkt->device = pkt->port;
	if (pkt->vlan) {
		slot = pkt->port * 4096 + pkt->vlan;
		id = bpf_map_lookup_elem(&vlan_devices, &slot);
		if (!id || !*id)
			return XDP_PASS; /* the host may have a VLAN device of its own */
		pkt->device = *id - 1;
	}
	device = device_at(pkt->device);
	stats = device_stats_at(pkt->device);
	if (!device || !stats || data + sizeof(struct ethhdr) > end)
		return drop(DROP_INTERNAL);
	stats->rx_packets++;
	stats->rx_bytes += end - data;
	pkt->for_us = mac_equal(data, device->mac);
	return NEXT;
}

#endif
