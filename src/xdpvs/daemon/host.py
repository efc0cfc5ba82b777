"""The host's side of our devices: netdevs behind ports, and the veth pairs that are the KNIs of VLAN devices."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct

from xdpvs.dataplane.plane import DataPlane, Port
from xdpvs.netlink import ethtool, link, veth
from xdpvs.netlink.errors import LinkNotFound, NetlinkError

_SIOCADDMULTI, _SIOCDELMULTI = 0x8931, 0x8932


class Host:
    """Changes the host on behalf of devices."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    def create_kni(self, name: str, peer_name: str, mac: bytes, mtu: int) -> int:
        """Make the veth pair of a KNI, or take over the one an earlier run left; returns the peer's ifindex."""
        try:
            visible, peer = link.find(name), link.find(peer_name)
        except LinkNotFound:
            veth.delete(name)
            veth.delete(peer_name)
            visible, peer = veth.create(name, peer_name, mac=mac, mtu=mtu)
        try:
            self._set_up_kni(visible, peer)
        except Exception:
            with contextlib.suppress(NetlinkError):
                veth.delete(name)
            raise
        return peer.index

    def _set_up_kni(self, visible: link.HostLink, peer: link.HostLink) -> None:
        # What the host sends must have its checksum by the time XDP sees it.
        ethtool.disable(visible.name, ethtool.Offload.TX_CHECKSUM, ethtool.Offload.TSO, ethtool.Offload.TX_VLAN)
        _silence(peer)
        self._plane.attach_kni(Port(visible.name, visible.index), Port(peer.name, peer.index))
        link.set_up(peer, True)
        link.set_up(visible, True)

    def delete_kni(self, name: str) -> None:
        """Remove the veth pair."""
        veth.delete(name)

    def join(self, device: str, group: bytes) -> None:
        """Have a netdev receive a multicast MAC; it goes on when the daemon is gone, and doing it again is harmless."""
        _multicast(device, group, _SIOCADDMULTI)

    def leave(self, device: str, group: bytes) -> None:
        """Undo join."""
        with contextlib.suppress(OSError):
            _multicast(device, group, _SIOCDELMULTI)


def _multicast(device: str, group: bytes, command: int) -> None:
    request = struct.pack("16sH14s8x", device.encode(), socket.AF_UNSPEC, group)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, command, request)


def _silence(netdev: link.HostLink) -> None:
    """Keep the kernel from speaking IPv6 on the hidden end: its advertisements would come out of the KNI."""
    with contextlib.suppress(NetlinkError):  # a kernel without IPv6 says nothing anyway
        link.set_no_link_local(netdev)
