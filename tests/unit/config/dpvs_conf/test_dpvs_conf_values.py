"""Values of dpvs.conf: every keyword, its range, rounding, default and what is said about it."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import pytest

from tests.support.dpvs_conf import ALL_KEYWORDS, read
from xdpvs.config.dpvs_conf import DpvsConfig, LoadResult, Severity
from xdpvs.config.dpvs_conf.keywords import BLOCK_AT, KEYWORD_AT, KEYWORDS, LOG_LEVELS, Disposition, Keyword, When
from xdpvs.config.dpvs_conf.load import defaults


def in_blocks(path: str, line: str) -> str:
    """The line inside the blocks of a keyword's path, named blocks named x."""
    blocks = path.split("/")[:-1]
    opening = ""
    for depth, block in enumerate(blocks, 1):
        name = " x" if BLOCK_AT["/".join(blocks[:depth])].named else ""
        opening += f"{block}{name} {{\n"
    return opening + line + "\n" + "}\n" * len(blocks)


def notes(result: LoadResult) -> list[str]:
    return [str(note) for note in result.notes]


def warnings(result: LoadResult) -> list[str]:
    return [str(note) for note in result.notes if note.severity is Severity.WARNING]


def test_defaults_are_those_of_dpvs() -> None:
    config = defaults()
    assert config.conn.pool_size == 2097151
    assert config.conn.init_timeout_s == 3
    assert (config.tcp.timeouts.established, config.tcp.timeouts.syn_recv) == (90, 30)
    assert (config.udp.timeouts.oneway, config.udp.timeouts.normal, config.udp.timeouts.last) == (300, 300, 2)
    assert (config.udp.uoa_mode, config.udp.uoa_max_trail) == ("opp", 3)
    assert (config.synproxy.sack, config.synproxy.reuse_close, config.synproxy.reuse_time_wait) == (True, True, True)
    assert (config.synproxy.reuse_fin_wait, config.synproxy.timestamp, config.tcp.defence_drop) == (False,) * 3
    assert config.global_.log_level == "INFO"
    assert config.global_.kni
    assert (config.ipv6.disable, config.ipv4.forwarding) == (False, False)
    assert config.ipset.hash_pool_size == 262143
    assert (config.devices, config.workers) == ((), ())


def _matches(value: object, hint: Any) -> bool:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        return isinstance(value, hint) and all(
            _matches(getattr(value, field.name), hints[field.name]) for field in dataclasses.fields(hint)
        )
    if str(hint).startswith("tuple["):
        return isinstance(value, tuple) and all(_matches(item, hint.__args__[0]) for item in value)
    return isinstance(value, hint)


def test_a_file_with_every_keyword_states_every_keyword() -> None:
    result = read(ALL_KEYWORDS)
    assert set(KEYWORD_AT) | set(BLOCK_AT) == result.stated


@pytest.mark.parametrize("text", ["", ALL_KEYWORDS])
def test_every_field_has_its_declared_type(text: str) -> None:
    config = read(text).config
    hints = get_type_hints(DpvsConfig)
    for field in dataclasses.fields(config):
        assert _matches(getattr(config, field.name), hints[field.name]), field.name


def test_values_arrive_where_they_belong() -> None:
    config = read(ALL_KEYWORDS).config
    device, second = config.devices
    assert (device.name, device.kni_name, device.mtu, device.promisc_mode, device.allmulticast) == (
        "dpdk0", "k0", 9000, True, True,
    )  # fmt: skip
    assert (device.rx_queues, device.rx_descriptors, device.tx_descriptors, device.rss) == (6, 256, 512, "ip|tcp")
    assert (second.kni_name, second.mtu, second.promisc_mode, second.rss) == ("dpdk1.kni", None, False, "tcp")
    assert config.bondings[0].slaves == ("dpdk0", "dpdk1")
    assert [worker.type for worker in config.workers] == ["master", "slave"]
    port = config.workers[1].ports[0]
    assert (port.name, port.rx_queue_ids, port.tx_queue_ids, port.isol_rx_cpu_ids) == ("dpdk0", (0, 1), (0,), (9, 10))
    assert config.ipv4.fragment.max_entries == 4096 * 16 // 2
    assert config.ipv6.stable_secret == "0123456789abcdef0123456789abcdef"
    assert config.ipv6.route6.lpm6_max_rules == 512
    assert config.tcp.timeouts.close_wait == 10
    assert config.synproxy.wscale == 7
    assert not config.sa_pool.flow_enable
    assert config.conn.xmit_ttl
    assert config.global_.log_file == "/var/log/x.log"


@pytest.mark.parametrize(
    ("path", "text", "value", "note"),
    [
        ("ipvs_defs/conn/conn_pool_size", "2097152", 2097151, "IPVS: conn_pool_size = 2097152 (round to 2^n-1)"),
        ("ipvs_defs/conn/conn_pool_size", "1048575", 1048575, "IPVS: conn_pool_size = 1048576 (round to 2^n-1)"),
        ("ipvs_defs/conn/conn_pool_size", "100000", 65535, "IPVS: conn_pool_size = 65536 (round to 2^n-1)"),
        (
            "ipvs_defs/conn/conn_pool_size",
            "65535",
            2097151,
            "IPVS: invalid conn_pool_size 65535, using default 2097151 (/etc/dpvs.conf:3)",
        ),
        (
            "ipvs_defs/conn/conn_pool_size",
            "9" * 5000,
            2097151,
            f"IPVS: invalid conn_pool_size {'9' * 5000}, using default 2097151 (/etc/dpvs.conf:3)",
        ),
        ("ipvs_defs/conn/conn_pool_cache", "255", 128, "IPVS: conn_pool_cache = 128 (round to 2^n)"),
        ("ipvs_defs/conn/conn_pool_cache", "1", 1, "IPVS: conn_pool_cache = 1 (round to 2^n)"),
        ("ipvs_defs/tcp/timeout/established", "120s", 120, "IPVS: tcp_timeout_established = 120"),
        ("ipvs_defs/tcp/timeout/established", "31535999", 31535999, "IPVS: tcp_timeout_established = 31535999"),
        (
            "ipvs_defs/tcp/timeout/established",
            "31536000",
            90,
            "IPVS: invalid tcp_timeout_established 31536000, using default 90 (/etc/dpvs.conf:4)",
        ),
        (
            "ipvs_defs/udp/timeout/oneway",
            "0",
            300,
            "IPVS: invalid udp_timeout_oneway 0, using default 300 (/etc/dpvs.conf:4)",
        ),
        ("ipvs_defs/udp/uoa_max_trail", "-1", 3, "IPVS: invalid uoa_max_trail -1, ignored (/etc/dpvs.conf:3)"),
        ("ipvs_defs/udp/uoa_mode", "OPP", "opp", "IPVS: invalid uoa_mode OPP, ignored (opp|ipo) (/etc/dpvs.conf:3)"),
        ("global_defs/log_level", "ERROR", "ERR", "CFG_FILE: log_level = ERR"),
        (
            "global_defs/log_level",
            "WARN",
            "INFO",
            f"CFG_FILE: invalid log_level WARN, ignored ({'|'.join(LOG_LEVELS)}) (/etc/dpvs.conf:2)",
        ),
        ("global_defs/kni", "OFF", False, "CFG_FILE: kni = off"),
        ("global_defs/kni", "no", True, "CFG_FILE: invalid kni no, ignored (on or off) (/etc/dpvs.conf:2)"),
        (
            "ipv6_defs/route6/method",
            "tree",
            "hlist",
            "RT6: invalid route6:method tree, using default hlist (/etc/dpvs.conf:3)",
        ),
        ("ipv6_defs/stable_secret", '""', "", "IPV6: ipv6:stable_secret = none"),
        (
            "ipv6_defs/stable_secret",
            "xyz",
            "",
            "IPV6: invalid ipv6:stable_secret value, ignored (32 hex digits) (/etc/dpvs.conf:2)",
        ),
        ("sa_pool/pool_hash_size", "129", 16, "SAPOOL: invalid pool_hash_size 129, ignored (/etc/dpvs.conf:2)"),
    ],
)
def test_effective_value_and_what_is_said(path: str, text: str, value: object, note: str) -> None:
    keyword = KEYWORD_AT[path]
    result = read(in_blocks(path, f"{keyword.name} {text}"))
    section: Any = getattr(result.config, {"udp_timeouts": "udp", "tcp_timeouts": "tcp", "route6": "ipv6"}.get(
        keyword.section, keyword.section))  # fmt: skip
    if keyword.section.endswith("_timeouts"):
        section = section.timeouts
    elif keyword.section == "route6":
        section = section.route6
    assert getattr(section, keyword.field) == value
    assert note in notes(result)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("mtu 9001", "mtu", 1500),
        ("mtu 1400", "mtu", 1400),
        ("rx {\nqueue_number 17\n}", "rx_queues", 16),
        ("rx {\nrss |tcp\n}", "rss", "tcp"),
        ("rx {\nrss nothing\n}", "rss", "tcp"),
        (f"kni_name {'k' * 32}", "kni_name", "x.kni"),
    ],
)
def test_device_values(line: str, field: str, value: object) -> None:
    assert getattr(read(in_blocks("netif_defs/device/mtu", line)).config.devices[0], field) == value


def test_device_notes_carry_its_name() -> None:
    assert "NETIF: dpdk0:mtu = 1400" in notes(read("netif_defs {\n device dpdk0 {\n mtu 1400\n }\n}\n"))


def test_bad_queue_id_is_zero_and_bad_worker_type_slave() -> None:
    text = "worker_defs {\nworker w {\ntype boss\ncpu_id x\nport d {\nrx_queue_ids 16\ntx_queue_ids 0\n}\n}\n}\n"
    worker = read(text).config.workers[0]
    assert (worker.type, worker.cpu_id, worker.ports[0].rx_queue_ids) == ("slave", 0, (0,))


def test_slave_must_be_an_earlier_device() -> None:
    result = read("netif_defs {\nbonding b {\nslave dpdk7\n}\n}\n")
    assert result.config.bondings[0].slaves == ()
    assert "NETIF: invalid b:slave dpdk7, skipped: no such device before it (/etc/dpvs.conf:3)" in notes(result)


def test_flag_with_off_is_on_and_warned_about() -> None:
    result = read("ipvs_defs {\ntcp {\ndefence_tcp_drop off\n}\n}\n")
    assert result.config.tcp.defence_drop
    assert len(warnings(result)) == 1


def test_reopened_netif_defs_drops_its_devices() -> None:
    result = read("netif_defs {\ndevice a {\n}\n}\nnetif_defs {\ndevice b {\n}\n}\n")
    assert [device.name for device in result.config.devices] == ["b"]
    assert "NETIF: /etc/dpvs.conf:5: netif_defs again, the device blocks before it are dropped" in notes(result)


def test_reopened_global_defs_resets_two_switches() -> None:
    result = read("global_defs {\nlldp on\nlog_with_timestamp on\nkni off\n}\nglobal_defs {\n}\n")
    assert (result.config.global_.lldp, result.config.global_.log_with_timestamp) == (False, False)
    assert not result.config.global_.kni


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (("0 0", "0"), 2),
        (("0", "0 0"), 3),
        (("1", "0"), 4),
        (("0", None), 6),
    ],
)
def test_workers_dpvs_would_refuse_are_warned_about(rows: tuple[str, str | None], code: int) -> None:
    rx, tx = rows
    transmit = f"tx_queue_ids {tx}\n" if tx else ""
    text = f"worker_defs {{\nworker w {{\ntype slave\nport d {{\nrx_queue_ids {rx}\n{transmit}}}\n}}\n}}\n"
    assert any(f"error code -{code})" in note for note in warnings(read(text)))


def test_workers_without_slave_are_warned_about() -> None:
    assert any("error code -7" in note for note in warnings(read("worker_defs {\nworker w {\ntype master\n}\n}\n")))
    assert warnings(read("")) == []


def test_what_has_no_effect_is_said_once_per_reason() -> None:
    listed = notes(read(ALL_KEYWORDS))
    assert "CFG_FILE: without effect here: pktpool_size, pktpool_cache, mbuf_fast_free" in " ".join(listed)
    assert "CFG_FILE: without effect here: uoa_mode (client addresses over UDP (UOA) are not done yet)" in (
        line.replace(", uoa_max_trail", "") for line in listed
    )
    assert any(line.startswith("CFG_FILE: ipv4_defs/forwarding, ipv6_defs/forwarding: mapped to the host's ip_forward")
               for line in listed)  # fmt: skip
    for words in ("use the kernel's bond as -a NAME", "the next hop is always looked up", "always decremented here"):
        assert sum(words in line for line in listed) == 1


@pytest.mark.parametrize("keyword", KEYWORDS, ids=lambda keyword: keyword.path)
def test_every_row_of_the_table_is_complete(keyword: Keyword) -> None:
    assert keyword.block in BLOCK_AT
    if keyword.disposition is Disposition.NOTE:
        assert keyword.meaning, "a keyword without effect says why"
    if keyword.when is When.STICKY:
        assert keyword.kind.default is False
