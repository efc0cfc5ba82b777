"""The counters of a host link."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.netlink.link import HostLink
from xdpvs.netlink.rtnl import link_request


@dataclass(frozen=True, slots=True)
class HostLinkStats:
    """IFLA_STATS64, the part a balancer shows. Bytes and packets count what XDP consumed only if the driver does."""

    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int
    rx_missed: int
    rx_no_buffer: int


def read(link: HostLink) -> HostLinkStats:
    """Read the 64-bit counters of a link."""
    counters = link_request(f"read statistics of {link.name}", "get", index=link.index)[0].get_attr("IFLA_STATS64")
    return HostLinkStats(
        rx_packets=counters["rx_packets"],
        tx_packets=counters["tx_packets"],
        rx_bytes=counters["rx_bytes"],
        tx_bytes=counters["tx_bytes"],
        rx_errors=counters["rx_errors"],
        tx_errors=counters["tx_errors"],
        rx_dropped=counters["rx_dropped"],
        tx_dropped=counters["tx_dropped"],
        rx_missed=counters["rx_missed_errors"],
        rx_no_buffer=counters["rx_fifo_errors"],
    )
