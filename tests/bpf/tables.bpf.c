/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The maps of the data plane with the smallest programs that load: tests of user space need the tables and the
 * program names, not the forwarding. Types are anchored as in xdpvs.bpf.c.
 */
#include "clock.h"
#include "maps.h"

#define ANCHOR(kind, name) kind name *anchor_##name __attribute__((unused))

ANCHOR(enum, address_family);
ANCHOR(enum, limits);
ANCHOR(enum, slot_kind);
ANCHOR(enum, conn_flags);
ANCHOR(enum, tcp_state);
ANCHOR(enum, udp_state);
ANCHOR(enum, schedule_kind);
ANCHOR(enum, device_kind);
ANCHOR(enum, device_flags);
ANCHOR(enum, route_flags);
ANCHOR(enum, neighbour_state);
ANCHOR(enum, neighbour_flags);
ANCHOR(enum, settings_flags);
ANCHOR(enum, event_kind);
ANCHOR(enum, drop_reason);
ANCHOR(struct, event);
ANCHOR(struct, sweep_args);
ANCHOR(struct, neighbour_args);

char gpl[] SEC("license") = "GPL";
const volatile __u32 num_ports;
const volatile __u32 port_ifindexes[MAX_PORTS];

/* Answers every frame with its sender, so that a test sees that the program ran; drops when told to have no port. */
SEC("xdp")
int xdpvs(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 reason = DROP_NO_ROUTE;
	__u64 *count;

	if (num_ports == 0) {
		count = bpf_map_lookup_elem(&drops, &reason);
		if (count)
			(*count)++;
		return XDP_DROP;
	}
	if (data + 14 > end)
		return XDP_PASS;
	data[0] = port_ifindexes[num_ports - 1 & (MAX_PORTS - 1)];
	return XDP_TX;
}

SEC("xdp")
int kni_transmit(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp")
int kni_receive(struct xdp_md *ctx)
{
	return XDP_PASS;
}

struct slice {
	__u32 last, live, freed;
};

static long visit(__u32 i, struct slice *slice)
{
	__u32 slot = slice->last - i;
	struct conn *conn = bpf_map_lookup_elem(&conns, &slot);

	if (!conn || conn->tag >> 32 != SLOT_LIVE)
		return 0;
	if (conn->last_seen) {
		slice->live++;
	} else {
		conn->tag = SLOT_EMPTY;
		slice->freed++;
	}
	return 0;
}

/* Counts live slots and turns slots last seen at tick 0 into empty ones. */
SEC("syscall")
int sweep(struct sweep_args *args)
{
	struct slice slice = { .last = args->last };

	bpf_loop(args->count, visit, &slice, 0);
	args->live = slice.live;
	args->freed = slice.freed;
	return 0;
}

/* Puts the neighbour into the slot its last address byte names. */
SEC("syscall")
int neighbour_update(struct neighbour_args *args)
{
	__u32 slot = args->addr[3];
	struct neighbour *neighbour = bpf_map_lookup_elem(&neighbours, &slot);

	args->index = -1;
	if (!neighbour)
		return 0;
	if (args->remove) {
		args->index = neighbour->tag ? (__s32)slot : -2;
		neighbour->tag = 0;
		return 0;
	}
	__builtin_memcpy(neighbour->addr, args->addr, 16);
	neighbour->device = args->device;
	neighbour->af = args->af;
	if (args->set_mac) {
		__builtin_memcpy(neighbour->dmac, args->mac, 6);
		neighbour->state = args->state;
	}
	neighbour->flags = (neighbour->flags | args->set_flags) & ~args->clear_flags;
	neighbour->tag = (__u64)SLOT_LIVE << 32;
	args->index = slot;
	return 0;
}

/* One event per run. */
SEC("xdp")
int emit_event(struct xdp_md *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return XDP_ABORTED;
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = EVENT_NEIGHBOUR_WANTED;
	event->device = 7;
	bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}

/* Never loaded unless asked for: reads past the frame, which the verifier refuses. */
SEC("?xdp")
int broken(struct xdp_md *ctx)
{
	return *(__u8 *)(long)ctx->data;
}
