/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_TCP_STATE_H
#define XDPVS_TCP_STATE_H

/*
 * State of a connection from the packets of both sides (DPVS src/ipvs/ip_vs_proto_tcp.c, ip_vs_proto_udp.c; reference
 * dataplane 3.4, 3.5). A change is rare: it writes both slots and moves the connection between its server's counts.
 */

#include "conn.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum tcp_event { TCP_EVENT_SYN, TCP_EVENT_FIN, TCP_EVENT_ACK, TCP_EVENT_RST, TCP_EVENTS };

#define NO TCP_STATE_NONE
#define ES TCP_STATE_ESTABLISHED
#define SS TCP_STATE_SYN_SENT
#define SR TCP_STATE_SYN_RECV
#define FW TCP_STATE_FIN_WAIT
#define TW TCP_STATE_TIME_WAIT
#define CL TCP_STATE_CLOSE
#define CW TCP_STATE_CLOSE_WAIT
#define LA TCP_STATE_LAST_ACK
#define LI TCP_STATE_LISTEN

/* [inbound][event][state], 16 states a row so that a masked index stays inside. */
const __u8 tcp_next_state[2][TCP_EVENTS][16] = {
	{
		/* from the server: NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */
		[TCP_EVENT_SYN] = { SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR },
		[TCP_EVENT_FIN] = { TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },
		[TCP_EVENT_ACK] = { ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },
		[TCP_EVENT_RST] = { CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },
	},
	{
		/* from the client */
		[TCP_EVENT_SYN] = { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },
		[TCP_EVENT_FIN] = { CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW },
		[TCP_EVENT_ACK] = { CL, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },
		[TCP_EVENT_RST] = { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR },
	},
};

#undef NO
#undef ES
#undef SS
#undef SR
#undef FW
#undef TW
#undef CL
#undef CW
#undef LA
#undef LI

static __always_inline __u8 tcp_next(__u8 state, __u8 tcp_flags, bool inbound)
{
	__u32 event;

	if (tcp_flags & TCP_RST)
		event = TCP_EVENT_RST;
	else if (tcp_flags & TCP_SYN)
		event = TCP_EVENT_SYN;
	else if (tcp_flags & TCP_FIN)
		event = TCP_EVENT_FIN;
	else if (tcp_flags & TCP_ACK)
		event = TCP_EVENT_ACK;
	else
		return TCP_STATE_CLOSE;
	return tcp_next_state[inbound ? 1 : 0][event][state & 15];
}

static __always_inline __u8 udp_next(__u8 state, bool inbound)
{
	if (!inbound)
		return UDP_STATE_NORMAL;
	return state == UDP_STATE_NONE ? UDP_STATE_ONEWAY : state;
}

/* Takes the connection to a new state: status of the inbound slot first, it decides who counts. */
static __noinline void conn_change_state(__u32 index, __u8 state)
{
	struct conn *conn = conn_at(index), *peer, *inbound;
	struct dest_conns *counts;
	__u32 old, new, dest, flags, peer_index;

	if (!conn)
		return;
	peer_index = conn->peer;
	peer = conn_at(peer_index);
	if (!peer)
		return;
	inbound = conn->flags & CONN_INBOUND ? conn : peer;
	old = *conn_status_word(inbound);
	flags = old >> 8 & 0xff;
	if (flags & CONN_DEAD)
		return;
	if (inbound->key.proto == IPPROTO_TCP && state == TCP_STATE_ESTABLISHED)
		flags &= ~CONN_INACTIVE;
	else
		flags |= CONN_INACTIVE;
	new = (old & ~0xffff) | status_word(state, flags);
	if (__sync_val_compare_and_swap(conn_status_word(inbound), old, new) != old)
		return; /* another packet of the connection was faster; the next one sees its state */
	(inbound == conn ? peer : conn)->state = state;

	if (((old >> 8) ^ flags) & CONN_INACTIVE) {
		dest = inbound->dest;
		counts = bpf_map_lookup_elem(&dest_conns, &dest);
		if (counts && flags & CONN_INACTIVE) {
			__sync_fetch_and_add(&counts->inactive, 1);
			__sync_fetch_and_add(&counts->active, -1);
		} else if (counts) {
			__sync_fetch_and_add(&counts->active, 1);
			__sync_fetch_and_add(&counts->inactive, -1);
		}
	}
}

#endif
