/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ARP_H
#define XDPVS_ARP_H

/*
 * ARP (RFC 826, 5227): requests for an address of the ingress device are answered here, so they are answered while the
 * daemon is away. Replies teach the neighbour table and still go to the host, which may have asked itself. Contract:
 * called for frames of ethertype ARP after device_input(); returns an XDP action, never NEXT.
 *
 * Beyond DPVS (src/neigh.c): a request refreshes the sender's entry if there is one, as Linux does, and whoever uses
 * an address of ours is reported.
 */

#include "learn.h"
#include "reflect.h"

#define ARP_ETHERNET 1
#define ARP_REQUEST 1
#define ARP_REPLY 2

struct arp_packet {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[6];
	__u8 sender_ip[4];
	__u8 target_mac[6];
	__u8 target_ip[4];
};

static __always_inline bool ipv4_equal(const __u8 *a, const __u8 *b)
{
	return *(__u32 *)a == *(__u32 *)b;
}

/* Turns the request into the reply. The frame is addressed to the sender the request names, as Linux does. */
static __always_inline int arp_answer(struct pkt *pkt, struct ethhdr *eth, struct arp_packet *arp, const __u8 *mac)
{
	__u8 address[4];

	__builtin_memcpy(address, arp->target_ip, 4);
	arp->operation = bpf_htons(ARP_REPLY);
	mac_copy(arp->target_mac, arp->sender_mac);
	__builtin_memcpy(arp->target_ip, arp->sender_ip, 4);
	mac_copy(arp->sender_mac, mac);
	__builtin_memcpy(arp->sender_ip, address, 4);
	mac_copy(eth->h_dest, arp->target_mac);
	mac_copy(eth->h_source, mac);
	return reflect(pkt);
}

static __always_inline bool arp_is_sane(const struct arp_packet *arp)
{
	return arp->hardware == bpf_htons(ARP_ETHERNET) && arp->protocol == bpf_htons(ETH_P_IP) &&
	       arp->hardware_length == 6 && arp->protocol_length == 4;
}

static __noinline int arp_input(struct pkt *pkt)
{
	struct device *device = device_at(pkt->device);
	struct neighbour_key key = { .device = pkt->device, .af = AF_INET4 };
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct arp_packet *arp = data + l3_of(pkt);
	struct ethhdr *eth = data;
	bool request, probe;

	if (!device)
		return drop(DROP_INTERNAL);
	if ((void *)(eth + 1) > end || (void *)(arp + 1) > end)
		return drop(DROP_TRUNCATED);
	if (!arp_is_sane(arp))
		return drop(DROP_BAD_HEADER);
	request = arp->operation == bpf_htons(ARP_REQUEST);
	if (!request && arp->operation != bpf_htons(ARP_REPLY))
		return to_host(pkt);
	if (!pkt->for_us && !mac_is_multicast(eth->h_dest))
		return to_host(pkt); /* between others, seen because the port is promiscuous */
	probe = *(__u32 *)arp->sender_ip == 0;
	if (mac_is_multicast(arp->sender_mac) || mac_is_zero(arp->sender_mac) ||
	    (!probe && !ipv4_is_unicast(arp->sender_ip)))
		return drop(DROP_BAD_ADDRESS);
	if (mac_equal(arp->sender_mac, device->mac))
		return to_host(pkt); /* our own, come back */

	if (!probe) {
		__builtin_memcpy(key.addr, arp->sender_ip, 4);
		if (address_is_ours(&key))
			event_send(EVENT_DAD_CONFLICT, &key, arp->sender_mac);
		else
			neighbour_learn(&key, arp->sender_mac,
					!request && pkt->for_us && !ipv4_equal(arp->sender_ip, arp->target_ip)
						? LEARN_CREATE
						: 0);
	}
	if (!request)
		return to_host(pkt);
	__builtin_memcpy(key.addr, arp->target_ip, 4);
	if (!address_is_ours(&key))
		return to_host(pkt);
	return arp_answer(pkt, eth, arp, device->mac);
}

#endif
