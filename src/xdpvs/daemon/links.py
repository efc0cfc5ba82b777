"""Devices as `dpip link` shows and sets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from ipaddress import IPv6Address
from typing import Protocol

from xdpvs.api.errors import DpvsError
from xdpvs.daemon.devices import Device, Devices
from xdpvs.daemon.logs import topic
from xdpvs.daemon.refusal import refuse, unsupported
from xdpvs.dataplane.stats import DeviceTraffic
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.device import (
    NO_PORT,
    HardwareMulticast,
    LcoreInfo,
    LcoreMask,
    LcoreStats,
    LinkCounter,
    LinkCounters,
    LinkDetails,
    LinkSettings,
    MulticastAddress,
    PortEntry,
    PortList,
)
from xdpvs.model.network import Address, Link, LinkFlags, LinkStats
from xdpvs.netlink import ethtool, link
from xdpvs.netlink.errors import NetlinkError
from xdpvs.netlink.link import HostLink
from xdpvs.packet.ethernet import multicast_mac
from xdpvs.packet.ndisc import solicited_node

WORKER = 1
_GROUPS = ("ff02::2", "ff02::1")


class DeviceReadings(Protocol):
    """What of the data plane's Counters is used here."""

    def devices(self, ids: Sequence[int]) -> dict[int, DeviceTraffic]: ...


class AddressesOf(Protocol):
    """What of layer 3 is used here."""

    def addresses_of(self, device: str) -> list[Address]: ...


class PortChanged(Protocol):
    """Told of a device whose MAC has changed."""

    def __call__(self, device: Device) -> None: ...


class Links:
    """Reads the host for what the netdev knows, the data plane for what was counted."""

    def __init__(
        self, devices: Devices, readings: DeviceReadings, addresses: AddressesOf, changed: PortChanged, *, generic: bool
    ) -> None:
        self._devices = devices
        self._readings = readings
        self._addresses = addresses
        self._changed = changed
        self._generic = generic

    # Showing

    def ports(self) -> PortList:
        """GET_PORT_LIST."""
        entries = tuple(PortEntry(device.id, device.name) for device in self._devices)
        physical = sum(not device.vlan for device in self._devices)
        return PortList(entries, 0, physical, NO_PORT, NO_PORT)

    def link(self, name: str) -> Link:
        """GET_PORT_BASIC."""
        device = self._devices.get(name)
        netdev = _netdev(device)
        speed, duplex, autoneg = _settings(device)
        rx, tx = (1, 1) if device.vlan else _queues(netdev)
        flags = LinkFlags(0)
        if not device.vlan:
            flags |= LinkFlags.PROMISC if netdev.promiscuous else LinkFlags(0)
            flags |= LinkFlags.ALLMULTICAST if netdev.allmulticast else LinkFlags(0)
        if device.forward2kni:
            flags |= LinkFlags.FORWARD2KNI
        if self._generic:
            flags |= LinkFlags.XDP_GENERIC
        up = netdev.up and netdev.carrier
        return Link(device.id, name, device.mac, up, speed, duplex, autoneg, rx, tx, 0, device.mtu, flags)

    def stats(self, name: str) -> LinkStats:
        """GET_PORT_STATS: what our data plane saw, frames for the host included."""
        device = self._devices.get(name)
        traffic = self._traffic(device)
        return LinkStats(
            in_packets=traffic.rx_packets,
            out_packets=traffic.tx_packets,
            in_bytes=traffic.rx_bytes,
            out_bytes=traffic.tx_bytes,
            in_missed=traffic.rx_dropped,
            link_id=device.id,
        )

    def _traffic(self, device: Device) -> DeviceTraffic:
        """A port's frames are its own and its VLANs', which the data plane counts apart."""
        ids = [each.id for each in self._devices if device.id in (each.id, each.port)]
        return _sum(self._readings.devices(ids).values())

    def counters(self, name: str) -> LinkCounters:
        """GET_PORT_XSTATS."""
        device = self._devices.get(name)
        traffic = self._traffic(device)
        values = {
            "rx_good_packets": traffic.rx_packets,
            "tx_good_packets": traffic.tx_packets,
            "rx_good_bytes": traffic.rx_bytes,
            "tx_good_bytes": traffic.tx_bytes,
            "rx_dropped": traffic.rx_dropped,
            "kni_packets": traffic.kni_packets,
        }
        counters = [LinkCounter(number, key, value) for number, (key, value) in enumerate(values.items())]
        return LinkCounters(device.id, tuple(counters))

    def details(self, name: str) -> LinkDetails:
        """GET_PORT_EXT_INFO."""
        device = self._devices.get(name)
        groups = self.hardware_multicast(name)
        multicast = "".join(
            f"        link {group.mac.hex(':')} refcnt {group.references}, synced {group.sync}\n" for group in groups
        )
        if device.vlan:
            return LinkDetails(device.id, multicast_count=len(groups), multicast=multicast)
        netdev = _netdev(device)
        try:
            driver = ethtool.driver(netdev.name)
        except NetlinkError:
            driver = ethtool.Driver("", "", "")
        rx, tx = _queues(netdev)
        queues = "".join(_queue_line(number, rx, tx) for number in range(max(rx, tx)))
        return LinkDetails(
            device.id,
            driver.bus_info[:31],
            driver.name[:31],
            netdev.index,
            max_rx_packet_length=netdev.max_mtu + 18 if netdev.max_mtu else 0,
            max_rx_queues=netdev.rx_queues,
            max_tx_queues=netdev.tx_queues,
            max_mac_addresses=1,
            multicast_count=len(groups),
            queues=queues,
            multicast=multicast,
        )

    def multicast(self, name: str) -> list[MulticastAddress]:
        """IFMADDR_SHOW: newest first, one reference from us and one from the list itself, as upstream counts."""
        self._devices.get(name)
        solicited = [solicited_node(address) for address in self._ipv6_of(name)]
        groups: list[IPAddress] = [*reversed(solicited[1:])]
        groups += [IPv6Address(text) for text in _GROUPS]
        groups += solicited[:1]
        return [MulticastAddress(name, Family.INET6, group, 0, 2) for group in dict.fromkeys(groups)]

    def hardware_multicast(self, name: str) -> list[HardwareMulticast]:
        """GET_MADDR."""
        device = self._devices.get(name)
        macs = [multicast_mac(solicited_node(address)) for address in self._ipv6_of(name)]
        base = [b"\x33\x33\x00\x00\x00\x01", b"\x33\x33\x00\x00\x00\x02"]
        # What a VLAN listens to is also put into its port's filter.
        references, synced = (2, 1) if device.vlan else (1, 0)
        return [HardwareMulticast(mac, references, 0, synced) for mac in dict.fromkeys([*macs[:1], *base, *macs[1:]])]

    def _ipv6_of(self, name: str) -> list[IPv6Address]:
        found = [entry.address for entry in self._addresses.addresses_of(name)]
        return [address for address in found if isinstance(address, IPv6Address)]

    # lcores: we have none, and say what a DPVS with one worker would

    def lcore_mask(self) -> LcoreMask:
        """GET_LCORE_MASK."""
        return LcoreMask()

    def lcore(self, number: int) -> LcoreInfo:
        """GET_LCORE_BASIC."""
        _check_lcore(number)
        names = [device.name for device in self._devices if not device.vlan] if number == WORKER else []
        return LcoreInfo(number, 0, "".join(f"{name + ':rx0':<16}{name + ':tx0':<16}" for name in names))

    def lcore_stats(self, number: int) -> LcoreStats:
        """GET_LCORE_STATS: the packets of all ports."""
        _check_lcore(number)
        if number != WORKER:
            return LcoreStats(number)
        traffic = _sum(self._readings.devices([device.id for device in self._devices]).values())
        return LcoreStats(
            number,
            in_packets=traffic.rx_packets,
            in_bytes=traffic.rx_bytes,
            out_packets=traffic.tx_packets,
            out_bytes=traffic.tx_bytes,
            dropped=traffic.rx_dropped,
        )

    def set_lcore(self, number: int) -> None:
        """SET_LCORE changes nothing in DPVS either."""
        _check_lcore(number)

    # Setting

    def set(self, wanted: LinkSettings) -> None:
        """SET_PORT."""
        device = self._devices.get(wanted.name, DpvsError.INVAL)
        refused = {"tc-egress": wanted.tc_egress, "tc-ingress": wanted.tc_ingress, "lldp": wanted.lldp}
        for name, value in refused.items():
            if value:
                raise unsupported(f"{name} of {device.name}")
        try:
            self._set(device, wanted)
        except NetlinkError as error:
            topic("NETIF").error("%s", error)
            raise refuse(DpvsError.DPDKAPIFAIL) from error

    def _set(self, device: Device, wanted: LinkSettings) -> None:
        if wanted.forward2kni is not None and wanted.forward2kni != device.forward2kni:
            raise unsupported(f"forward2kni of {device.name}")
        if device.vlan:
            if wanted.mac or wanted.up is not None:
                raise unsupported(f"MAC or link state of {device.name}, which are those of {device.real_device}")
            return
        netdev = _netdev(device)
        if wanted.promisc is not None:
            link.set_promiscuous(netdev, wanted.promisc)
        if wanted.allmulticast is not None:
            link.set_allmulticast(netdev, wanted.allmulticast)
        if wanted.up is not None:
            link.set_up(netdev, wanted.up)
        if wanted.mac:
            self._set_mac(device, netdev, wanted.mac)

    def _set_mac(self, device: Device, netdev: HostLink, text: str) -> None:
        try:
            mac = bytes.fromhex(text.replace(":", ""))
        except ValueError:
            raise refuse(DpvsError.INVAL) from None
        if len(mac) != 6 or mac[0] & 1:
            raise refuse(DpvsError.INVAL)
        link.set_mac(netdev, mac)
        for changed in self._devices.set_mac(replace(device), mac):
            self._changed(changed)


def _sum(parts: Iterable[DeviceTraffic]) -> DeviceTraffic:
    rows = zip(*(astuple(part) for part in parts), strict=True)
    return DeviceTraffic(*(sum(row) for row in rows))


def _check_lcore(number: int) -> None:
    if number not in (0, WORKER):
        raise refuse(DpvsError.INVAL)


def _queue_line(number: int, rx: int, tx: int) -> str:
    names = f"{f'rx{number}' if number < rx else 'xx'}-{f'tx{number}' if number < tx else 'xx'}"
    return f"    {names:<12}{'cpu1-cpu1':<25}\n"


def _netdev(device: Device) -> link.HostLink:
    try:
        return link.by_index(device.ifindex)
    except NetlinkError as error:
        topic("NETIF").error("%s: %s", device.name, error)
        raise refuse(DpvsError.NODEV) from error


def _settings(device: Device) -> tuple[int, bool, bool]:
    try:
        found = ethtool.settings(device.netdev)
    except NetlinkError:
        return 0, True, False
    return found.speed_mbps, found.full_duplex, found.autoneg


def _queues(netdev: link.HostLink) -> tuple[int, int]:
    try:
        return ethtool.queues(netdev.name)
    except NetlinkError:
        return netdev.rx_queues, netdev.tx_queues
