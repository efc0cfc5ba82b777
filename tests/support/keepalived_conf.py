"""keepalived.conf in memory: what texts load to, and the pieces tests look at."""

from __future__ import annotations

import pytest

from tests.support.dpvs_conf import Files
from xdpvs.config.keepalived_conf import ConfigError, LoadResult, load
from xdpvs.model.check import Check
from xdpvs.model.keepalived import Checker, KeepalivedConfig, RealServer, VirtualServer
from xdpvs.model.service import Service
from xdpvs.model.vrrp import VrrpInstance

PATH = "/etc/keepalived/keepalived.conf"


def read(text: str, *, config_id: str = "", host_name: str = "lb1.example", **others: str) -> LoadResult:
    """Load a text; others are further files of the same directory, by name without .conf."""
    included = {f"/etc/keepalived/{name}.conf": content for name, content in others.items()}
    return load(PATH, Files({PATH: text, **included}), config_id=config_id, host_name=host_name)


def config(text: str, **others: str) -> KeepalivedConfig:
    """The configuration of a text that loads."""
    return read(text, **others).config


def problems(text: str, **others: str) -> list[str]:
    """What is wrong with a text that does not load, without the directory."""
    with pytest.raises(ConfigError) as caught:
        read(text, **others)
    return [str(problem).removeprefix("/etc/keepalived/") for problem in caught.value.problems]


def notes(text: str, **others: str) -> list[str]:
    """The warnings of a text that loads, without the directory; `!` before those that fail a configuration test."""
    return [
        ("!" if note.fails_test else "") + str(note).removeprefix("/etc/keepalived/")
        for note in read(text, **others).notes
        if note.severity.value == "warning"
    ]


SERVER = "real_server 192.0.2.10 80 {\n}\n"
COMPLETE = "protocol TCP\nlb_algo rr\nlb_kind FNAT\n"


def service_text(lines: str = "", servers: str = SERVER, head: str = "198.51.100.1 80") -> str:
    """A virtual_server that has nothing to complain about, with more lines."""
    return f"virtual_server {head} {{\n{COMPLETE}{lines}\n{servers}}}\n"


def virtual_server(
    lines: str = "", servers: str = SERVER, head: str = "198.51.100.1 80", more: str = ""
) -> VirtualServer:
    """The only virtual server of a file."""
    (found,) = config(service_text(lines, servers, head) + more).virtual_servers
    return found


def service(lines: str = "", head: str = "198.51.100.1 80") -> Service:
    """The only service of a virtual server."""
    (found,) = virtual_server(lines, head=head).services
    return found


def real_server(body: str = "", lines: str = "", head: str = "192.0.2.10 80") -> RealServer:
    """The only server of a virtual server."""
    (found,) = virtual_server(lines, f"real_server {head} {{\n{body}\n}}\n").servers
    return found


def checker(kind: str, body: str = "", server_lines: str = "", lines: str = "") -> Checker:
    """The only checker of a server."""
    (found,) = real_server(f"{server_lines}\n{kind} {{\n{body}\n}}", lines).checkers
    return found


def check(kind: str, body: str = "", server_lines: str = "", lines: str = "") -> Check:
    """The only check of a checker."""
    (found,) = checker(kind, body, server_lines, lines).checks
    return found


def checker_problems(kind: str, body: str) -> list[str]:
    """What is wrong with a checker, without file and line."""
    text = service_text(servers=f"real_server 192.0.2.10 80 {{\n{kind} {{\n{body}\n}}\n}}\n")
    return [problem.partition(": ")[2] for problem in problems(text)]


INSTANCE = "interface eth0\ndpdk_interface dpdk0\nvirtual_router_id 51\n"
ADDRESS = "virtual_ipaddress {\n198.51.100.1\n}\n"


def instance_text(lines: str = "", addresses: str = ADDRESS, name: str = "VI_1") -> str:
    """A vrrp_instance that has nothing to complain about, with more lines."""
    return f"vrrp_instance {name} {{\n{INSTANCE}{addresses}{lines}\n}}\n"


def instance(lines: str = "", addresses: str = ADDRESS, more: str = "") -> VrrpInstance:
    """The first instance of a file."""
    return config(instance_text(lines, addresses) + more).instances[0]
