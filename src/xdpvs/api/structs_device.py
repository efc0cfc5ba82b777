"""Devices and lcores (DPVS include/conf/netif.h)."""

from __future__ import annotations

from xdpvs.api.errors import DecodeError
from xdpvs.api.layout import Layout, require_exact, text
from xdpvs.model.device import (
    BondSlave,
    BondStatus,
    HardwareMulticast,
    LcoreInfo,
    LcoreMask,
    LcoreStats,
    LinkCounter,
    LinkCounters,
    LinkDetails,
    LinkSettings,
    PortEntry,
    PortList,
)
from xdpvs.model.network import Link, LinkFlags, LinkStats

LCORE_ID = Layout(1, "0 cid u8")
LCORE_MASK = Layout(
    24, "0 master u8 | 1 kni u8 | 2 workers u8 | 3 isol_rx u8 | 8 worker_mask u64 | 16 isol_rx_mask u64"
)
LCORE_BASIC = Layout(8, "0 cid u8 | 1 socket u8 | 4 text_len u32")
LCORE_STATS = Layout(
    96,
    "0 cid u8 | 8 loops u64 | 16 pktburst u64 | 24 zpktburst u64 | 32 fpktburst u64 | 40 z2hpktburst u64"
    " | 48 h2fpktburst u64 | 56 ipackets u64 | 64 ibytes u64 | 72 opackets u64 | 80 obytes u64 | 88 dropped u64",
)
PORT_LIST = Layout(10, "0 n u16 | 2 phy_base u16 | 4 phy_end u16 | 6 bond_base u16 | 8 bond_end u16")
PORT_ENTRY = Layout(18, "0 id u16 | 2 name c16")
DEVICE32 = Layout(32, "0 name c32")
PORT_BASIC = Layout(
    128,
    "0 name c32 | 32 mac c32 | 64 state c16 | 80 duplex c16 | 96 nego c16 | 112 speed u32 | 116 rxq u8 | 117 txq u8"
    " | 121 socket u8 | 122 id u16 | 124 mtu u16 | 126 bits u16",
)
PORT_STATS = Layout(
    720,
    "0 mbuf_avail u32 | 4 mbuf_inuse u32 | 8 ipackets u64 | 16 opackets u64 | 24 ibytes u64 | 32 obytes u64"
    " | 40 imissed u64 | 48 ierrors u64 | 56 oerrors u64 | 64 rx_nombuf u64 | 718 id u16",
)
XSTATS_HEAD = Layout(8, "0 id u16 | 2 n u16")
XSTAT = Layout(80, "0 id u64 | 8 value u64 | 16 name c64")
EXT_INFO = Layout(
    184,
    "0 id u16 | 2 pci_addr c32 | 34 driver c32 | 66 if_index u32 | 70 min_rx_bufsize u32 | 74 max_rx_pktlen u32"
    " | 78 max_rx_queues u16 | 80 max_tx_queues u16 | 82 max_mac_addrs u32 | 86 max_hash_mac_addrs u32 | 90 max_vfs u16"
    " | 92 max_vmdq_pools u16 | 94 rx_offload_capa u32 | 98 tx_offload_capa u32 | 102 reta_size u32"
    " | 106 hash_key_size u8 | 107 flow_type_rss_offloads u64 | 115 vmdq_queue_base u16 | 117 vmdq_queue_num u16"
    " | 119 vmdq_pool_base u16 | 121 rx_desc_max u16 | 123 rx_desc_min u16 | 125 rx_desc_align u16"
    " | 127 tx_desc_max u16 | 129 tx_desc_min u16 | 131 tx_desc_align u16 | 133 speed_capa u32 | 137 queues_offset u64"
    " | 145 queues_len u64 | 153 mc_offset u64 | 161 mc_len u64 | 169 mc_count i32 | 176 datalen u64",
)
BOND_HEAD = Layout(12, "0 mode i32 | 4 slaves i32 | 8 active i32")
BOND_SLAVE = Layout(72, "0 name c32 | 32 mac c32 | 64 is_active i32 | 68 is_primary i32")
BOND_TAIL = Layout(76, "0 mac c32 | 32 xmit_policy c32 | 64 monitor i32 | 68 down_prop i32 | 72 up_prop i32")
HW_MADDR_HEAD = Layout(4, "0 count i32")
HW_MADDR = Layout(26, "0 mac c18 | 18 refcnt u32 | 22 flags u16 | 24 sync u16")
NIC_SET = Layout(52, "0 name c32 | 32 mac c18 | 50 bits u16")

_MAX_SLAVES = 32
_SWITCHES = ("promisc", "allmulticast", "up", "forward2kni", "tc_egress", "tc_ingress", "lldp")


def format_mac(mac: bytes) -> str:
    """Upper-case hexadecimal with colons."""
    return mac.hex(":").upper()


def parse_mac(mac: str) -> bytes:
    """Six bytes of a MAC's text; DecodeError for anything else."""
    try:
        raw = bytes.fromhex(mac.replace(":", ""))
    except ValueError:
        raw = b""
    if len(raw) != 6:
        raise DecodeError(f"MAC {mac!r}")
    return raw


def encode_device32(name: str) -> bytes:
    """A device's name in 32 bytes."""
    return DEVICE32.pack(name)


def decode_device32(body: bytes) -> str:
    """A device's name in the first 32 bytes; the agent sends more of them."""
    return str(DEVICE32.unpack(body)[0])


def encode_lcore(lcore: int) -> bytes:
    """An lcore's number."""
    return LCORE_ID.pack(lcore)


def decode_lcore(body: bytes) -> int:
    """An lcore's number; exactly one byte."""
    require_exact(body, LCORE_ID.size)
    return body[0]


def encode_lcore_mask(_request: None, mask: LcoreMask) -> bytes:
    """GET_LCORE_MASK."""
    return LCORE_MASK.pack(
        mask.master, mask.kni, mask.workers, mask.isolated_rx, mask.worker_mask, mask.isolated_rx_mask
    )


def decode_lcore_mask(body: bytes) -> LcoreMask:
    """GET_LCORE_MASK."""
    return LcoreMask(*LCORE_MASK.unpack(body))


def encode_lcore_info(_request: int, info: LcoreInfo) -> bytes:
    """GET_LCORE_BASIC: text_len counts the text's NUL, and is 0 without a text."""
    raw = info.queues.encode() + b"\0" if info.queues else b""
    return LCORE_BASIC.pack(info.lcore, info.socket, len(raw)) + raw


def decode_lcore_info(body: bytes) -> LcoreInfo:
    """GET_LCORE_BASIC."""
    lcore, socket, length = LCORE_BASIC.unpack(body)
    return LcoreInfo(lcore, socket, text(body[LCORE_BASIC.size : LCORE_BASIC.size + length]))


def encode_lcore_stats(_request: int, stats: LcoreStats) -> bytes:
    """GET_LCORE_STATS."""
    return LCORE_STATS.pack(
        stats.lcore,
        stats.loops,
        stats.packet_bursts,
        stats.zero_bursts,
        stats.full_bursts,
        stats.zero_to_half_bursts,
        stats.half_to_full_bursts,
        stats.in_packets,
        stats.in_bytes,
        stats.out_packets,
        stats.out_bytes,
        stats.dropped,
    )


def decode_lcore_stats(body: bytes) -> LcoreStats:
    """GET_LCORE_STATS: dpip asserts the length."""
    require_exact(body, LCORE_STATS.size)
    return LcoreStats(*LCORE_STATS.unpack(body))


def encode_port_list(_request: None, ports: PortList) -> bytes:
    """GET_PORT_LIST."""
    head = PORT_LIST.pack(len(ports.ports), ports.phy_base, ports.phy_end, ports.bond_base, ports.bond_end)
    return head + b"".join([PORT_ENTRY.pack(port.link_id, port.name) for port in ports.ports])


def decode_port_list(body: bytes) -> PortList:
    """GET_PORT_LIST."""
    count, *bounds = PORT_LIST.unpack(body)
    entries = PORT_ENTRY.unpack_array(body, PORT_LIST.size, count)
    return PortList(tuple([PortEntry(link_id, name) for link_id, name in entries]), *bounds)


def encode_link(_request: str, link: Link) -> bytes:
    """GET_PORT_BASIC."""
    return PORT_BASIC.pack(
        link.name,
        format_mac(link.mac),
        "UP" if link.up else "DOWN",
        "full-duplex" if link.full_duplex else "half-duplex",
        "auto-nego" if link.autoneg else "fixed-nego",
        link.speed_mbps,
        min(link.rx_queues, 255),
        min(link.tx_queues, 255),
        link.socket,
        link.link_id,
        min(link.mtu, 0xFFFF),
        link.flags,
    )


def decode_link(body: bytes) -> Link:
    """GET_PORT_BASIC."""
    name, mac, state, duplex, nego, speed, rxq, txq, socket, link_id, mtu, bits = PORT_BASIC.unpack(body)
    return Link(
        link_id,
        name,
        parse_mac(mac),
        state == "UP",
        speed,
        duplex == "full-duplex",
        nego == "auto-nego",
        rxq,
        txq,
        socket,
        mtu,
        LinkFlags(bits),
    )


def encode_link_stats(_request: str, stats: LinkStats) -> bytes:
    """GET_PORT_STATS; the counters per queue stay 0, no tool prints them."""
    return PORT_STATS.pack(
        stats.mbuf_available,
        stats.mbuf_in_use,
        stats.in_packets,
        stats.out_packets,
        stats.in_bytes,
        stats.out_bytes,
        stats.in_missed,
        stats.in_errors,
        stats.out_errors,
        stats.rx_no_buffer,
        stats.link_id,
    )


def decode_link_stats(body: bytes) -> LinkStats:
    """GET_PORT_STATS: dpip asserts the length."""
    require_exact(body, PORT_STATS.size)
    available, in_use, *counters, link_id = PORT_STATS.unpack(body)
    fields = (*counters, link_id, available, in_use)
    return LinkStats(*fields)


def encode_link_counters(_request: str, counters: LinkCounters | None) -> bytes:
    """GET_PORT_XSTATS: no body where a device has none."""
    if counters is None:
        return b""
    records = [XSTAT.pack(each.counter_id, each.value, each.name[:63]) for each in counters.counters]
    return XSTATS_HEAD.pack(counters.link_id, len(records)) + b"".join(records)


def decode_link_counters(body: bytes) -> LinkCounters | None:
    """GET_PORT_XSTATS: None where the device does not support it."""
    if not body:
        return None
    link_id, count = XSTATS_HEAD.unpack(body)
    records = XSTAT.unpack_array(body, XSTATS_HEAD.size, count)
    return LinkCounters(link_id, tuple([LinkCounter(number, name, value) for number, value, name in records]))


def encode_link_details(_request: str, details: LinkDetails) -> bytes:
    """GET_PORT_EXT_INFO: two texts follow, with NULs that only datalen counts; an empty one has none."""
    queues, multicast = details.queues.encode(), details.multicast.encode()
    queues_size = len(queues) + 1 if queues else 0
    data = queues.ljust(queues_size, b"\0") + (multicast + b"\0" if multicast else b"")
    return (
        EXT_INFO.pack(
            details.link_id,
            details.pci_address,
            details.driver,
            details.interface_index,
            details.min_rx_bufsize,
            details.max_rx_packet_length,
            details.max_rx_queues,
            details.max_tx_queues,
            details.max_mac_addresses,
            details.max_hash_mac_addresses,
            details.max_vfs,
            details.max_vmdq_pools,
            details.rx_offload_capa,
            details.tx_offload_capa,
            details.reta_size,
            details.hash_key_size,
            details.flow_type_rss_offloads,
            details.vmdq_queue_base,
            details.vmdq_queue_num,
            details.vmdq_pool_base,
            details.rx_desc_max,
            details.rx_desc_min,
            details.rx_desc_align,
            details.tx_desc_max,
            details.tx_desc_min,
            details.tx_desc_align,
            details.speed_capa,
            0,
            len(queues),
            queues_size,
            len(multicast),
            details.multicast_count,
            len(data),
        )
        + data
    )


def decode_link_details(body: bytes) -> LinkDetails:
    """GET_PORT_EXT_INFO: dpip asserts the length."""
    *numbers, queues_at, queues_len, mc_at, mc_len, mc_count, length = EXT_INFO.unpack(body)
    require_exact(body, EXT_INFO.size + length)
    data = body[EXT_INFO.size :]
    queues, multicast = text(data[queues_at : queues_at + queues_len]), text(data[mc_at : mc_at + mc_len])
    fields = (*numbers, mc_count, queues, multicast)
    return LinkDetails(*fields)


def encode_bond(_request: str, bond: BondStatus) -> bytes:
    """GET_BOND_STATUS."""
    slaves = b"".join([BOND_SLAVE.pack(each.name, each.mac, each.active, each.primary) for each in bond.slaves])
    return (
        BOND_HEAD.pack(bond.mode, len(bond.slaves), bond.active)
        + slaves.ljust(_MAX_SLAVES * BOND_SLAVE.size, b"\0")
        + BOND_TAIL.pack(bond.mac, bond.xmit_policy, bond.monitor_ms, bond.down_delay_ms, bond.up_delay_ms)
    )


def decode_bond(body: bytes) -> BondStatus:
    """GET_BOND_STATUS: dpip asserts the length."""
    tail = BOND_HEAD.size + _MAX_SLAVES * BOND_SLAVE.size
    require_exact(body, tail + BOND_TAIL.size)
    mode, count, active = BOND_HEAD.unpack(body)
    mac, policy, monitor, down, up = BOND_TAIL.unpack(body, tail)
    slaves = tuple(
        [
            BondSlave(name, slave_mac, bool(is_active), bool(is_primary))
            for name, slave_mac, is_active, is_primary in BOND_SLAVE.unpack_array(body, BOND_HEAD.size, count)
        ]
    )
    return BondStatus(mode, active, slaves, mac, policy, monitor, down, up)


def encode_hardware_multicasts(_request: str, addresses: list[HardwareMulticast]) -> bytes:
    """GET_MADDR: lower-case MACs here."""
    records = [HW_MADDR.pack(each.mac.hex(":"), each.references, each.flags, each.sync) for each in addresses]
    return HW_MADDR_HEAD.pack(len(records)) + b"".join(records)


def decode_hardware_multicasts(body: bytes) -> list[HardwareMulticast]:
    """GET_MADDR."""
    count = HW_MADDR_HEAD.unpack(body)[0]
    return [
        HardwareMulticast(parse_mac(mac), references, flags, sync)
        for mac, references, flags, sync in HW_MADDR.unpack_array(body, HW_MADDR_HEAD.size, count)
    ]


def encode_link_settings(settings: LinkSettings) -> bytes:
    """SET_PORT: two bits per switch, on then off."""
    bits = 0
    for position, name in enumerate(_SWITCHES):
        value = getattr(settings, name)
        if value is not None:
            bits |= (1 if value else 2) << 2 * position
    return NIC_SET.pack(settings.name, settings.mac, bits)


def decode_link_settings(body: bytes) -> LinkSettings:
    """SET_PORT; where both bits are set, on wins."""
    require_exact(body, NIC_SET.size)
    name, mac, bits = NIC_SET.unpack(body)
    switches = [_switch(bits >> 2 * position & 3) for position in range(len(_SWITCHES))]
    return LinkSettings(name, mac, *switches)


def _switch(bits: int) -> bool | None:
    return bool(bits & 1) if bits else None
