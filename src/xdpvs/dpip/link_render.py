"""The text of `dpip link show`: devices and cores. Every row ends in the blanks its columns leave, as upstream's do."""

from __future__ import annotations

from collections.abc import Iterable

from xdpvs.model.device import BondStatus, LcoreInfo, LcoreStats, LinkCounters, LinkDetails
from xdpvs.model.network import Link, LinkFlags, LinkStats

WIDE, SAMPLE, PAIR = 20, 16, 32

FLAG_NAMES = {
    LinkFlags.PROMISC: "promisc",
    LinkFlags.ALLMULTICAST: "allmulticast",
    LinkFlags.FORWARD2KNI: "foward2kni",  # upstream's spelling
    LinkFlags.TC_EGRESS: "tc-egress",
    LinkFlags.TC_INGRESS: "tc-ingress",
    LinkFlags.LLDP: "lldp",
    LinkFlags.XDP_GENERIC: "xdp-generic",
}
OFFLOAD_NAMES = {
    LinkFlags.RX_IP_CSUM: "OF_RX_IP_CSUM",
    LinkFlags.TX_IP_CSUM: "OF_TX_IP_CSUM",
    LinkFlags.TX_TCP_CSUM: "OF_TX_TCP_CSUM",
    LinkFlags.TX_UDP_CSUM: "OF_TX_UDP_CSUM",
    LinkFlags.TX_FAST_FREE: "OF_TX_FAST_FREE",
}

# Column title and unit of its rate, with the field it shows.
LINK_ROWS = (
    (("ipackets", "pps", "in_packets"), ("opackets", "pps", "out_packets"),
     ("ibytes", "Bps", "in_bytes"), ("obytes", "Bps", "out_bytes")),
    (("ierrors", "pps", "in_errors"), ("oerrors", "pps", "out_errors"),
     ("imissed", "pps", "in_missed"), ("rx_nombuf", "pps", "rx_no_buffer")),
)  # fmt: skip
LCORE_ROWS = (
    (("lcore_loop", "lps", "loops"), ("pktburst", "nps", "packet_bursts"),
     ("zpktburst", "nps", "zero_bursts"), ("fpktburst", "nps", "full_bursts")),
    (("z2hpktburst", "nps", "zero_to_half_bursts"), ("h2fpktburst", "nps", "half_to_full_bursts"),
     ("dropped", "nps", "dropped")),
    (("ipackets", "pps", "in_packets"), ("ibytes", "Bps", "in_bytes"),
     ("opackets", "pps", "out_packets"), ("obytes", "Bps", "out_bytes")),
)  # fmt: skip
Rows = tuple[tuple[tuple[str, str, str], ...], ...]


def render_link(link: Link) -> str:
    """The three lines of a device."""
    state = ["UP" if link.up else "DOWN", f"{link.speed_mbps} Mbps"]
    state.append("full-duplex" if link.full_duplex else "half-duplex")
    state.append("auto-nego" if link.autoneg else "fixed-nego")
    state += [name for flag, name in FLAG_NAMES.items() if link.flags & flag]
    offloads = [name for flag, name in OFFLOAD_NAMES.items() if link.flags & flag]
    return (
        f"{link.link_id + 1}: {link.name}: socket {link.socket} mtu {link.mtu}"
        f" rx-queue {link.rx_queues} tx-queue {link.tx_queues}\n"
        f"    {_blank_ended(state)}\n"
        f"    addr {link.mac.hex(':').upper()} {_blank_ended(offloads)}\n"
    )


def render_link_stats(stats: LinkStats) -> str:
    """Counters since the start, and the packet buffers."""
    return _totals(LINK_ROWS, stats) + _table(
        WIDE, ("mbuf-avail", "mbuf-inuse"), (stats.mbuf_available, stats.mbuf_in_use)
    )


def render_link_rates(before: LinkStats, after: LinkStats, seconds: int) -> str:
    """Averages per second between two looks."""
    return _rates(LINK_ROWS, before, after, seconds)


def render_link_counters(counters: LinkCounters | None) -> str:
    """The driver's own counters."""
    if counters is None:
        return "        not supported\n"
    return "".join(f"        {entry.counter_id:<6}{entry.name}: {entry.value}\n" for entry in counters.counters)


def render_link_details(details: LinkDetails) -> str:
    """What -v adds: limits of the driver, queues, multicast list."""
    d = details
    text = _table(PAIR, ("pci_addr", "driver_name"), (d.pci_address, d.driver))
    text += _table(
        SAMPLE,
        ("if_index", "min_rx_bufsize", "max_rx_pktlen", "max_mac_addrs"),
        (d.interface_index, d.min_rx_bufsize, d.max_rx_packet_length, d.max_mac_addresses),
    )
    text += _table(
        SAMPLE,
        ("max_rx_queues", "max_tx_queues", "max_hash_addrs", "max_vfs"),
        (d.max_rx_queues, d.max_tx_queues, d.max_hash_mac_addresses, d.max_vfs),
    )
    text += _table(
        SAMPLE,
        ("max_vmdq_pools", "rx_ol_capa", "tx_ol_capa", "reta_size"),
        (d.max_vmdq_pools, f"0x{d.rx_offload_capa:X}", f"0x{d.tx_offload_capa:X}", d.reta_size),
    )
    text += _table(
        SAMPLE,
        ("hash_key_size", "flowtype_rss_ol", "vmdq_que_base", "vmdq_que_num"),
        (d.hash_key_size, f"0x{d.flow_type_rss_offloads:X}", d.vmdq_queue_base, d.vmdq_queue_num),
    )
    text += _table(
        SAMPLE,
        ("rx_desc_max", "rx_desc_min", "rx_desc_align", "vmdq_pool_base"),
        (d.rx_desc_max, d.rx_desc_min, d.rx_desc_align, d.vmdq_pool_base),
    )
    text += _table(
        SAMPLE,
        ("tx_desc_max", "tx_desc_min", "tx_desc_align", "speed_capa"),
        (d.tx_desc_max, d.tx_desc_min, d.tx_desc_align, d.speed_capa),
    )
    if d.queues:
        text += f"    Queue Configuration:\n{d.queues}"
    if d.multicast:
        text += f"    HW mcast list:\n{d.multicast}"
    return text


def render_bond(bond: BondStatus) -> str:
    """What `status` adds for a bond."""
    slaves = "".join(
        f"{slave.name}({slave.mac}, {'active' if slave.active else 'inactive'}{', primary' if slave.primary else ''}) "
        for slave in bond.slaves
    )
    return (
        "    --- bonding status ---\n"
        f"    mode {bond.mode} mac_addr {bond.mac} xmit_policy {bond.xmit_policy} link_monitor {bond.monitor_ms}ms\n"
        f"    ative/slaves {bond.active}/{len(bond.slaves)} link_down_prop_delay {bond.down_delay_ms}ms"
        f" link_up_prop_delay {bond.up_delay_ms}ms\n"
        f"    slaves: {slaves}\n"
    )


def render_lcore(requested: int, lcore: LcoreInfo) -> str:
    """The two lines of a core."""
    return f"{requested + 1}: cpu{lcore.lcore}: socket {lcore.socket}\n    queues {lcore.queues or 'none'}\n"


def render_lcore_stats(stats: LcoreStats) -> str:
    """A core's counters since the start."""
    return _totals(LCORE_ROWS, stats)


def render_lcore_rates(before: LcoreStats, after: LcoreStats, seconds: int) -> str:
    """A core's averages per second between two looks."""
    return _rates(LCORE_ROWS, before, after, seconds)


def _blank_ended(words: Iterable[str]) -> str:
    return "".join(f"{word} " for word in words)


def _table(width: int, titles: Iterable[str], values: Iterable[object]) -> str:
    return "".join(f"    {''.join(f'{cell!s:<{width}}' for cell in row)}\n" for row in (titles, values))


def _totals(rows: Rows, stats: LinkStats | LcoreStats) -> str:
    return "".join(
        _table(WIDE, (title for title, _, _ in row), (getattr(stats, name) for _, _, name in row)) for row in rows
    )


def _rates(rows: Rows, before: LinkStats | LcoreStats, after: LinkStats | LcoreStats, seconds: int) -> str:
    def rate(name: str) -> int:
        # Unsigned as in C: a counter that was reset wraps instead of going negative.
        counted: int = getattr(after, name) - getattr(before, name)
        return (counted & 0xFFFFFFFFFFFFFFFF) // seconds

    return "".join(
        _table(SAMPLE, (f"{title}/{unit}" for title, unit, _ in row), (rate(name) for _, _, name in row))
        for row in rows
    )
