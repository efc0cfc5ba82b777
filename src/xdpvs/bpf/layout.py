"""Types, enums and maps of the data plane, written by tools/gen_layout.py (make generate)."""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from xdpvs.bpf.maps import ArrayMap, HashMap, MapSpec, MapType, PercpuArray
from xdpvs.bpf.structure import U32, U64, ByteArray, Struct, be16, codec_of


class AddressFamily(enum.IntEnum):
    """C: enum address_family."""

    INET4 = 2
    INET6 = 10
    MAC = 17


MAX_PORTS: Final = 16
MAX_DEVICES: Final = 1024
MAX_SERVICES: Final = 65536
MAX_DESTS: Final = 131072
MAX_SCHEDULE: Final = 1048576
MAX_LADDRS: Final = 65536
MAX_LADDR_IDS: Final = 4096
MAX_NEIGHBOURS: Final = 16384
MAX_ADDRESSES: Final = 65536
MAX_ROUTES: Final = 65536
CONN_WINDOW: Final = 128
NEIGHBOUR_WINDOW: Final = 32
WLC_DESTS: Final = 256
SWEEP_SLOTS: Final = 4096
SWEEP_BLOCK: Final = 512
MAX_BLOCKS: Final = 262144
PORT_MIN: Final = 1025
PORT_MAX: Final = 65535
TICK_SHIFT: Final = 23


class SlotKind(enum.IntEnum):
    """C: enum slot_kind."""

    EMPTY = 0
    BUSY = 1
    LIVE = 2
    DYING = 3
    TOMBSTONE = 4


class ConnFlags(enum.IntFlag):
    """C: enum conn_flags."""

    INBOUND = 1
    NAT64 = 2
    INACTIVE = 4
    DEAD = 8
    QUIESCENT = 16


class TcpState(enum.IntEnum):
    """C: enum tcp_state."""

    NONE = 0
    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT = 4
    TIME_WAIT = 5
    CLOSE = 6
    CLOSE_WAIT = 7
    LAST_ACK = 8
    LISTEN = 9
    SYNACK = 10
    LAST = 11


class UdpState(enum.IntEnum):
    """C: enum udp_state."""

    NONE = 0
    ONEWAY = 1
    NORMAL = 2
    LAST = 3


class ScheduleKind(enum.IntEnum):
    """C: enum schedule_kind."""

    NONE = 0
    SEQUENCE = 1
    WLC = 2
    HASH = 3


class Forwarding(enum.IntEnum):
    """C: enum forwarding."""

    NAT = 0
    TUNNEL = 2
    DR = 3
    FULLNAT = 5
    SNAT = 6


class DeviceKind(enum.IntEnum):
    """C: enum device_kind."""

    NONE = 0
    PORT = 1
    VLAN = 2


class DeviceFlags(enum.IntFlag):
    """C: enum device_flags."""

    FORWARD2KNI = 1
    DOWN = 2


class RouteFlags(enum.IntFlag):
    """C: enum route_flags."""

    GATEWAY = 1
    LOCAL = 2
    KNI = 4


class NeighbourState(enum.IntEnum):
    """C: enum neighbour_state."""

    NONE = 0
    SEND = 1
    REACHABLE = 2
    PROBE = 3
    DELAY = 4


class NeighbourFlags(enum.IntFlag):
    """C: enum neighbour_flags."""

    STATIC = 1
    WANTED = 2
    REVERSE = 4


class SettingsFlags(enum.IntFlag):
    """C: enum settings_flags."""

    DEFENCE_TCP = 1
    DEFENCE_UDP = 2
    IPV6_OFF = 4
    KNI_OFF = 8


class EventKind(enum.IntEnum):
    """C: enum event_kind."""

    NEIGHBOUR_WANTED = 1
    NEIGHBOUR_LEARNED = 2
    DAD_CONFLICT = 3


class DropReason(enum.IntEnum):
    """C: enum drop_reason."""

    NONE = 0
    TRUNCATED = 1
    BAD_HEADER = 2
    BAD_CHECKSUM = 3
    BAD_ADDRESS = 4
    IP_OPTIONS = 5
    FRAGMENT = 6
    TTL = 7
    MTU = 8
    NO_DEST = 9
    DEST_OVERLOAD = 10
    NO_LADDR = 11
    NO_PORT = 12
    CONN_FULL = 13
    TCP_NO_CONN = 14
    DEFENCE_TCP = 15
    DEFENCE_UDP = 16
    NO_ROUTE = 17
    NO_NEIGHBOUR = 18
    NEIGHBOUR_FULL = 19
    FORWARDING_MODE = 20
    NAT64_CHECKSUM = 21
    ADJUST = 22
    EXPIRE_QUIESCENT = 23
    ICMP_UNRELATED = 24
    ND_INVALID = 25
    IPV6_OFF = 26
    KNI_OFF = 27
    INTERNAL = 28
    CONN_RACE = 29
    REASON_MAX = 30


class ConnKey(Struct):
    """C: struct conn_key, 40 bytes."""

    _fields_ = (
        ("_saddr", ctypes.c_uint8 * 16),
        ("_daddr", ctypes.c_uint8 * 16),
        ("sport", be16),
        ("dport", be16),
        ("proto", ctypes.c_uint8),
        ("af", ctypes.c_uint8),
        ("_pad", ctypes.c_uint8 * 2),
    )
    saddr = ByteArray(16)
    daddr = ByteArray(16)
    sport: int
    dport: int
    proto: int
    af: int
    pad = ByteArray(2)


class Conn(Struct):
    """C: struct conn, 128 bytes."""

    _fields_ = (
        ("tag", ctypes.c_uint64),
        ("key", ConnKey),
        ("last_seen", ctypes.c_uint32),
        ("state", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
        ("l4_delta", ctypes.c_uint16),
        ("timeout", ctypes.c_uint32),
        ("peer", ctypes.c_uint32),
        ("_saddr", ctypes.c_uint8 * 16),
        ("_daddr", ctypes.c_uint8 * 16),
        ("sport", be16),
        ("dport", be16),
        ("next_hop", ctypes.c_uint32),
        ("dest", ctypes.c_uint32),
        ("service", ctypes.c_uint16),
        ("laddr_id", ctypes.c_uint16),
        ("seq_delta", ctypes.c_uint32),
        ("first_ack", ctypes.c_uint32),
        ("next_seq", ctypes.c_uint32),
        ("last_ack", ctypes.c_uint32),
    )
    tag: int
    key: ConnKey
    last_seen: int
    state: int
    flags: int
    l4_delta: int
    timeout: int
    peer: int
    saddr = ByteArray(16)
    daddr = ByteArray(16)
    sport: int
    dport: int
    next_hop: int
    dest: int
    service: int
    laddr_id: int
    seq_delta: int
    first_ack: int
    next_seq: int
    last_ack: int


class ServiceKey(Struct):
    """C: struct service_key, 20 bytes."""

    _fields_ = (
        ("_addr", ctypes.c_uint8 * 16),
        ("port", be16),
        ("proto", ctypes.c_uint8),
        ("af", ctypes.c_uint8),
    )
    addr = ByteArray(16)
    port: int
    proto: int
    af: int


class Service(Struct):
    """C: struct service, 40 bytes."""

    _fields_ = (
        ("id", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("schedule_kind", ctypes.c_uint32),
        ("schedule_base", ctypes.c_uint32),
        ("schedule_length", ctypes.c_uint32),
        ("conn_timeout", ctypes.c_uint32),
        ("laddr4_base", ctypes.c_uint32),
        ("laddr4_length", ctypes.c_uint32),
        ("laddr6_base", ctypes.c_uint32),
        ("laddr6_length", ctypes.c_uint32),
    )
    id: int
    flags: int
    schedule_kind: int
    schedule_base: int
    schedule_length: int
    conn_timeout: int
    laddr4_base: int
    laddr4_length: int
    laddr6_base: int
    laddr6_length: int


class ServiceCounters(Struct):
    """C: struct service_counters, 16 bytes."""

    _fields_ = (
        ("scheduled", ctypes.c_uint64),
        ("laddr", ctypes.c_uint64),
    )
    scheduled: int
    laddr: int


class Dest(Struct):
    """C: struct dest, 32 bytes."""

    _fields_ = (
        ("_addr", ctypes.c_uint8 * 16),
        ("port", be16),
        ("af", ctypes.c_uint8),
        ("forwarding", ctypes.c_uint8),
        ("weight", ctypes.c_int32),
        ("max_conn", ctypes.c_uint32),
        ("service", ctypes.c_uint32),
    )
    addr = ByteArray(16)
    port: int
    af: int
    forwarding: int
    weight: int
    max_conn: int
    service: int


class DestConns(Struct):
    """C: struct dest_conns, 24 bytes."""

    _fields_ = (
        ("active", ctypes.c_uint64),
        ("inactive", ctypes.c_uint64),
        ("refused", ctypes.c_uint64),
    )
    active: int
    inactive: int
    refused: int


class TrafficStats(Struct):
    """C: struct traffic_stats, 40 bytes."""

    _fields_ = (
        ("conns", ctypes.c_uint64),
        ("in_packets", ctypes.c_uint64),
        ("in_bytes", ctypes.c_uint64),
        ("out_packets", ctypes.c_uint64),
        ("out_bytes", ctypes.c_uint64),
    )
    conns: int
    in_packets: int
    in_bytes: int
    out_packets: int
    out_bytes: int


class Laddr(Struct):
    """C: struct laddr, 20 bytes."""

    _fields_ = (
        ("_addr", ctypes.c_uint8 * 16),
        ("id", ctypes.c_uint32),
    )
    addr = ByteArray(16)
    id: int


class LaddrStats(Struct):
    """C: struct laddr_stats, 16 bytes."""

    _fields_ = (
        ("conflicts", ctypes.c_uint64),
        ("misses", ctypes.c_uint64),
    )
    conflicts: int
    misses: int


class Device(Struct):
    """C: struct device, 32 bytes."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("ifindex", ctypes.c_uint32),
        ("port", ctypes.c_uint32),
        ("vlan", ctypes.c_uint16),
        ("mtu", ctypes.c_uint16),
        ("_mac", ctypes.c_uint8 * 6),
        ("_pad", ctypes.c_uint8 * 2),
        ("kni", ctypes.c_uint32),
    )
    kind: int
    flags: int
    ifindex: int
    port: int
    vlan: int
    mtu: int
    mac = ByteArray(6)
    pad = ByteArray(2)
    kni: int


class DeviceStats(Struct):
    """C: struct device_stats, 48 bytes."""

    _fields_ = (
        ("rx_packets", ctypes.c_uint64),
        ("rx_bytes", ctypes.c_uint64),
        ("tx_packets", ctypes.c_uint64),
        ("tx_bytes", ctypes.c_uint64),
        ("rx_dropped", ctypes.c_uint64),
        ("kni_packets", ctypes.c_uint64),
    )
    rx_packets: int
    rx_bytes: int
    tx_packets: int
    tx_bytes: int
    rx_dropped: int
    kni_packets: int


class AddressKey(Struct):
    """C: struct address_key, 24 bytes."""

    _fields_ = (
        ("_addr", ctypes.c_uint8 * 16),
        ("device", ctypes.c_uint32),
        ("af", ctypes.c_uint32),
    )
    addr = ByteArray(16)
    device: int
    af: int


class Route4Key(Struct):
    """C: struct route4_key, 8 bytes."""

    _fields_ = (
        ("prefix_length", ctypes.c_uint32),
        ("_addr", ctypes.c_uint8 * 4),
    )
    prefix_length: int
    addr = ByteArray(4)


class Route6Key(Struct):
    """C: struct route6_key, 20 bytes."""

    _fields_ = (
        ("prefix_length", ctypes.c_uint32),
        ("_addr", ctypes.c_uint8 * 16),
    )
    prefix_length: int
    addr = ByteArray(16)


class Route(Struct):
    """C: struct route, 28 bytes."""

    _fields_ = (
        ("_gateway", ctypes.c_uint8 * 16),
        ("device", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("mtu", ctypes.c_uint32),
    )
    gateway = ByteArray(16)
    device: int
    flags: int
    mtu: int


class Neighbour(Struct):
    """C: struct neighbour, 64 bytes."""

    _fields_ = (
        ("tag", ctypes.c_uint64),
        ("_addr", ctypes.c_uint8 * 16),
        ("device", ctypes.c_uint16),
        ("af", ctypes.c_uint8),
        ("state", ctypes.c_uint8),
        ("generation", ctypes.c_uint16),
        ("mtu", ctypes.c_uint16),
        ("_dmac", ctypes.c_uint8 * 6),
        ("_smac", ctypes.c_uint8 * 6),
        ("port", ctypes.c_uint16),
        ("vlan", ctypes.c_uint16),
        ("ifindex", ctypes.c_uint32),
        ("updated", ctypes.c_uint32),
        ("flags", ctypes.c_uint8),
        ("_pad", ctypes.c_uint8 * 3),
        ("_padding60", ctypes.c_uint8 * 4),
    )
    tag: int
    addr = ByteArray(16)
    device: int
    af: int
    state: int
    generation: int
    mtu: int
    dmac = ByteArray(6)
    smac = ByteArray(6)
    port: int
    vlan: int
    ifindex: int
    updated: int
    flags: int
    pad = ByteArray(3)
    padding60 = ByteArray(4)


class Settings(Struct):
    """C: struct settings, 168 bytes."""

    _fields_ = (
        ("secret", ctypes.c_uint32 * 12),
        ("conn_slots", ctypes.c_uint32),
        ("cpus", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("init_timeout", ctypes.c_uint32),
        ("tcp_timeout", ctypes.c_uint32 * 16),
        ("udp_timeout", ctypes.c_uint32 * 4),
        ("default_ttl", ctypes.c_uint32),
        ("icmp_errors_per_second", ctypes.c_uint32),
        ("jiffy_ns", ctypes.c_uint32),
        ("pad", ctypes.c_uint32),
        ("jiffies_offset_ns", ctypes.c_uint64),
    )
    secret: ctypes.Array[ctypes.c_uint32]
    conn_slots: int
    cpus: int
    flags: int
    init_timeout: int
    tcp_timeout: ctypes.Array[ctypes.c_uint32]
    udp_timeout: ctypes.Array[ctypes.c_uint32]
    default_ttl: int
    icmp_errors_per_second: int
    jiffy_ns: int
    pad: int
    jiffies_offset_ns: int


class Event(Struct):
    """C: struct event, 32 bytes."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("_addr", ctypes.c_uint8 * 16),
        ("_mac", ctypes.c_uint8 * 6),
        ("af", ctypes.c_uint8),
        ("pad", ctypes.c_uint8),
    )
    kind: int
    device: int
    addr = ByteArray(16)
    mac = ByteArray(6)
    af: int
    pad: int


class ExpiredConn(Struct):
    """C: struct expired_conn, 96 bytes."""

    _fields_ = (
        ("client", ConnKey),
        ("reply", ConnKey),
        ("client_next_hop", ctypes.c_uint32),
        ("server_next_hop", ctypes.c_uint32),
        ("client_seq", ctypes.c_uint32),
        ("server_seq", ctypes.c_uint32),
    )
    client: ConnKey
    reply: ConnKey
    client_next_hop: int
    server_next_hop: int
    client_seq: int
    server_seq: int


class SweepArgs(Struct):
    """C: struct sweep_args, 24 bytes."""

    _fields_ = (
        ("last", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("live", ctypes.c_uint32),
        ("expired", ctypes.c_uint32),
        ("freed", ctypes.c_uint32),
        ("pad", ctypes.c_uint32),
    )
    last: int
    count: int
    live: int
    expired: int
    freed: int
    pad: int


class ClockReading(Struct):
    """C: struct clock_reading, 16 bytes."""

    _fields_ = (
        ("jiffies", ctypes.c_uint64),
        ("monotonic_ns", ctypes.c_uint64),
    )
    jiffies: int
    monotonic_ns: int


class NeighbourArgs(Struct):
    """C: struct neighbour_args, 48 bytes."""

    _fields_ = (
        ("_addr", ctypes.c_uint8 * 16),
        ("device", ctypes.c_uint32),
        ("af", ctypes.c_uint32),
        ("_mac", ctypes.c_uint8 * 6),
        ("set_mac", ctypes.c_uint8),
        ("remove", ctypes.c_uint8),
        ("state", ctypes.c_uint32),
        ("set_flags", ctypes.c_uint32),
        ("clear_flags", ctypes.c_uint32),
        ("index", ctypes.c_int32),
    )
    addr = ByteArray(16)
    device: int
    af: int
    mac = ByteArray(6)
    set_mac: int
    remove: int
    state: int
    set_flags: int
    clear_flags: int
    index: int


CONN_DTYPE: Final = {
    "names": [
        "tag",
        "key_saddr",
        "key_daddr",
        "key_sport",
        "key_dport",
        "key_proto",
        "key_af",
        "last_seen",
        "state",
        "flags",
        "l4_delta",
        "timeout",
        "peer",
        "saddr",
        "daddr",
        "sport",
        "dport",
        "next_hop",
        "dest",
        "service",
        "laddr_id",
        "seq_delta",
        "first_ack",
        "next_seq",
        "last_ack",
    ],
    "formats": [
        "u8",
        "(16,)u1",
        "(16,)u1",
        ">u2",
        ">u2",
        "u1",
        "u1",
        "u4",
        "u1",
        "u1",
        "u2",
        "u4",
        "u4",
        "(16,)u1",
        "(16,)u1",
        ">u2",
        ">u2",
        "u4",
        "u4",
        "u2",
        "u2",
        "u4",
        "u4",
        "u4",
        "u4",
    ],
    "offsets": [
        0,
        8,
        24,
        40,
        42,
        44,
        45,
        48,
        52,
        53,
        54,
        56,
        60,
        64,
        80,
        96,
        98,
        100,
        104,
        108,
        110,
        112,
        116,
        120,
        124,
    ],
    "itemsize": 128,
}


NEIGHBOUR_DTYPE: Final = {
    "names": [
        "tag",
        "addr",
        "device",
        "af",
        "state",
        "generation",
        "mtu",
        "dmac",
        "smac",
        "port",
        "vlan",
        "ifindex",
        "updated",
        "flags",
    ],
    "formats": [
        "u8",
        "(16,)u1",
        "u2",
        "u1",
        "u1",
        "u2",
        "u2",
        "(6,)u1",
        "(6,)u1",
        "u2",
        "u2",
        "u4",
        "u4",
        "u1",
    ],
    "offsets": [
        0,
        8,
        24,
        26,
        27,
        28,
        30,
        32,
        38,
        44,
        46,
        48,
        52,
        56,
    ],
    "itemsize": 64,
}


MAPS: Final = (
    MapSpec("conns", MapType.ARRAY, 4, 128, 65664, 1024),
    MapSpec("conn_blocks", MapType.ARRAY, 4, 4, 262144, 0),
    MapSpec("neighbours", MapType.ARRAY, 4, 64, 16416, 1024),
    MapSpec("settings", MapType.ARRAY, 4, 168, 1, 0),
    MapSpec("services", MapType.HASH, 20, 40, 65536, 1),
    MapSpec("vips", MapType.HASH, 20, 4, 65536, 1),
    MapSpec("service_counters", MapType.ARRAY, 4, 16, 65536, 1024),
    MapSpec("dests", MapType.ARRAY, 4, 32, 131072, 0),
    MapSpec("dest_conns", MapType.ARRAY, 4, 24, 131072, 1024),
    MapSpec("dest_stats", MapType.PERCPU_ARRAY, 4, 40, 131072, 0),
    MapSpec("schedules", MapType.ARRAY, 4, 4, 1048576, 1024),
    MapSpec("laddrs", MapType.ARRAY, 4, 20, 65536, 0),
    MapSpec("laddr_ports", MapType.PERCPU_ARRAY, 4, 4, 4096, 0),
    MapSpec("laddr_stats", MapType.ARRAY, 4, 16, 4096, 1024),
    MapSpec("devices", MapType.ARRAY, 4, 32, 1024, 0),
    MapSpec("vlan_devices", MapType.ARRAY, 4, 4, 65536, 0),
    MapSpec("device_stats", MapType.PERCPU_ARRAY, 4, 48, 1024, 0),
    MapSpec("tx_ports", MapType.DEVMAP, 4, 4, 16, 0),
    MapSpec("kni_ports", MapType.DEVMAP, 4, 4, 1024, 0),
    MapSpec("kni_devices", MapType.HASH, 4, 4, 1024, 0),
    MapSpec("addresses", MapType.HASH, 24, 4, 65536, 1),
    MapSpec("routes4", MapType.LPM_TRIE, 8, 28, 65536, 1),
    MapSpec("routes6", MapType.LPM_TRIE, 20, 28, 65536, 1),
    MapSpec("drops", MapType.PERCPU_ARRAY, 4, 8, 30, 0),
    MapSpec("events", MapType.RINGBUF, 0, 0, 65536, 0),
    MapSpec("expired_conns", MapType.RINGBUF, 0, 0, 1048576, 0),
)
DISPOSABLE_MAPS: Final = frozenset(
    (
        "drops",
        "events",
        "expired_conns",
    )
)


@dataclass(frozen=True, slots=True)
class Maps:
    """Every map of the data plane, typed; events is the ring buffer's descriptor."""

    conns: ArrayMap[Conn]
    conn_blocks: ArrayMap[int]
    neighbours: ArrayMap[Neighbour]
    settings: ArrayMap[Settings]
    services: HashMap[ServiceKey, Service]
    vips: HashMap[ServiceKey, int]
    service_counters: ArrayMap[ServiceCounters]
    dests: ArrayMap[Dest]
    dest_conns: ArrayMap[DestConns]
    dest_stats: PercpuArray[TrafficStats]
    schedules: ArrayMap[int]
    laddrs: ArrayMap[Laddr]
    laddr_ports: PercpuArray[int]
    laddr_stats: ArrayMap[LaddrStats]
    devices: ArrayMap[Device]
    vlan_devices: ArrayMap[int]
    device_stats: PercpuArray[DeviceStats]
    tx_ports: ArrayMap[int]
    kni_ports: ArrayMap[int]
    kni_devices: HashMap[int, int]
    addresses: HashMap[AddressKey, int]
    routes4: HashMap[Route4Key, Route]
    routes6: HashMap[Route6Key, Route]
    drops: PercpuArray[int]
    events: int
    expired_conns: int

    @classmethod
    def of(cls, fd_of: Callable[[str], int]) -> Maps:
        """Maps over the descriptors fd_of returns by name; whoever owns those keeps them open."""
        return cls(
            ArrayMap(fd_of("conns"), codec_of(Conn)),
            ArrayMap(fd_of("conn_blocks"), U32),
            ArrayMap(fd_of("neighbours"), codec_of(Neighbour)),
            ArrayMap(fd_of("settings"), codec_of(Settings)),
            HashMap(fd_of("services"), codec_of(ServiceKey), codec_of(Service)),
            HashMap(fd_of("vips"), codec_of(ServiceKey), U32),
            ArrayMap(fd_of("service_counters"), codec_of(ServiceCounters)),
            ArrayMap(fd_of("dests"), codec_of(Dest)),
            ArrayMap(fd_of("dest_conns"), codec_of(DestConns)),
            PercpuArray(fd_of("dest_stats"), codec_of(TrafficStats)),
            ArrayMap(fd_of("schedules"), U32),
            ArrayMap(fd_of("laddrs"), codec_of(Laddr)),
            PercpuArray(fd_of("laddr_ports"), U32),
            ArrayMap(fd_of("laddr_stats"), codec_of(LaddrStats)),
            ArrayMap(fd_of("devices"), codec_of(Device)),
            ArrayMap(fd_of("vlan_devices"), U32),
            PercpuArray(fd_of("device_stats"), codec_of(DeviceStats)),
            ArrayMap(fd_of("tx_ports"), U32),
            ArrayMap(fd_of("kni_ports"), U32),
            HashMap(fd_of("kni_devices"), U32, U32),
            HashMap(fd_of("addresses"), codec_of(AddressKey), U32),
            HashMap(fd_of("routes4"), codec_of(Route4Key), codec_of(Route)),
            HashMap(fd_of("routes6"), codec_of(Route6Key), codec_of(Route)),
            PercpuArray(fd_of("drops"), U64),
            fd_of("events"),
            fd_of("expired_conns"),
        )


LAYOUT_HASH: Final = "44ae196983ed20e5"
