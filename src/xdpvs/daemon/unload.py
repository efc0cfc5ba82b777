"""`dpvs --unload`: detach and remove what a daemon left that was killed."""

from __future__ import annotations

from pathlib import Path

from xdpvs.bpf.link import XdpMode
from xdpvs.daemon.records import DeviceRecord, Kind
from xdpvs.dataplane.journal import Journal
from xdpvs.dataplane.plane import DataPlane
from xdpvs.netlink import link, veth
from xdpvs.netlink.errors import LinkNotFound


def unload(bpffs: Path, prefix: str) -> bool:
    """Take the pinned state of an instance away; False if there is none."""
    directory = bpffs / prefix
    if not (directory / "maps").is_dir():
        return False
    plane = DataPlane(directory, (), XdpMode.NATIVE)
    journal = Journal.open(directory / "journal")
    try:
        devices = journal.load(Kind.DEVICE, DeviceRecord)
    finally:
        journal.close()
    plane.close(detach=True)
    for record in devices.values():
        if record.vlan:
            veth.delete(f"{record.name}.kni")
        else:
            _remove_altnames(record.name)
    return True


def _remove_altnames(port: str) -> None:
    """The names a port was given; a kni_name of dpvs.conf is not known here and stays."""
    try:
        netdev = link.find(port)
    except LinkNotFound:
        return
    for altname in (port, f"{port}.kni"):
        link.remove_altname(netdev, altname)
