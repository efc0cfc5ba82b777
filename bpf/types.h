/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_TYPES_H
#define XDPVS_TYPES_H

/*
 * Everything user space sees: values of the maps and the enums that index them. src/xdpvs/bpf/layout.py is
 * generated from the BTF of these. Structs are naturally aligned with named, zeroed padding, because keys are
 * compared as bytes; enums Python needs are anchored in xdpvs.bpf.c so that BTF keeps them.
 *
 * An IPv4 address in a 16-byte field stands in its first four bytes (network order), the rest is zero.
 */

#include <linux/types.h>

enum address_family { AF_INET4 = 2, AF_INET6 = 10, AF_MAC = 17 };

enum limits {
	MAX_PORTS = 16,	    /* netdevs with our program on them */
	MAX_DEVICES = 1024, /* ports, VLANs and what else has an id */
	MAX_SERVICES = 65536,
	MAX_DESTS = 131072,
	MAX_SCHEDULE = 1048576, /* entries of all schedules together */
	MAX_LADDRS = 65536,	/* entries of all services' local address lists together */
	MAX_LADDR_IDS = 4096,	/* distinct local addresses */
	MAX_NEIGHBOURS = 16384,
	MAX_ADDRESSES = 65536,
	MAX_ROUTES = 65536,
	CONN_WINDOW = 128, /* slots a lookup may look at */
	NEIGHBOUR_WINDOW = 32,
	WLC_DESTS = 256,    /* servers a live scan may look at */
	SWEEP_SLOTS = 4096, /* slots one run of the sweep looks at */
	SWEEP_BLOCK = 512,  /* slots that share an entry of conn_blocks */
	MAX_BLOCKS = 262144,
	PORT_MIN = 1025, /* local ports, as DPVS's sapool */
	PORT_MAX = 65535,
	TICK_SHIFT = 23, /* a tick of conn.last_seen is 2^23 ns = 8.4 ms */
};

/* First word of a slot of an open-addressing table: kind << 32 | hash. */
enum slot_kind {
	SLOT_EMPTY = 0, /* ends a lookup */
	SLOT_BUSY = 1,	/* claimed, body not written yet */
	SLOT_LIVE = 2,
	SLOT_DYING = 3,	    /* not found any more, but an XDP run may still hold it */
	SLOT_TOMBSTONE = 4, /* free, does not end a lookup */
};

enum conn_flags {
	CONN_INBOUND = 1 << 0,	 /* client to server; the other slot of a connection lacks it */
	CONN_NAT64 = 1 << 1,	 /* the rewritten packet has the other family */
	CONN_INACTIVE = 1 << 2,	 /* counted as inactive, not active */
	CONN_DEAD = 1 << 3,	 /* expired: its counts have been given back */
	CONN_QUIESCENT = 1 << 4, /* ends with its server (service flag expire-quiescent) */
};

struct conn_key {
	__u8 saddr[16];
	__u8 daddr[16];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 af;
	__u8 pad[2];
};

/*
 * One direction of a connection. Its first cache line finds it and is all the sweep reads, the second rewrites the
 * packet. Written by XDP and the sweep only.
 */
struct conn {
	__u64 tag;
	struct conn_key key; /* as the packet arrives */
	__u32 last_seen;     /* ticks */
	__u8 state;	     /* enum tcp_state or udp_state; equal in both slots */
	__u8 flags;	     /* enum conn_flags */
	__u16 l4_delta;	     /* checksum difference of the rewritten addresses and ports */
	__u32 timeout;	     /* service's own timeout, seconds; 0 = the state's */
	__u32 peer;	     /* slot of the other direction */

	__u8 saddr[16]; /* rewritten */
	__u8 daddr[16];
	__be16 sport;
	__be16 dport;
	__u32 next_hop; /* generation << 16 | index into neighbours */
	__u32 dest;
	__u16 service;
	__u16 laddr_id;
	__u32 seq_delta; /* inbound: added to seq; outbound: subtracted from ack and SACK edges (host order) */
	__u32 first_ack; /* inbound: ack of segments that carry the TOA, server's ISN + 1 (host order), 0 = unknown */
	__u32 next_seq;	 /* outbound: what the server will send next and has acknowledged, as it numbers; both */
	__u32 last_ack;	 /* are for the resets of an established connection that expires (host order) */
};

enum tcp_state {
	TCP_STATE_NONE,
	TCP_STATE_ESTABLISHED,
	TCP_STATE_SYN_SENT,
	TCP_STATE_SYN_RECV,
	TCP_STATE_FIN_WAIT,
	TCP_STATE_TIME_WAIT,
	TCP_STATE_CLOSE,
	TCP_STATE_CLOSE_WAIT,
	TCP_STATE_LAST_ACK,
	TCP_STATE_LISTEN,
	TCP_STATE_SYNACK,
	TCP_STATE_LAST,
};

enum udp_state { UDP_STATE_NONE, UDP_STATE_ONEWAY, UDP_STATE_NORMAL, UDP_STATE_LAST };

enum schedule_kind {
	SCHEDULE_NONE,	   /* no server to choose */
	SCHEDULE_SEQUENCE, /* rr, wrr: a counter walks the entries */
	SCHEDULE_WLC,	   /* live scan of the entries: least (active * 256 + inactive) / weight */
	SCHEDULE_HASH,	   /* entry = hash of the client's address mod length */
};

struct service_key {
	__u8 addr[16];
	__be16 port;
	__u8 proto;
	__u8 af;
};

struct service {
	__u32 id;	     /* index of services' counters */
	__u32 flags;	     /* DPVS's service flags */
	__u32 schedule_kind; /* enum schedule_kind */
	__u32 schedule_base; /* first entry in schedules */
	__u32 schedule_length;
	__u32 conn_timeout; /* seconds, 0 = the state's */
	__u32 laddr4_base;  /* first entry in laddrs */
	__u32 laddr4_length;
	__u32 laddr6_base;
	__u32 laddr6_length;
};

struct service_counters {
	__u64 scheduled; /* position in the schedule */
	__u64 laddr;	 /* position in the local addresses */
};

enum forwarding {
	FORWARDING_NAT = 0,
	FORWARDING_TUNNEL = 2,
	FORWARDING_DR = 3,
	FORWARDING_FULLNAT = 5,
	FORWARDING_SNAT = 6
};

/* Written by user space; dest_conns and dest_stats of the same index are written by BPF. */
struct dest {
	__u8 addr[16];
	__be16 port;
	__u8 af;
	__u8 forwarding; /* enum forwarding, DPVS's numbers */
	__s32 weight;	 /* 0: no new connections */
	__u32 max_conn;	 /* 0: no limit */
	__u32 service;	 /* id */
};

struct dest_conns {
	__u64 active;
	__u64 inactive;
	__u64 refused; /* connections refused because of max_conn */
};

struct traffic_stats {
	__u64 conns;
	__u64 in_packets;
	__u64 in_bytes; /* IP bytes before translation */
	__u64 out_packets;
	__u64 out_bytes;
};

struct laddr {
	__u8 addr[16];
	__u32 id; /* one per distinct address: index of laddr_ports, laddr_stats */
};

struct laddr_stats {
	__u64 conflicts; /* ports tried that were taken */
	__u64 misses;	 /* connections for which no port was found */
};

enum device_kind { DEVICE_NONE, DEVICE_PORT, DEVICE_VLAN };
enum device_flags { DEVICE_FORWARD2KNI = 1 << 0, DEVICE_DOWN = 1 << 1 };

struct device {
	__u32 kind;    /* enum device_kind */
	__u32 flags;   /* enum device_flags */
	__u32 ifindex; /* of the port */
	__u32 port;    /* index of the port; its own for a port */
	__u16 vlan;    /* 0 = untagged */
	__u16 mtu;     /* of the IP packet */
	__u8 mac[6];
	__u8 pad[2];
	__u32 kni; /* ifindex frames for the host are redirected to; 0 = pass */
};

struct device_stats {
	__u64 rx_packets;
	__u64 rx_bytes; /* frame bytes without FCS, as the netdev counts */
	__u64 tx_packets;
	__u64 tx_bytes;
	__u64 rx_dropped;
	__u64 kni_packets; /* given to the host */
};

struct address_key {
	__u8 addr[16];
	__u32 device;
	__u32 af;
};

enum route_flags {
	ROUTE_GATEWAY = 1 << 0, /* else on-link */
	ROUTE_LOCAL = 1 << 1,
	ROUTE_KNI = 1 << 2, /* the kernel owns the address */
};

struct route4_key {
	__u32 prefix_length;
	__u8 addr[4];
};

struct route6_key {
	__u32 prefix_length;
	__u8 addr[16];
};

struct route {
	__u8 gateway[16];
	__u32 device;
	__u32 flags; /* enum route_flags */
	__u32 mtu;   /* never 0 */
};

/* DPVS's states (reference: dataplane 8.8). From REACHABLE on the MAC is known. */
enum neighbour_state {
	NEIGHBOUR_NONE,
	NEIGHBOUR_SEND,
	NEIGHBOUR_REACHABLE,
	NEIGHBOUR_PROBE,
	NEIGHBOUR_DELAY,
};

enum neighbour_flags {
	NEIGHBOUR_STATIC = 1 << 0,
	NEIGHBOUR_WANTED = 1 << 1,  /* servers or routes need it: the daemon keeps it */
	NEIGHBOUR_REVERSE = 1 << 2, /* af is AF_MAC: a MAC that sent us a client's packet, not shown as a neighbour */
};

/* All a frame needs to leave: open addressing on (device, af, addr), claimed as conns are. */
struct neighbour {
	__u64 tag;
	__u8 addr[16];
	__u16 device;
	__u8 af;
	__u8 state;	  /* enum neighbour_state */
	__u16 generation; /* grows each time the slot gets another neighbour */
	__u16 mtu;	  /* of the device */
	__u8 dmac[6];
	__u8 smac[6];
	__u16 port;    /* device id of the port to leave by */
	__u16 vlan;    /* tag to push, 0 = none */
	__u32 ifindex; /* of that port */
	__u32 updated; /* ticks; when the MAC was last confirmed */
	__u8 flags;    /* enum neighbour_flags */
	__u8 pad[3];
};

enum settings_flags {
	SETTING_DEFENCE_TCP = 1 << 0,
	SETTING_DEFENCE_UDP = 1 << 1,
	SETTING_IPV6_OFF = 1 << 2,
	SETTING_KNI_OFF = 1 << 3, /* drop what is not ours */
};

struct settings {
	__u32 secret[12];      /* of the hashes; fixed for the life of the tables */
	__u32 conn_slots;      /* homes; the table has CONN_WINDOW more */
	__u32 cpus;	       /* residues of the port range */
	__u32 flags;	       /* enum settings_flags */
	__u32 init_timeout;    /* seconds */
	__u32 tcp_timeout[16]; /* seconds, by enum tcp_state */
	__u32 udp_timeout[4];
	__u32 default_ttl;
	__u32 icmp_errors_per_second; /* per CPU */
	__u32 jiffy_ns;		      /* monotonic clock = jiffies * jiffy_ns + jiffies_offset_ns; 0 = not known */
	__u32 pad;
	__u64 jiffies_offset_ns;
};

enum event_kind {
	EVENT_NEIGHBOUR_WANTED = 1, /* a frame needs this neighbour: solicit it */
	EVENT_NEIGHBOUR_LEARNED,
	EVENT_DAD_CONFLICT, /* someone else answered for an address of ours */
};

struct event {
	__u32 kind;
	__u32 device;
	__u8 addr[16];
	__u8 mac[6];
	__u8 af;
	__u8 pad;
};

/* An established TCP connection expired: both ends are to be reset (reference: dataplane 3.6). */
struct expired_conn {
	struct conn_key client; /* client to vip */
	struct conn_key reply;	/* server to laddr */
	__u32 client_next_hop;
	__u32 server_next_hop;
	__u32 client_seq; /* for a reset the client accepts, host order */
	__u32 server_seq; /* for one the server accepts */
};

/* Context of the program sweep: looks at slots (first - count, first]. */
struct sweep_args {
	__u32 last;  /* highest slot to look at */
	__u32 count; /* at most SWEEP_SLOTS */
	/* out */
	__u32 live;
	__u32 expired;
	__u32 freed;
	__u32 pad;
};

/* Context of the program clock_read: two readings of one moment. */
struct clock_reading {
	__u64 jiffies;
	__u64 monotonic_ns;
};

/* Context of the program neighbour_update. */
struct neighbour_args {
	__u8 addr[16];
	__u32 device;
	__u32 af;
	__u8 mac[6];
	__u8 set_mac; /* take mac and state; else only claim */
	__u8 remove;  /* free the slot */
	__u32 state;  /* enum neighbour_state */
	__u32 set_flags;
	__u32 clear_flags;
	/* out */
	__s32 index; /* -1: the table is full; -2: not there (remove) */
};

/*
 * Why a packet was not forwarded. src/xdpvs/dataplane/drops.py has a sentence for each; append only, the numbers
 * are part of the pinned state.
 */
enum drop_reason {
	DROP_NONE,
	DROP_TRUNCATED,	   /* a header is cut short */
	DROP_BAD_HEADER,   /* version, length fields or data offset make no sense */
	DROP_BAD_CHECKSUM, /* IPv4 header, ICMP */
	DROP_BAD_ADDRESS,  /* a source or destination no packet may have */
	DROP_IP_OPTIONS,   /* IPv4 options or IPv6 extension headers to a service */
	DROP_FRAGMENT,	   /* to an address of ours */
	DROP_TTL,
	DROP_MTU,
	DROP_NO_DEST,	    /* no server may take the connection */
	DROP_DEST_OVERLOAD, /* max_conn */
	DROP_NO_LADDR,	    /* the service has no local address of the server's family */
	DROP_NO_PORT,	    /* every local port tried was taken */
	DROP_CONN_FULL,	    /* no slot within the window */
	DROP_TCP_NO_CONN,   /* TCP to a service without SYN and without connection */
	DROP_DEFENCE_TCP,
	DROP_DEFENCE_UDP,
	DROP_NO_ROUTE,
	DROP_NO_NEIGHBOUR, /* next hop not resolved (yet) */
	DROP_NEIGHBOUR_FULL,
	DROP_FORWARDING_MODE,  /* a mode this data plane does not have */
	DROP_NAT64_CHECKSUM,   /* IPv6 UDP without checksum */
	DROP_ADJUST,	       /* no headroom, or the kernel refused to move the packet's start */
	DROP_EXPIRE_QUIESCENT, /* its server is gone and the service asks to expire */
	DROP_ICMP_UNRELATED,   /* ICMP error about a connection, but not valid */
	DROP_ND_INVALID,       /* neighbour discovery with hop limit not 255, or broken */
	DROP_IPV6_OFF,
	DROP_KNI_OFF,	/* not ours, and global_defs/kni is off */
	DROP_INTERNAL,	/* a map entry that must exist does not */
	DROP_CONN_RACE, /* another CPU is making the same connection and is held up */
	DROP_REASON_MAX,
};

#endif
