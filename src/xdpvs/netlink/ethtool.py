"""What only ethtool knows: offloads, driver, speed, queues. Plain ioctls, which need no pyroute2."""

from __future__ import annotations

import array
import enum
import fcntl
import socket
import struct
from dataclasses import dataclass

from xdpvs.netlink.errors import NotSupported, OperatorError, from_errno

SIOCETHTOOL = 0x8946
IFNAMSIZ = 16

GDRVINFO = 0x03
GFLAGS = 0x25
SFLAGS = 0x26
GCHANNELS = 0x3C
GLINKSETTINGS = 0x4C

FLAG_TXVLAN = 1 << 7
FLAG_RXVLAN = 1 << 8
FLAG_LRO = 1 << 15


class Offload(enum.Enum):
    """Offloads by ethtool's short name."""

    TX_CHECKSUM = "tx"
    TSO = "tso"
    GSO = "gso"
    GRO = "gro"
    LRO = "lro"
    RX_VLAN = "rxvlan"
    TX_VLAN = "txvlan"


# (get, set) commands of the offloads that have their own; the others are bits of GFLAGS.
_COMMANDS = {
    Offload.TX_CHECKSUM: (0x16, 0x17),
    Offload.TSO: (0x1E, 0x1F),
    Offload.GSO: (0x23, 0x24),
    Offload.GRO: (0x2B, 0x2C),
}
_FLAGS = {Offload.LRO: FLAG_LRO, Offload.RX_VLAN: FLAG_RXVLAN, Offload.TX_VLAN: FLAG_TXVLAN}


@dataclass(frozen=True, slots=True)
class Driver:
    """The driver behind a link; bus_info is the PCI address where there is one."""

    name: str
    version: str
    bus_info: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Speed in Mbit/s (0 where unknown), duplex and negotiation."""

    speed_mbps: int
    full_duplex: bool
    autoneg: bool


def is_on(device: str, offload: Offload) -> bool:
    """Whether an offload is on."""
    if offload in _FLAGS:
        return bool(_get_value(device, GFLAGS) & _FLAGS[offload])
    return bool(_get_value(device, _COMMANDS[offload][0]))


def disable(device: str, *offloads: Offload) -> list[Offload]:
    """Switch offloads off and return those that stayed on, because the driver has them fixed."""
    for offload in offloads:
        if is_on(device, offload):
            _set(device, offload, False)
    return [offload for offload in offloads if is_on(device, offload)]


def enable(device: str, *offloads: Offload) -> None:
    """Switch offloads on, as far as the driver allows."""
    for offload in offloads:
        _set(device, offload, True)


def driver(device: str) -> Driver:
    """The driver's name, version and bus address; NotSupported for links without a driver."""
    reply = _ioctl(device, struct.pack("I192x", GDRVINFO), "ask driver")
    name, version, bus = (_text(reply[at : at + 32]) for at in (4, 36, 100))
    return Driver(name, version, bus)


def settings(device: str) -> Settings:
    """Speed, duplex and negotiation; zeros from a link that has none, such as a bridge."""
    # The first call answers with minus the number of mask words the second must offer (ETHTOOL_GLINKSETTINGS).
    try:
        probe = _ioctl(device, _link_settings_request(0), "read settings")
        words = -struct.unpack_from("b", probe, 15)[0]
        reply = _ioctl(device, _link_settings_request(words), "read settings")
    except NotSupported:
        return Settings(0, True, False)
    speed, duplex, _port, _phy, autoneg = struct.unpack_from("=IBBBB", reply, 4)
    return Settings(0 if speed == 0xFFFFFFFF else speed, duplex != 0, autoneg == 1)


def queues(device: str) -> tuple[int, int]:
    """How many receive and transmit queues are in use."""
    reply = _ioctl(device, struct.pack("=9I", GCHANNELS, *([0] * 8)), "read queues")
    rx, tx, _other, combined = struct.unpack_from("=4I", reply, 20)
    return rx + combined, tx + combined


def _link_settings_request(words: int) -> bytes:
    return struct.pack("=I11xb32x", GLINKSETTINGS, words) + bytes(3 * 4 * max(words, 0))


def _get_value(device: str, command: int) -> int:
    try:
        reply = _ioctl(device, struct.pack("=II", command, 0), "read offloads")
    except NotSupported:
        return 0
    value: int = struct.unpack("=II", reply)[1]
    return value


def _set(device: str, offload: Offload, on: bool) -> None:
    doing = f"set {offload.value} {'on' if on else 'off'}"
    if offload in _FLAGS:
        flags = _get_value(device, GFLAGS)
        flags = flags | _FLAGS[offload] if on else flags & ~_FLAGS[offload]
        command, value = SFLAGS, flags
    else:
        command, value = _COMMANDS[offload][1], int(on)
    try:
        _ioctl(device, struct.pack("=II", command, value), doing)
    except (NotSupported, OperatorError):
        # Fixed by the driver: `disable` reports it by what it finds afterwards. A missing link does not come here
        # quietly, for reading the value back raises then.
        _get_value(device, GFLAGS)


def _ioctl(device: str, request: bytes, doing: str) -> bytes:
    name = device.encode()
    if len(name) >= IFNAMSIZ:
        raise OperatorError(f"{doing} of {device}: the name is too long for ethtool")
    buffer = array.array("B", request)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", name, buffer.buffer_info()[0]))
        except OSError as error:
            raise from_errno(error.errno or 0, f"{doing} of {device}") from error
    return buffer.tobytes()


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace")
