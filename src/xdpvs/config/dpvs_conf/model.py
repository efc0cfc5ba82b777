"""What dpvs.conf sets, as values: effective, after rounding and defaults.

The defaults stand in the table of keywords; a field here has none. Fields that only change something in DPVS are kept,
so that `--check` and a later version can tell what the file says.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Global:
    """global_defs. kni off means: drop what is not the balancer's traffic, instead of passing it to the host."""

    log_level: str
    log_file: str | None
    log_async_mode: bool
    log_with_timestamp: bool
    log_async_pool_size: int
    pdump: bool
    kni: bool
    lldp: bool


@dataclass(frozen=True, slots=True)
class Netif:
    """netif_defs without its devices."""

    pktpool_size: int
    pktpool_cache: int
    fdir_mode: str


@dataclass(frozen=True, slots=True)
class Device:
    """A port, in file order: the first belongs to the first -a.

    mtu is None where the file is silent; then the netdev keeps its own, where DPVS would set 1500.
    """

    name: str
    kni_name: str
    mtu: int | None
    promisc_mode: bool
    allmulticast: bool
    rx_queues: int | None
    rx_descriptors: int
    rss: str
    tx_queues: int | None
    tx_descriptors: int
    tx_mbuf_fast_free: bool


@dataclass(frozen=True, slots=True)
class Bonding:
    """A DPDK bond, in Linux's mode numbers."""

    name: str
    kni_name: str
    mode: int
    slaves: tuple[str, ...]
    primary: str | None
    numa_node: int
    options: str | None


@dataclass(frozen=True, slots=True)
class WorkerPort:
    """The queues of one device that a worker serves."""

    name: str
    rx_queue_ids: tuple[int, ...]
    tx_queue_ids: tuple[int, ...]
    isol_rx_cpu_ids: tuple[int, ...]
    isol_rxq_ring_sz: int


@dataclass(frozen=True, slots=True)
class Worker:
    """A core of DPVS; type is master, slave or kni."""

    name: str
    type: str
    cpu_id: int
    icmp_redirect_core: bool
    ports: tuple[WorkerPort, ...]


@dataclass(frozen=True, slots=True)
class Timer:
    """timer_defs: main-loop rounds of DPVS, whatever its items file says about microseconds."""

    schedule_interval: int


@dataclass(frozen=True, slots=True)
class Neigh:
    """neigh_defs."""

    unres_queue_length: int
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Ipset:
    """ipset_defs."""

    hash_pool_size: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """ipv4_defs/fragment; max_entries is at most buckets times entries."""

    bucket_number: int
    bucket_entries: int
    max_entries: int
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Ipv4:
    """ipv4_defs."""

    forwarding: bool
    default_ttl: int
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class Route6:
    """ipv6_defs/route6, its lpm block included."""

    method: str
    recycle_time_s: int
    lpm6_max_rules: int
    lpm6_num_tbl8s: int
    rt6_array_size: int
    rt6_hash_bucket: int


@dataclass(frozen=True, slots=True)
class Ipv6:
    """ipv6_defs. disable lets IPv6 pass by unprocessed; stable_secret is 32 hex digits or empty."""

    disable: bool
    forwarding: bool
    addr_gen_mode: str
    stable_secret: str
    route6: Route6


@dataclass(frozen=True, slots=True)
class Ctrl:
    """ctrl_defs/lcore_msg."""

    ring_size: int
    sync_msg_timeout_us: int
    priority_level: str


@dataclass(frozen=True, slots=True)
class ConnDefs:
    """ipvs_defs/conn. pool_size is the capacity of the connection table, in connections."""

    pool_size: int
    pool_cache: int
    init_timeout_s: int
    expire_quiescent_template: bool
    fast_xmit_close: bool
    redirect: bool
    xmit_ttl: bool


@dataclass(frozen=True, slots=True)
class UdpTimeouts:
    """Seconds a UDP connection lives in each state."""

    oneway: int
    normal: int
    last: int


@dataclass(frozen=True, slots=True)
class Udp:
    """ipvs_defs/udp. defence_drop: drop UDP to a VIP's port that has no service, instead of passing it to the host."""

    defence_drop: bool
    uoa_mode: str
    uoa_max_trail: int
    timeouts: UdpTimeouts


@dataclass(frozen=True, slots=True)
class TcpTimeouts:
    """Seconds a TCP connection lives in each state."""

    none: int
    established: int
    syn_sent: int
    syn_recv: int
    fin_wait: int
    time_wait: int
    close: int
    close_wait: int
    last_ack: int
    listen: int
    synack: int
    last: int


@dataclass(frozen=True, slots=True)
class Tcp:
    """ipvs_defs/tcp without its synproxy; defence_drop as for UDP."""

    defence_drop: bool
    timeouts: TcpTimeouts


@dataclass(frozen=True, slots=True)
class Synproxy:
    """ipvs_defs/tcp/synproxy; mss to timestamp are the options of the proxy's SYN-ACK."""

    mss: int
    ttl: int
    sack: bool
    wscale: int
    timestamp: bool
    close_client_window: bool
    defer_rs_syn: bool
    rs_syn_max_retry: int
    ack_storm_thresh: int
    max_ack_saved: int
    reuse_close: bool
    reuse_time_wait: bool
    reuse_fin_wait: bool
    reuse_close_wait: bool
    reuse_last_ack: bool


@dataclass(frozen=True, slots=True)
class SaPool:
    """sa_pool."""

    pool_hash_size: int
    flow_enable: bool


@dataclass(frozen=True, slots=True)
class DpvsConfig:
    """All of dpvs.conf."""

    global_: Global
    netif: Netif
    devices: tuple[Device, ...]
    bondings: tuple[Bonding, ...]
    workers: tuple[Worker, ...]
    timer: Timer
    neigh: Neigh
    ipset: Ipset
    ipv4: Ipv4
    ipv6: Ipv6
    ctrl: Ctrl
    conn: ConnDefs
    udp: Udp
    tcp: Tcp
    synproxy: Synproxy
    sa_pool: SaPool
