"""What is shown of devices and lcores beyond `Link`, and what can be set on a device."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.model.address import Family, IPAddress

NO_PORT = 0xFFFF


@dataclass(frozen=True, slots=True)
class PortEntry:
    """A device's id (from 0) and name."""

    link_id: int
    name: str


@dataclass(frozen=True, slots=True)
class PortList:
    """All devices; physical ports have ids phy_base ≤ id < phy_end, bonds likewise (NO_PORT: there are none)."""

    ports: tuple[PortEntry, ...]
    phy_base: int = 0
    phy_end: int = 0
    bond_base: int = NO_PORT
    bond_end: int = NO_PORT


@dataclass(frozen=True, slots=True)
class LinkCounter:
    """One named counter of a driver."""

    counter_id: int
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class LinkCounters:
    """A device's driver counters."""

    link_id: int
    counters: tuple[LinkCounter, ...]


@dataclass(frozen=True, slots=True)
class LinkDetails:
    """What `dpip -v link show` prints: limits of the driver, queue layout and multicast list as two texts."""

    link_id: int = 0
    pci_address: str = ""
    driver: str = ""
    interface_index: int = 0
    min_rx_bufsize: int = 0
    max_rx_packet_length: int = 0
    max_rx_queues: int = 0
    max_tx_queues: int = 0
    max_mac_addresses: int = 0
    max_hash_mac_addresses: int = 0
    max_vfs: int = 0
    max_vmdq_pools: int = 0
    rx_offload_capa: int = 0
    tx_offload_capa: int = 0
    reta_size: int = 0
    hash_key_size: int = 0
    flow_type_rss_offloads: int = 0
    vmdq_queue_base: int = 0
    vmdq_queue_num: int = 0
    vmdq_pool_base: int = 0
    rx_desc_max: int = 0
    rx_desc_min: int = 0
    rx_desc_align: int = 0
    tx_desc_max: int = 0
    tx_desc_min: int = 0
    tx_desc_align: int = 0
    speed_capa: int = 0
    multicast_count: int = 0
    queues: str = ""
    multicast: str = ""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Changes to a device; None leaves a setting alone. The MAC is text because the daemon, not dpip, judges it."""

    name: str
    mac: str = ""
    promisc: bool | None = None
    allmulticast: bool | None = None
    up: bool | None = None
    forward2kni: bool | None = None
    tc_egress: bool | None = None
    tc_ingress: bool | None = None
    lldp: bool | None = None


@dataclass(frozen=True, slots=True)
class BondSlave:
    """A slave of a bond."""

    name: str
    mac: str
    active: bool
    primary: bool


@dataclass(frozen=True, slots=True)
class BondStatus:
    """What `dpip link show BOND status` prints; delays in milliseconds."""

    mode: int
    active: int
    slaves: tuple[BondSlave, ...]
    mac: str
    xmit_policy: str
    monitor_ms: int
    down_delay_ms: int
    up_delay_ms: int


@dataclass(frozen=True, slots=True)
class LcoreMask:
    """Which lcores there are; kni 0 = none, masks by lcore number."""

    master: int = 0
    kni: int = 0
    workers: int = 1
    isolated_rx: int = 0
    worker_mask: int = 0x2
    isolated_rx_mask: int = 0


@dataclass(frozen=True, slots=True)
class LcoreInfo:
    """One lcore and the text naming its queues."""

    lcore: int
    socket: int = 0
    queues: str = ""


@dataclass(frozen=True, slots=True)
class LcoreStats:
    """Counters of an lcore."""

    lcore: int
    loops: int = 0
    packet_bursts: int = 0
    zero_bursts: int = 0
    full_bursts: int = 0
    zero_to_half_bursts: int = 0
    half_to_full_bursts: int = 0
    in_packets: int = 0
    in_bytes: int = 0
    out_packets: int = 0
    out_bytes: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class MulticastAddress:
    """A multicast address joined on a device."""

    device: str
    family: Family
    address: IPAddress
    flags: int = 0
    references: int = 1


@dataclass(frozen=True, slots=True)
class HardwareMulticast:
    """A multicast MAC a device listens to; flags 1 = from the kernel's twin of the device."""

    mac: bytes
    references: int = 1
    flags: int = 0
    sync: int = 0
