"""What SIGHUP applies: reloadable values follow the file, init-only ones wait for a restart."""

from __future__ import annotations

import pytest

from tests.support.dpvs_conf import ALL_KEYWORDS, read
from xdpvs.config.dpvs_conf import DpvsConfig, reloadable_changes
from xdpvs.config.dpvs_conf.load import defaults

TIMEOUT = "ipvs_defs {{\n tcp {{\n  timeout {{\n   established {}\n  }}\n }}\n}}\n"


def after_reload(old: str, new: str) -> tuple[DpvsConfig, list[str]]:
    result = reloadable_changes(read(old).config, read(new))
    return result.config, [str(note) for note in result.notes]


def test_reloadable_value_follows_the_file() -> None:
    config, notes = after_reload(TIMEOUT.format(100), TIMEOUT.format(200))
    assert config.tcp.timeouts.established == 200
    assert "IPVS: tcp_timeout_established = 200" in notes


def test_removed_reloadable_value_is_back_at_its_default() -> None:
    config, _ = after_reload(TIMEOUT.format(100), "")
    assert config.tcp.timeouts.established == 90


def test_init_only_value_waits_for_a_restart() -> None:
    size = "ipvs_defs {{\n conn {{\n conn_pool_size {}\n }}\n}}\n"
    config, notes = after_reload(size.format(2097151), size.format(1048575))
    assert config.conn.pool_size == 2097151
    assert "CFG_FILE: conn_pool_size = 1048575 needs a restart, 2097151 stays until then" in notes
    assert not [note for note in notes if note.startswith("IPVS: conn_pool_size")]


def test_devices_wait_for_a_restart() -> None:
    one = "netif_defs {\n device a {\n }\n}\n"
    two = "netif_defs {\n device a {\n mtu 1400\n }\n device b {\n }\n}\n"
    config, notes = after_reload(one, two)
    assert config.devices == read(one).config.devices
    assert "CFG_FILE: a change of devices needs a restart, what runs stays until then" in notes


@pytest.mark.parametrize(
    ("line", "section", "field", "value"),
    [
        ("global_defs {\n log_level DEBUG\n}\n", "global_", "log_level", "DEBUG"),
        ("global_defs {\n log_file /x\n}\n", "global_", "log_file", "/x"),
        ("ipvs_defs {\n udp {\n uoa_mode ipo\n }\n}\n", "udp", "uoa_mode", "ipo"),
        ("ipvs_defs {\n conn {\n xmit_ttl\n }\n}\n", "conn", "xmit_ttl", True),
        ("global_defs {\n lldp on\n}\n", "global_", "lldp", True),
        ("global_defs {\n log_with_timestamp on\n}\n", "global_", "log_with_timestamp", True),
    ],
)
def test_kept_when_absent(line: str, section: str, field: str, value: object) -> None:
    config, _ = after_reload(line, "")
    assert getattr(getattr(config, section), field) == value


def test_global_defs_without_them_resets_lldp_and_timestamps_but_not_the_log() -> None:
    config, _ = after_reload(
        "global_defs {\n log_file /x\n lldp on\n log_with_timestamp on\n}\n", "global_defs {\n kni on\n}\n"
    )
    assert (config.global_.log_file, config.global_.lldp, config.global_.log_with_timestamp) == ("/x", False, False)


def test_illegal_log_level_keeps_the_old_one() -> None:
    config, _ = after_reload("global_defs {\n log_level DEBUG\n}\n", "global_defs {\n log_level LOUD\n}\n")
    assert config.global_.log_level == "DEBUG"


def test_same_file_changes_nothing() -> None:
    config, notes = after_reload(ALL_KEYWORDS, ALL_KEYWORDS)
    assert config == read(ALL_KEYWORDS).config
    assert not [note for note in notes if "restart" in note]


def test_emptied_file_leaves_init_only_values() -> None:
    config, _ = after_reload(ALL_KEYWORDS, "")
    started = read(ALL_KEYWORDS).config
    assert (config.devices, config.workers, config.netif) == (started.devices, started.workers, started.netif)
    assert config.ipv4.fragment == started.ipv4.fragment
    assert config.tcp == defaults().tcp
    assert config.ipv6.disable is False
    assert config.global_.kni is False
