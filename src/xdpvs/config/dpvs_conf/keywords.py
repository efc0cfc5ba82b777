"""The one table of dpvs.conf: every keyword, its values, when it applies and what becomes of it here.

Facts are those of DPVS v1.10.2 and v1.9.6 united (a file for either loads). Where its items file and its code disagree
the code is followed; ranges of the route6/lpm block are v1.10.2's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from xdpvs.config.dpvs_conf.values import (
    Choice,
    Flag,
    Integer,
    KeptInteger,
    Kind,
    Numbers,
    OptionalInteger,
    Rounding,
    Rss,
    Secret,
    Switch,
    Text,
)

NAME_MAX = 31
"""Longest name of a device, bond or worker."""

LOG_LEVELS = ("EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")


class Disposition(enum.Enum):
    """What this data plane does with a keyword: the SAME as DPVS, something equivalent (MAPPED), or only NOTEs it."""

    SAME = "S"
    MAPPED = "M"
    NOTE = "N"


class When(enum.Enum):
    """INIT values last until a restart; RELOAD values follow the file at SIGHUP, back to the default when absent.

    KEPT reload values stay as they were when the file does not state them; KEPT_WITHOUT_BLOCK do so only when it has no
    global_defs either (in DPVS, opening that block is what resets them); STICKY ones stay on until a restart.
    """

    INIT = "init"
    RELOAD = "reload"
    KEPT = "kept"
    KEPT_WITHOUT_BLOCK = "kept without block"
    STICKY = "sticky"


@dataclass(frozen=True, slots=True)
class Block:
    """A block; a named one carries a name after its keyword and may stand several times."""

    path: str
    topic: str
    named: bool = False


@dataclass(frozen=True, slots=True)
class Keyword:
    """A line of the table. section and field say where `model` keeps the value; label is its name in log lines."""

    path: str
    section: str
    field: str
    kind: Kind
    when: When
    disposition: Disposition
    meaning: str
    label: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def block(self) -> str:
        return self.path.rpartition("/")[0]


def _blocks(topic: str, *paths: str) -> tuple[Block, ...]:
    return tuple(Block(path.removesuffix("/*"), topic, path.endswith("/*")) for path in paths)


BLOCKS: tuple[Block, ...] = (
    *_blocks("CFG_FILE", "global_defs"),
    *_blocks("NETIF", "netif_defs", "netif_defs/device/*", "netif_defs/device/rx", "netif_defs/device/tx"),
    *_blocks("NETIF", "netif_defs/bonding/*", "worker_defs", "worker_defs/worker/*", "worker_defs/worker/port/*"),
    *_blocks("DTIMER", "timer_defs"),
    *_blocks("NEIGHBOUR", "neigh_defs"),
    *_blocks("IPSET", "ipset_defs"),
    *_blocks("IPV4", "ipv4_defs"),
    *_blocks("IP4FRAG", "ipv4_defs/fragment"),
    *_blocks("IPV6", "ipv6_defs"),
    *_blocks("RT6", "ipv6_defs/route6", "ipv6_defs/route6/lpm"),
    *_blocks("MSGMGR", "ctrl_defs", "ctrl_defs/lcore_msg"),
    *_blocks("IPVS", "ipvs_defs", "ipvs_defs/conn", "ipvs_defs/udp", "ipvs_defs/udp/timeout"),
    *_blocks("IPVS", "ipvs_defs/tcp", "ipvs_defs/tcp/timeout", "ipvs_defs/tcp/synproxy"),
    *_blocks("IPVS", "ipvs_defs/tcp/synproxy/synack_options", "ipvs_defs/tcp/synproxy/conn_reuse_state"),
    *_blocks("SAPOOL", "sa_pool"),
)


@dataclass(frozen=True, slots=True)
class _Section:
    """Makes the keywords of one block, filed under one section of the model."""

    block: str
    section: str
    prefix: str = ""

    def __call__(
        self,
        name: str,
        kind: Kind,
        when: When,
        disposition: Disposition,
        meaning: str = "",
        *,
        field: str = "",
        label: str = "",
    ) -> Keyword:
        path = f"{self.block}/{name}"
        return Keyword(path, self.section, field or name, kind, when, disposition, meaning, label or self.prefix + name)


_INIT, _RELOAD, _KEPT = When.INIT, When.RELOAD, When.KEPT
_SAME, _MAPPED, _NOTE = Disposition.SAME, Disposition.MAPPED, Disposition.NOTE
_TO_POWER, _TO_POWER_MINUS_ONE = Rounding.POWER, Rounding.POWER_MINUS_ONE

_NO_POOLS = "packet buffers belong to the NIC's driver"
_NO_LCORES = "no busy-polling cores"
_NO_RINGS = "no rings between cores"
_QUEUES = "set queues and rings with ethtool"
_BONDING = "use the kernel's bond as -a NAME"
_ROUTE6 = "routes are kept in the kernel's longest-prefix-match maps"
_UOA = "client addresses over UDP (UOA) are not done yet"
_SYNPROXY = "the SYN proxy is not done yet"
_FORWARDING = "mapped to the host's ip_forward: the kernel routes what is not the balancer's"

_global = _Section("global_defs", "global_")
_netif = _Section("netif_defs", "netif")
_device = _Section("netif_defs/device", "device")
_rx = _Section("netif_defs/device/rx", "device")
_tx = _Section("netif_defs/device/tx", "device")
_bonding = _Section("netif_defs/bonding", "bonding")
_worker = _Section("worker_defs/worker", "worker")
_port = _Section("worker_defs/worker/port", "port")
_timer = _Section("timer_defs", "timer")
_neigh = _Section("neigh_defs", "neigh")
_ipset = _Section("ipset_defs", "ipset")
_ipv4 = _Section("ipv4_defs", "ipv4")
_fragment = _Section("ipv4_defs/fragment", "fragment")
_ipv6 = _Section("ipv6_defs", "ipv6")
_route6 = _Section("ipv6_defs/route6", "route6")
_lpm = _Section("ipv6_defs/route6/lpm", "route6", "route6:")
_lcore_msg = _Section("ctrl_defs/lcore_msg", "ctrl")
_conn = _Section("ipvs_defs/conn", "conn")
_udp = _Section("ipvs_defs/udp", "udp")
_udp_timeout = _Section("ipvs_defs/udp/timeout", "udp_timeouts", "udp_timeout_")
_tcp = _Section("ipvs_defs/tcp", "tcp")
_tcp_timeout = _Section("ipvs_defs/tcp/timeout", "tcp_timeouts", "tcp_timeout_")
_synproxy = _Section("ipvs_defs/tcp/synproxy", "synproxy")
_synack = _Section("ipvs_defs/tcp/synproxy/synack_options", "synproxy", "synack_")
_reuse = _Section("ipvs_defs/tcp/synproxy/conn_reuse_state", "synproxy", "synproxy_conn_reuse_")
_sa_pool = _Section("sa_pool", "sa_pool")


def _timeout(section: _Section, name: str, default: int) -> Keyword:
    return section(name, Integer(default, 1, 31535999), _RELOAD, _SAME)


KEYWORDS: tuple[Keyword, ...] = (
    _global("log_level", Choice("INFO", LOG_LEVELS, keep_on_bad=True, prefix=True), _KEPT, _SAME),
    _global("log_file", Text(), _KEPT, _SAME),
    _global("log_async_mode", Switch(False), _INIT, _NOTE, "log lines are written as they come"),
    _global("log_with_timestamp", Switch(False), When.KEPT_WITHOUT_BLOCK, _SAME),
    _global(
        "log_async_pool_size",
        Integer(16383, 1023, rounding=_TO_POWER_MINUS_ONE),
        _INIT,
        _NOTE,
        "log lines are written as they come",
    ),
    _global("pdump", Switch(False), _INIT, _NOTE, "capture with xdpdump or tcpdump"),
    _global("kni", Switch(True), _INIT, _MAPPED),
    _global("lldp", Switch(False), When.KEPT_WITHOUT_BLOCK, _NOTE, "run lldpd on the host: its frames pass through"),
    _netif("pktpool_size", Integer(65535, 1023, 134217727, _TO_POWER_MINUS_ONE), _INIT, _NOTE, _NO_POOLS),
    _netif("pktpool_cache", Integer(256, 32, 8192, _TO_POWER), _INIT, _NOTE, _NO_POOLS, label="pktpool_cache_size"),
    _netif(
        "fdir_mode",
        Choice("perfect", ("perfect", "signature"), fold_case=True),
        _INIT,
        _NOTE,
        "no flow steering needed",
    ),
    _rx("queue_number", OptionalInteger(0, 16, 16), _INIT, _NOTE, _QUEUES, field="rx_queues", label="rx_queue_number"),
    _rx(
        "descriptor_number",
        Integer(256, 16, 8192, _TO_POWER),
        _INIT,
        _NOTE,
        _QUEUES,
        field="rx_descriptors",
        label="nb_rx_desc",
    ),
    _rx("rss", Rss(), _INIT, _NOTE, "set the receive hash with ethtool -N"),
    _tx("queue_number", OptionalInteger(0, 16, 16), _INIT, _NOTE, _QUEUES, field="tx_queues", label="tx_queue_number"),
    _tx(
        "descriptor_number",
        Integer(512, 16, 8192, _TO_POWER),
        _INIT,
        _NOTE,
        _QUEUES,
        field="tx_descriptors",
        label="nb_tx_desc",
    ),
    _tx("mbuf_fast_free", Switch(True), _INIT, _NOTE, _NO_POOLS, field="tx_mbuf_fast_free", label="tx_mbuf_fast_free"),
    _device("mtu", OptionalInteger(1, 9000, 1500), _INIT, _MAPPED),
    _device("promisc_mode", Flag(), _INIT, _MAPPED),
    _device("allmulticast", Flag(), _INIT, _MAPPED),
    _device("kni_name", Text(maximum=NAME_MAX), _INIT, _MAPPED),
    _bonding("mode", Integer(0, 0, 6), _INIT, _NOTE, _BONDING),
    _bonding("slave", Text(maximum=NAME_MAX), _INIT, _NOTE, _BONDING, field="slaves"),
    _bonding("primary", Text(maximum=NAME_MAX), _INIT, _NOTE, _BONDING),
    _bonding("numa_node", Integer(0, 0), _INIT, _NOTE, _BONDING),
    _bonding("kni_name", Text(maximum=NAME_MAX), _INIT, _NOTE, _BONDING),
    _bonding("options", Text(), _INIT, _NOTE, _BONDING),
    _worker("type", Choice("slave", ("master", "slave", "kni")), _INIT, _NOTE, _NO_LCORES),
    _worker("cpu_id", Integer(0, 0, digits_only=True), _INIT, _NOTE, _NO_LCORES),
    _worker("icmp_redirect_core", Flag(), _INIT, _NOTE, _NO_LCORES),
    _port("rx_queue_ids", Numbers(0, 15, bad=0), _INIT, _NOTE, _NO_LCORES),
    _port("tx_queue_ids", Numbers(0, 15, bad=0), _INIT, _NOTE, _NO_LCORES),
    _port("isol_rx_cpu_ids", Numbers(1, 63, bad=None), _INIT, _NOTE, _NO_LCORES),
    _port("isol_rxq_ring_sz", Integer(1048576, 0, digits_only=True), _INIT, _NOTE, _NO_RINGS),
    _timer("schedule_interval", Integer(10, 1, 10000000), _RELOAD, _NOTE, _NO_LCORES, label="sched_interval"),
    _neigh(
        "unres_queue_length",
        Integer(128, 16, 8192),
        _INIT,
        _NOTE,
        "packets do not wait for a neighbour, the first are lost",
        label="arp_unres_qlen",
    ),
    _neigh("timeout", Integer(60, 1, 3600), _RELOAD, _SAME, field="timeout_s", label="arp_reachable_timeout"),
    _ipset(
        "ipset_hash_pool_size",
        Integer(262143, 65536, rounding=_TO_POWER_MINUS_ONE),
        _INIT,
        _NOTE,
        "DPVS does not use it either",
        field="hash_pool_size",
    ),
    _ipv4("forwarding", Switch(False), _RELOAD, _MAPPED, _FORWARDING, label="ipv4:forwarding"),
    _ipv4("default_ttl", Integer(64, 0, 255), _INIT, _SAME, label="inet_def_ttl"),
    _fragment(
        "bucket_number",
        Integer(4096, 32, 65536),
        _INIT,
        _NOTE,
        "fragments are tracked in one table of max_entries",
        label="ip4_frag_buckets",
    ),
    _fragment(
        "bucket_entries",
        Integer(16, 1, 256, _TO_POWER),
        _INIT,
        _NOTE,
        "fragments are tracked in one table of max_entries",
        label="ip4_frag_bucket_entries",
    ),
    _fragment("max_entries", Integer(4096, 1), _INIT, _MAPPED, label="ip4_frag_max_entries"),
    _fragment("ttl", Integer(1, 1, 255), _INIT, _MAPPED, field="ttl_s", label="ip4_frag_ttl"),
    _ipv6("disable", Switch(False), _RELOAD, _SAME, label="ipv6:disable"),
    _ipv6("forwarding", Switch(False), _RELOAD, _MAPPED, _FORWARDING, label="ipv6:forwarding"),
    _ipv6(
        "addr_gen_mode",
        Choice("eui64", ("eui64", "none", "stable-privacy", "random"), fold_case=True, keep_on_bad=True),
        _RELOAD,
        _MAPPED,
        "none gives devices no link-local address, every other word one by eui64",
        label="ipv6:addr_gen_mode",
    ),
    _ipv6(
        "stable_secret",
        Secret(),
        _RELOAD,
        _NOTE,
        "link-local addresses are made by eui64 here",
        label="ipv6:stable_secret",
    ),
    _route6("method", Choice("hlist", ("hlist", "lpm")), _INIT, _NOTE, _ROUTE6, label="route6:method"),
    _route6(
        "recycle_time",
        Integer(10, 1, 36000),
        _RELOAD,
        _NOTE,
        _ROUTE6,
        field="recycle_time_s",
        label="route6:recycle_time",
    ),
    _lpm("lpm6_max_rules", Integer(256, 16, 65536, _TO_POWER), _INIT, _NOTE, _ROUTE6),
    _lpm("lpm6_num_tbl8s", Integer(4096, 256, 1048576, _TO_POWER), _INIT, _NOTE, _ROUTE6),
    _lpm("rt6_array_size", Integer(65536, 0), _INIT, _NOTE, _ROUTE6),
    _lpm("rt6_hash_bucket", Integer(256, 16, 65536, _TO_POWER), _INIT, _NOTE, _ROUTE6),
    _lcore_msg("ring_size", Integer(4096, 256, 524288, _TO_POWER), _INIT, _NOTE, _NO_RINGS, label="msg_ring_size"),
    _lcore_msg("sync_msg_timeout_us", Integer(2000, 1), _RELOAD, _NOTE, "control requests do not wait for workers"),
    _lcore_msg("priority_level", Choice("low", ("low", "norm", "high", "ign")), _RELOAD, _NOTE, _NO_RINGS),
    _conn("conn_pool_size", Integer(2097151, 65536, rounding=_TO_POWER_MINUS_ONE), _INIT, _MAPPED, field="pool_size"),
    _conn(
        "conn_pool_cache",
        Integer(256, 1, rounding=_TO_POWER),
        _INIT,
        _NOTE,
        "one table for all cores",
        field="pool_cache",
    ),
    _conn("conn_init_timeout", Integer(3, 1, 31535999), _RELOAD, _SAME, field="init_timeout_s"),
    _conn("expire_quiescent_template", Flag(), _RELOAD, _SAME),
    _conn("fast_xmit_close", Flag(), _INIT, _NOTE, "the next hop is always looked up"),
    _conn("redirect", Switch(False), _INIT, _NOTE, "one table for all cores", label="conn:redirect"),
    _conn("xmit_ttl", Flag(), When.STICKY, _NOTE, "TTL and hop limit are always decremented here"),
    _udp("defence_udp_drop", Flag(), _RELOAD, _SAME, field="defence_drop"),
    _udp("uoa_mode", Choice("opp", ("opp", "ipo"), keep_on_bad=True), _KEPT, _NOTE, _UOA),
    _udp("uoa_max_trail", KeptInteger(3, 0), _RELOAD, _NOTE, _UOA),
    _timeout(_udp_timeout, "oneway", 300),
    _timeout(_udp_timeout, "normal", 300),
    _timeout(_udp_timeout, "last", 2),
    _tcp("defence_tcp_drop", Flag(), _RELOAD, _SAME, field="defence_drop"),
    _timeout(_tcp_timeout, "none", 2),
    _timeout(_tcp_timeout, "established", 90),
    _timeout(_tcp_timeout, "syn_sent", 3),
    _timeout(_tcp_timeout, "syn_recv", 30),
    _timeout(_tcp_timeout, "fin_wait", 7),
    _timeout(_tcp_timeout, "time_wait", 7),
    _timeout(_tcp_timeout, "close", 3),
    _timeout(_tcp_timeout, "close_wait", 7),
    _timeout(_tcp_timeout, "last_ack", 7),
    _timeout(_tcp_timeout, "listen", 120),
    _timeout(_tcp_timeout, "synack", 30),
    _timeout(_tcp_timeout, "last", 2),
    _synack("mss", Integer(1452, 1, 65535), _RELOAD, _NOTE, _SYNPROXY),
    _synack("ttl", Integer(63, 1, 255), _RELOAD, _NOTE, _SYNPROXY),
    _synack("sack", Flag(True), _RELOAD, _NOTE, _SYNPROXY),
    _synack("wscale", Integer(0, 0, 14), _RELOAD, _NOTE, _SYNPROXY),
    _synack("timestamp", Flag(), _RELOAD, _NOTE, _SYNPROXY),
    _synproxy("close_client_window", Flag(), _RELOAD, _NOTE, _SYNPROXY),
    _synproxy("defer_rs_syn", Flag(), _RELOAD, _NOTE, _SYNPROXY),
    _synproxy("rs_syn_max_retry", Integer(3, 1, 99), _RELOAD, _NOTE, _SYNPROXY),
    _synproxy("ack_storm_thresh", Integer(10, 1, 999), _RELOAD, _NOTE, _SYNPROXY),
    _synproxy("max_ack_saved", Integer(3, 1, 63), _RELOAD, _NOTE, _SYNPROXY),
    _reuse("close", Flag(True), _RELOAD, _NOTE, _SYNPROXY, field="reuse_close"),
    _reuse("time_wait", Flag(True), _RELOAD, _NOTE, _SYNPROXY, field="reuse_time_wait"),
    _reuse("fin_wait", Flag(), _RELOAD, _NOTE, _SYNPROXY, field="reuse_fin_wait"),
    _reuse("close_wait", Flag(), _RELOAD, _NOTE, _SYNPROXY, field="reuse_close_wait"),
    _reuse("last_ack", Flag(), _RELOAD, _NOTE, _SYNPROXY, field="reuse_last_ack"),
    _sa_pool("pool_hash_size", KeptInteger(16, 1, 128), _INIT, _NOTE, "no flow steering needed"),
    _sa_pool("flow_enable", Switch(True), _INIT, _NOTE, "no flow steering needed"),
)

KEYWORD_AT = {keyword.path: keyword for keyword in KEYWORDS}
BLOCK_AT = {block.path: block for block in BLOCKS}


def is_block(path: tuple[str, ...]) -> bool | None:
    """Whether a keyword inside these blocks opens a block; None for a word unknown there."""
    joined = "/".join(path)
    if joined in BLOCK_AT:
        return True
    return False if joined in KEYWORD_AT else None


def section_keywords(section: str) -> tuple[Keyword, ...]:
    """The keywords whose values make up one section of the model."""
    return tuple(keyword for keyword in KEYWORDS if keyword.section == section)
