"""DPVS's devices: ports, and VLAN devices on them with their KNIs (DPVS src/netif.c, src/vlan.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from xdpvs.api.errors import DpvsError
from xdpvs.bpf.errors import BpfError
from xdpvs.bpf.layout import MAX_DEVICES, DeviceFlags
from xdpvs.daemon.logs import topic
from xdpvs.daemon.records import DeviceRecord, Kind
from xdpvs.daemon.refusal import refuse
from xdpvs.daemon.services import Records
from xdpvs.dataplane.network import DeviceEntry
from xdpvs.model.network import VLAN_8021Q, Vlan
from xdpvs.netlink.errors import NetlinkError

VLAN_MTU = 1500
NAME_MAX = 15
NO_FLAGS = DeviceFlags(0)


@dataclass(frozen=True, slots=True)
class Device:
    """A device. netdev is the kernel's name of its port, kni the name of its KNI where that is a veth of ours."""

    id: int
    name: str
    port: int
    ifindex: int
    netdev: str
    mac: bytes
    mtu: int
    vlan: int = 0
    real_device: str = ""
    kni: str = ""
    kni_peer: int = 0
    forward2kni: bool = False

    def entry(self) -> DeviceEntry:
        """The device as the data plane has it."""
        flags = DeviceFlags.FORWARD2KNI if self.forward2kni else NO_FLAGS
        return DeviceEntry(
            self.id, self.port, self.ifindex, self.mac, self.mtu, self.vlan, flags, kni_peer=self.kni_peer
        )

    def vlan_value(self) -> Vlan:
        """A VLAN device as listings show it."""
        return Vlan(self.name, self.real_device, self.vlan)


class DeviceMaps(Protocol):
    """What of the data plane's Network is used here."""

    def put_device(self, entry: DeviceEntry) -> None: ...
    def remove_device(self, device_id: int) -> None: ...


class HostSide(Protocol):
    """What of the host is changed for devices."""

    def create_kni(self, name: str, peer_name: str, mac: bytes, mtu: int) -> int: ...
    def delete_kni(self, name: str) -> None: ...
    def join(self, device: str, group: bytes) -> None: ...
    def leave(self, device: str, group: bytes) -> None: ...


class Devices:
    """Devices by id; ports have the first ids. reset_counters makes an id's counters those of a new device."""

    def __init__(
        self,
        maps: DeviceMaps,
        host: HostSide,
        records: Records,
        reset_counters: Callable[[int], None] = lambda device_id: None,
    ) -> None:
        self._maps = maps
        self._host = host
        self._records = records
        self._reset_counters = reset_counters
        self._devices: dict[int, Device] = {}
        self._by_name: dict[str, Device] = {}

    def __iter__(self) -> Iterator[Device]:
        """By id."""
        return iter([self._devices[device_id] for device_id in sorted(self._devices)])

    def by_id(self, device_id: int) -> Device | None:
        """The device of an id."""
        return self._devices.get(device_id)

    def find(self, name: str) -> Device | None:
        """The device of a name."""
        return self._by_name.get(name)

    def get(self, name: str, missing: DpvsError = DpvsError.NOTEXIST) -> Device:
        """The device of a name, or the refusal."""
        device = self._by_name.get(name)
        if device is None:
            raise refuse(missing)
        return device

    def _put(self, device: Device) -> None:
        self._maps.put_device(device.entry())
        self._devices[device.id] = device
        self._by_name[device.name] = device

    def add_port(self, device: Device) -> None:
        """A port, once at the start."""
        self._put(device)
        self._record(device)

    def change(self, device: Device) -> None:
        """Write a device that has changed."""
        self._put(device)
        self._record(device)

    def set_mac(self, port: Device, mac: bytes) -> list[Device]:
        """A port has another MAC: it and its VLANs, which are returned."""
        changed = [replace(device, mac=mac) for device in self if device.port == port.id]
        for device in changed:
            self._put(device)
        return changed

    def _record(self, device: Device) -> None:
        record = DeviceRecord(device.name, device.real_device, device.vlan, device.forward2kni)
        self._records.put(Kind.DEVICE, device.id, record)

    # VLANs

    def add_vlan(self, vlan: Vlan) -> Device:
        """VLAN_ADD; names its own device if the request does not."""
        real = self.find(vlan.real_device)
        if real is None:
            raise refuse(DpvsError.NODEV)
        if vlan.protocol != VLAN_8021Q or not 1 <= vlan.vlan_id <= 4094 or real.vlan:
            raise refuse(DpvsError.INVAL)
        name = vlan.name or f"{real.name}.{vlan.vlan_id}"
        if len(name) > NAME_MAX:
            raise refuse(DpvsError.INVAL)
        if name in self._by_name or any(each.port == real.id and each.vlan == vlan.vlan_id for each in self):
            raise refuse(DpvsError.EXIST)
        device_id = next((number for number in range(MAX_DEVICES) if number not in self._devices), None)
        if device_id is None:
            raise refuse(DpvsError.NOROOM)
        self._reset_counters(device_id)
        return self._create_vlan(device_id, name, real, vlan.vlan_id)

    def _create_vlan(self, device_id: int, name: str, real: Device, vlan_id: int, forward2kni: bool = False) -> Device:
        kni = f"{name}.kni"
        with ExitStack() as undo:
            try:
                peer = self._host.create_kni(kni, f"k{real.ifindex}v{vlan_id}", real.mac, VLAN_MTU)
            except (NetlinkError, BpfError) as error:
                topic("VLAN").error("%s: no KNI: %s", name, error)
                raise refuse(DpvsError.SYSCALL) from error
            undo.callback(self._host.delete_kni, kni)
            device = Device(
                device_id,
                name,
                real.id,
                real.ifindex,
                real.netdev,
                real.mac,
                VLAN_MTU,
                vlan_id,
                real.name,
                kni,
                peer,
                forward2kni,
            )
            undo.callback(self._forget, device)
            self._put(device)
            self._record(device)
            undo.pop_all()
        return device

    def _forget(self, device: Device) -> None:
        self._records.delete(Kind.DEVICE, device.id)
        self._maps.remove_device(device.id)
        self._devices.pop(device.id, None)
        self._by_name.pop(device.name, None)

    def vlan_to_delete(self, vlan: Vlan) -> Device:
        """VLAN_DEL: by name, else by real device and id."""
        if vlan.name:
            device = self.get(vlan.name)
            if not device.vlan:
                raise refuse(DpvsError.INVAL)
            return device
        real = self.find(vlan.real_device)
        if real is None:
            raise refuse(DpvsError.NODEV)
        for device in self:
            if device.vlan and device.port == real.id and device.vlan == vlan.vlan_id:
                return device
        raise refuse(DpvsError.NOTEXIST)

    def delete_vlan(self, device: Device) -> None:
        """Remove a VLAN device whose addresses, routes and neighbours are gone."""
        self._forget(device)
        self._host.delete_kni(device.kni)

    def vlans(self, wanted: Vlan) -> list[Vlan]:
        """VLAN_SHOW."""
        if wanted.name:
            device = self.get(wanted.name, DpvsError.NODEV)
            if not device.vlan:
                raise refuse(DpvsError.INVAL)
            return [device.vlan_value()]
        real = self.get(wanted.real_device, DpvsError.NODEV)
        return [
            device.vlan_value()
            for device in self
            if device.vlan and device.port == real.id and wanted.vlan_id in (0, device.vlan)
        ]

    # Adoption

    def adopt(self, records: dict[int, DeviceRecord]) -> None:
        """Take the VLANs of an earlier run over; the ports are there already. What fits no port any more is dropped."""
        for device_id, record in sorted(records.items()):
            known = self._devices.get(device_id)
            if known is not None:
                if record.forward2kni and record.name == known.name:
                    self.change(replace(known, forward2kni=True))
                continue
            real = self.find(record.real_device)
            if real is None or not record.vlan:
                topic("NETIF").warning("device %s is gone with its port", record.name)
                self._records.delete(Kind.DEVICE, device_id)
                self._maps.remove_device(device_id)
                continue
            self._create_vlan(device_id, record.name, real, record.vlan, record.forward2kni)

    def remove_knis(self) -> None:
        """A clean stop takes away the veth pairs it made."""
        for device in self:
            if device.kni:
                self._host.delete_kni(device.kni)
