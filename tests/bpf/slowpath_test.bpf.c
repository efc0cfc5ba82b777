// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The slow path's stages as programs of their own, so that a test can tell NEXT (returned as 0xffffffff) from the
 * verdict of a later stage; slow_path has them all in a row.
 */

#include "arp.h"
#include "echo.h"
#include "icmp.h"
#include "nd.h"
#include "transmit.h"

/* What test_icmp_error sends. */
struct error_args {
	__u32 type;
	__u32 code;
	__u32 value;
	__u32 reason;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct error_args);
} error_args SEC(".maps");

static __always_inline int begin(struct pkt *pkt)
{
	int verdict = parse(pkt);

	return verdict != NEXT ? verdict : device_input(pkt);
}

SEC("xdp")
int test_arp(struct xdp_md *ctx)
{
	struct pkt pkt = { .ctx = ctx };
	int verdict = begin(&pkt);

	return verdict != NEXT ? verdict : arp_input(&pkt);
}

SEC("xdp")
int test_nd(struct xdp_md *ctx)
{
	struct pkt pkt = { .ctx = ctx };
	int verdict = begin(&pkt);

	return verdict != NEXT ? verdict : nd_input(&pkt);
}

SEC("xdp")
int test_echo(struct xdp_md *ctx)
{
	struct pkt pkt = { .ctx = ctx };
	int verdict = begin(&pkt);

	return verdict != NEXT ? verdict : echo_input(&pkt);
}

SEC("xdp")
int test_related(struct xdp_md *ctx)
{
	struct pkt pkt = { .ctx = ctx };
	int verdict = begin(&pkt);

	return verdict != NEXT ? verdict : icmp_error_input(&pkt);
}

SEC("xdp")
int test_icmp_error(struct xdp_md *ctx)
{
	struct pkt pkt = { .ctx = ctx };
	int verdict = begin(&pkt);
	struct error_args *args;
	__u32 zero = 0;

	args = bpf_map_lookup_elem(&error_args, &zero);
	if (verdict != NEXT || !args)
		return verdict;
	return icmp_error_send(&pkt, args->type, args->code, args->value, args->reason);
}

SEC("xdp")
int slow_path(struct xdp_md *ctx)
{
	struct pkt pkt = { .ctx = ctx };
	int verdict = begin(&pkt);

	if (verdict != NEXT)
		return verdict;
	if (pkt.ethertype == bpf_htons(ETH_P_ARP))
		return arp_input(&pkt);
	if (pkt.parsed == PARSED_ICMP) {
		verdict = icmp_error_input(&pkt);
		if (verdict == NEXT)
			verdict = echo_input(&pkt);
		if (verdict == NEXT)
			verdict = nd_input(&pkt);
		if (verdict != NEXT)
			return verdict;
	}
	if (pkt.ttl == 1)
		return icmp_error_send(&pkt, ICMP_TIME_EXCEEDED, 0, 0, DROP_TTL);
	return to_host(&pkt);
}

/* Enters a slot by its key: the rest of the context is taken as it is. */
SEC("syscall")
int put_conn(struct conn *args)
{
	struct settings *set = settings_get();
	struct conn_key key = args->key;
	struct conn *conn;
	__u64 hash;
	__u32 at;

	if (!set)
		return 1;
	hash = conn_hash(set, &key);
	at = conn_claim(set, hash);
	conn = conn_at(at);
	if (at == NO_SLOT || !conn)
		return 2;
	__builtin_memcpy((void *)conn + 8, (void *)args + 8, sizeof(*conn) - 8);
	conn_publish(conn, hash);
	return 0;
}

/* Enters a neighbour, reachable: the frame is a struct neighbour_args, the result its next hop. */
SEC("xdp")
int put_neighbour(struct xdp_md *ctx)
{
	struct neighbour_args *args = (void *)(long)ctx->data;
	struct neighbour_key key = {};
	struct neighbour *n;
	__u32 at;

	if ((void *)(args + 1) > (void *)(long)ctx->data_end)
		return NO_NEXT_HOP;
	copy16(key.addr, args->addr);
	key.device = args->device;
	key.af = args->af;
	at = neighbour_get(&key);
	n = neighbour_at(at);
	args = (void *)(long)ctx->data;
	if (!n || (void *)(args + 1) > (void *)(long)ctx->data_end)
		return NO_NEXT_HOP;
	mac_copy(n->dmac, args->mac);
	n->state = args->state;
	n->flags = args->set_flags;
	return next_hop_of(n, at);
}

/* Sum of a whole frame from the offset its first byte names, as a program returns it: 0xffffffff if refused. */
SEC("xdp")
int test_csum(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	__u32 length = (__u32)frame_length(ctx);

	if ((void *)(data + 14) > (void *)(long)ctx->data_end)
		return -1;
	return l4_csum(ctx, data[0], length - data[0] + data[1]);
}

char _license[] SEC("license") = "Dual MIT/GPL";
