"""Looks every second at the netdevs behind the ports: what others change there has to reach the data plane.

Asked by ioctl, since a netlink request each second would be most of what an idle daemon does.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from xdpvs.daemon.devices import Device, Devices
from xdpvs.daemon.logs import topic

_SIOCGIFNAME, _SIOCGIFFLAGS, _SIOCGIFMTU, _SIOCGIFHWADDR = 0x8910, 0x8913, 0x8921, 0x8927
_IFF_UP, _IFF_RUNNING = 0x1, 0x40

_log = topic("NETIF")


@dataclass(frozen=True, slots=True)
class Netdev:
    """What can change; running is up with a carrier."""

    name: str
    mac: bytes
    mtu: int
    up: bool
    running: bool


def read_netdev(ifindex: int) -> Netdev | None:
    """The netdev of an index as it is now, None if it is gone from this namespace."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            raw = fcntl.ioctl(control, _SIOCGIFNAME, struct.pack("=16si20x", b"", ifindex))[:16]
            request = raw + bytes(24)
            (flags,) = struct.unpack_from("=H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
            (mtu,) = struct.unpack_from("=i", fcntl.ioctl(control, _SIOCGIFMTU, request), 16)
            mac = fcntl.ioctl(control, _SIOCGIFHWADDR, request)[18:24]
    except OSError:
        return None
    return Netdev(raw.rstrip(b"\0").decode(), mac, mtu, bool(flags & _IFF_UP), bool(flags & _IFF_RUNNING))


class PortWatch:
    """Compares and corrects. mac_changed is told of each device with a new MAC, remade of those with another change."""

    def __init__(
        self,
        devices: Devices,
        mac_changed: Callable[[Device], None],
        remade: Callable[[Device], None],
        read: Callable[[int], Netdev | None] = read_netdev,
    ) -> None:
        self._devices = devices
        self._mac_changed = mac_changed
        self._remade = remade
        self._read = read
        self._seen: dict[int, Netdev | None] = {}

    def look(self) -> None:
        """All ports once."""
        for device in [each for each in self._devices if not each.vlan]:
            now = self._read(device.ifindex)
            if device.id not in self._seen or now != self._seen[device.id]:
                self._compare(device, self._seen.get(device.id, now), now)
                self._seen[device.id] = now

    def _compare(self, device: Device, before: Netdev | None, now: Netdev | None) -> None:
        if now is None:
            _log.error("%s: its netdev %s is gone; a restart is needed once it is back", device.name, device.netdev)
            return
        if before is not None and (before.up, before.running) != (now.up, now.running):
            state = "up" if now.running else "without carrier" if now.up else "down"
            _log.warning("%s: link is %s", device.name, state)
        self._correct(device, now)

    def _correct(self, device: Device, now: Netdev) -> None:
        if (now.mtu, now.name) != (device.mtu, device.netdev):
            _log.warning("%s: %s has MTU %d now (was %d)", device.name, now.name, now.mtu, device.mtu)
            device = replace(device, mtu=now.mtu, netdev=now.name)
            self._devices.change(device)
            self._remade(device)
        if now.mac != device.mac:
            _log.warning("%s: MAC is %s now (was %s)", device.name, now.mac.hex(":"), device.mac.hex(":"))
            for changed in self._devices.set_mac(device, now.mac):
                self._mac_changed(changed)
