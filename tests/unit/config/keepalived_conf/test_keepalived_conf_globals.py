"""global_defs and the root keywords of the process."""

from __future__ import annotations

import pytest

from tests.support.keepalived_conf import config, notes, problems, read
from xdpvs.model.keepalived import Fifo, FlushOnStop, GlobalDefs, MailSettings
from xdpvs.model.script import Command


def globals_of(lines: str, root: str = "") -> GlobalDefs:
    return config(f"{root}\nglobal_defs {{\n{lines}\n}}\n").globals


def test_defaults() -> None:
    assert config("").globals == GlobalDefs(router_id="lb1.example", mail=MailSettings(helo_name="lb1.example"))


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("router_id LVS", "router_id", "LVS"),
        ("script_user nobody", "script_user", "nobody"),
        ("script_user nobody nogroup", "script_group", "nogroup"),
        ("enable_script_security", "enable_script_security", True),
        ("enable_script_security off", "enable_script_security", False),
        ("checker_log_all_failures", "checker_log_all_failures", True),
        ("dynamic_interfaces", "dynamic_interfaces", True),
        ("dynamic_interfaces allow_if_changes", "dynamic_interfaces", True),
        ("lvs_flush", "lvs_flush", True),
        ("lvs_flush_onstop", "lvs_flush_onstop", FlushOnStop.ALL),
        ("lvs_flush_onstop VS", "lvs_flush_onstop", FlushOnStop.OWN),
        ("lvs_flush_on_stop VS", "lvs_flush_onstop", FlushOnStop.OWN),
        ("notify_fifo /run/f", "notify_fifo", Fifo("/run/f")),
        ("vrrp_notify_fifo /run/f user", "vrrp_notify_fifo", Fifo("/run/f", "user")),
        ("lvs_notify_fifo /run/f user group", "lvs_notify_fifo", Fifo("/run/f", "user", "group")),
        (
            'notify_fifo /run/f\nnotify_fifo_script "/bin/r -v" me',
            "notify_fifo",
            Fifo("/run/f", script=Command(("/bin/r", "-v", "/run/f"), "me")),
        ),
        ("rs_init_notifies", "rs_init_notifies", True),
        ("vrrp_startup_delay 5.5", "vrrp_startup_delay_s", 5.5),
        ("log_unknown_vrids", "log_unknown_vrids", True),
    ],
)
def test_keywords(lines: str, name: str, value: object) -> None:
    assert getattr(globals_of(lines), name) == value


def test_mail() -> None:
    lines = (
        "notification_email {\na@example.org\nb@example.org c@example.org\n}\nnotification_email_from me@example.org\n"
        "smtp_server mail.example.org 2525\nsmtp_helo_name helo\nsmtp_connect_timeout 7"
    )
    assert globals_of(lines).mail == MailSettings(
        ("a@example.org", "b@example.org", "c@example.org"), "me@example.org", "mail.example.org", 2525, "helo", 7.0
    )
    assert globals_of("smtp_server 192.0.2.1").mail.port == 25


def test_root_keywords() -> None:
    found = globals_of("", "instance one\nnet_namespace two\nuse_pid_dir\nchild_wait_time 9")
    assert (found.instance, found.net_namespace, found.use_pid_dir, found.child_wait_time_s) == (
        "one",
        "two",
        True,
        9.0,
    )


def test_blocks_accumulate_and_the_last_value_wins() -> None:
    found = config("global_defs {\nrouter_id a\nlvs_flush\n}\nglobal_defs {\nrouter_id b\n}\n").globals
    assert (found.router_id, found.lvs_flush) == ("b", True)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("router_id", "router_id needs a value"),
        ("smtp_server mail 0", "smtp_server 0 is not within 1 and 65535"),
        ("lvs_flush_onstop RS", "lvs_flush_onstop RS is not VS"),
        ("vrrp_version 1", "vrrp_version 1 is none of 2, 3"),
        ("vrrp_mcast_group4 ff02::12", "vrrp_mcast_group4 ff02::12 is not an IPv4 address"),
        ("vrrp_mcast_group6 2001:db8::1", "vrrp_mcast_group6 2001:db8::1 is not a multicast address"),
        ("vrrp_garp_master_repeat -1", "vrrp_garp_master_repeat -1 is not within 0 and 4294967295"),
        ("vrrp_garp_interval x", "vrrp_garp_interval x is not a number"),
        ("smtp_alert perhaps", "smtp_alert perhaps is none of true, on, yes, false, off, no"),
        ("notify_fifo", "notify_fifo needs a value"),
        ("notify_fifo_script", "notify_fifo_script needs a program"),
    ],
)
def test_wrong_values(lines: str, message: str) -> None:
    assert problems(f"global_defs {{\n{lines}\n}}\n") == [f"keepalived.conf:2: {message}"]


def test_corrections() -> None:
    assert notes("global_defs {\ndynamic_interfaces sometimes\nvrrp_garp_master_repeat 0\n}\n") == [
        "!keepalived.conf:2: dynamic_interfaces sometimes is not allow_if_changes, ignored",
        "!keepalived.conf:3: vrrp_garp_master_repeat 0 becomes 1",
    ]


def test_random_seed_of_the_file() -> None:
    text = "global_defs {\nrandom_seed 7\nrouter_id ${_RANDOM 0 999999999}\n}\n"
    assert read(text).config.globals.router_id == read(text).config.globals.router_id
