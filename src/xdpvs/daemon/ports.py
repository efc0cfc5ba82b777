"""From the command line and dpvs.conf to ports: netdevs with DPVS's names, set up for the data plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdpvs.config.dpvs_conf.model import Device as DeviceConf
from xdpvs.daemon.logs import topic
from xdpvs.netlink import ethtool, link
from xdpvs.netlink.errors import LinkNotFound, NetlinkError

_log = topic("NETIF")


class PortError(Exception):
    """The operator's ports cannot be had."""


@dataclass(frozen=True, slots=True)
class ChosenPort:
    """A netdev that becomes a port; conf is its block of dpvs.conf, if it has one, added are names it got just now."""

    name: str
    netdev: link.HostLink
    conf: DeviceConf | None = None
    added: tuple[str, ...] = ()

    @property
    def kni_name(self) -> str:
        """What DPVS would call the kernel's side; here it is the netdev itself."""
        return self.conf.kni_name if self.conf else f"{self.name}.kni"


def choose(asked: Sequence[str], blocked: Sequence[str], devices: Sequence[DeviceConf]) -> list[ChosenPort]:
    """The ports: those of -a in order, else the devices of dpvs.conf that exist as netdevs."""
    if not asked:
        found = _configured(blocked, devices)
        if not found:
            raise PortError("No dpdk ports found: name one with -a (after --), by PCI address or netdev")
        return found
    ports: list[ChosenPort] = []
    skip = {netdev.index for name in blocked if (netdev := _find(name)) is not None}
    for number, name in enumerate(asked):
        if devices and number >= len(devices):
            raise PortError(f"ports in DPDK RTE ({len(asked)}) != ports in dpvs.conf({len(devices)})")
        netdev = _find(name)
        if netdev is None:
            raise PortError(f"-a {name}: no such network device")
        if netdev.index in skip or any(port.netdev.index == netdev.index for port in ports):
            raise PortError(f"-a {name}: the same network device twice, or blocked by -b")
        conf = devices[number] if devices else None
        ports.append(ChosenPort(conf.name if conf else f"dpdk{number}", netdev, conf))
    return ports


def _configured(blocked: Sequence[str], devices: Sequence[DeviceConf]) -> list[ChosenPort]:
    found = [(conf, _find(conf.name)) for conf in devices if conf.name not in blocked]
    return [ChosenPort(conf.name, netdev, conf) for conf, netdev in found if netdev is not None]


def _find(name: str) -> link.HostLink | None:
    try:
        return link.find(name)
    except LinkNotFound:
        return None


def set_up(port: ChosenPort) -> ChosenPort:
    """Bring a netdev into the state the data plane needs; returns it as it is then."""
    netdev, conf = port.netdev, port.conf
    if conf is not None:
        if conf.mtu is not None and conf.mtu != netdev.mtu:
            link.set_mtu(netdev, conf.mtu)
        if conf.promisc_mode:
            link.set_promiscuous(netdev, True)
        if conf.allmulticast:
            link.set_allmulticast(netdev, True)
    stayed = ethtool.disable(netdev.name, ethtool.Offload.RX_VLAN, ethtool.Offload.LRO)
    for offload in stayed:
        _log.warning("%s: %s cannot be switched off", netdev.name, offload.value)
    added = tuple(name for name in (port.name, port.kni_name) if _add_altname(netdev, name))
    if not netdev.up:
        link.set_up(netdev, True)
    return ChosenPort(port.name, link.by_index(netdev.index), conf, added)


def _add_altname(netdev: link.HostLink, altname: str) -> bool:
    if altname == netdev.name or altname in netdev.altnames:
        return False
    try:
        link.add_altname(netdev, altname)
    except NetlinkError as error:
        _log.warning("%s is not also called %s: %s", netdev.name, altname, error)
        return False
    return True


def tear_down(port: ChosenPort, names: Sequence[str]) -> None:
    """Take names of a port away, as far as it has them."""
    for name in {port.name, port.kni_name} & set(names):
        try:
            link.remove_altname(port.netdev, name)
        except NetlinkError as error:
            _log.debug("%s keeps the name %s: %s", port.netdev.name, name, error)
