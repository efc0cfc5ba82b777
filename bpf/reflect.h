/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_REFLECT_H
#define XDPVS_REFLECT_H

/*
 * Answers that go back by the way the question came: the frame's tag stays, its MACs are turned round. Offsets taken
 * from struct pkt are masked, since kernels before 5.16 forget the range of a 32-bit value kept on the stack.
 */

#include "csum.h"
#include "transmit.h"

#define DEFAULT_TTL 64

static __always_inline __u32 l3_of(const struct pkt *pkt)
{
	return pkt->l3_offset & 31;
}

static __always_inline __u32 l4_of(const struct pkt *pkt)
{
	return pkt->l4_offset & 127;
}

static __always_inline bool mac_is_multicast(const __u8 *mac)
{
	return mac[0] & 1;
}

static __always_inline bool mac_is_zero(const __u8 *mac)
{
	return !(*(__u32 *)mac | *(__u16 *)(mac + 4));
}

/* 0/8, 127/8, multicast, class E with the broadcast address: no address to answer. */
static __always_inline bool ipv4_is_unicast(const __u8 *addr)
{
	return addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
}

static __always_inline bool ipv6_is_unspecified(const __u8 *addr)
{
	const __u32 *word = (const __u32 *)addr;

	return !(word[0] | word[1] | word[2] | word[3]);
}

static __always_inline bool ipv6_is_loopback(const __u8 *addr)
{
	const __u32 *word = (const __u32 *)addr;

	return !(word[0] | word[1] | word[2]) && word[3] == bpf_htonl(1);
}

static __always_inline bool ipv6_is_multicast(const __u8 *addr)
{
	return addr[0] == 0xff;
}

static __always_inline bool ipv6_is_unicast(const __u8 *addr)
{
	return !ipv6_is_multicast(addr) && !ipv6_is_unspecified(addr) && !ipv6_is_loopback(addr);
}

static __always_inline bool address_is_unicast(const __u8 *addr, __u8 af)
{
	return af == AF_INET4 ? ipv4_is_unicast(addr) : ipv6_is_unicast(addr);
}

/* Whether an address is configured on a device. af and the address as in struct neighbour_key, equal by design. */
static __always_inline bool address_is_ours(const struct neighbour_key *key)
{
	struct address_key address = { .device = key->device, .af = key->af };

	copy16(address.addr, key->addr);
	return bpf_map_lookup_elem(&addresses, &address);
}

static __always_inline void swap_macs(struct ethhdr *eth)
{
	__u8 mac[6];

	mac_copy(mac, eth->h_dest);
	mac_copy(eth->h_dest, eth->h_source);
	mac_copy(eth->h_source, mac);
}

/* Sends the frame out of the port it came by. */
static __always_inline int reflect(struct pkt *pkt)
{
	struct device_stats *stats = device_stats_at(pkt->device);

	if (stats) {
		stats->tx_packets++;
		stats->tx_bytes += frame_length(pkt->ctx);
	}
	return XDP_TX;
}

#endif
