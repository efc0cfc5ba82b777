// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * A tagged switch port without 8021q and bridge VLAN filtering: pushes the tag on egress, pops it on ingress, where
 * frames of another VLAN, or of none, are dropped as a switch would.
 *
 * The VLAN id is a macro, one object per VLAN: tc sets no constants in what it loads.
 */
#include "lab.h"
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#define VLAN_VID_MASK 0x0fff

SEC("tc/push")
int vlan_push(struct __sk_buff *skb)
{
	if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), VLAN_ID))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

SEC("tc/pop")
int vlan_pop(struct __sk_buff *skb)
{
	if (!skb->vlan_present || (skb->vlan_tci & VLAN_VID_MASK) != VLAN_ID)
		return TC_ACT_SHOT;
	if (bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
