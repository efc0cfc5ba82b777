"""Process model of dpip: help, version, exit statuses and the words of errors (all before any request is made)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.dpip import dpip
from xdpvs.api.errors import ApiError, ConnectionFailed, CorruptReply, ShortReply
from xdpvs.dpip.main import OBJECTS, load_object, program_name


def test_no_arguments_is_help_and_success() -> None:
    result = dpip("")
    assert (result.rc, result.stdout) == (0, "")
    assert result.stderr.startswith("Usage:\n    dpip [OPTIONS] OBJECT")


def test_version() -> None:
    result = dpip("-V")
    assert (result.rc, result.stdout, result.stderr) == (0, "dpip-1.10-2\n", "")


def test_version_wins_over_what_follows() -> None:
    assert dpip("-V --bogus").rc == 0
    assert dpip("--bogus -V").rc == 1


@pytest.mark.parametrize("line", ["-h", "-v", "-h nosuch show", "nosuch"])
def test_general_help_with_status_1(line: str) -> None:
    result = dpip(line)
    assert (result.rc, result.stdout) == (1, "")
    assert result.stderr.startswith("Usage:\n    dpip [OPTIONS] OBJECT")


@pytest.mark.parametrize("name", OBJECTS)
def test_help_of_every_object(name: str) -> None:
    found = load_object(name)
    assert found is not None
    assert found.name == name
    assert found.help.startswith("Usage:\n    dpip ")
    assert found.help.endswith("\n")
    assert (dpip(f"{name} help").rc, dpip(f"{name} help").stderr) == (0, found.help)
    assert (dpip(name).rc, dpip(name).stderr) == (1, found.help)
    assert (dpip(f"-h {name} show").rc, dpip(f"-h {name} show").stderr) == (1, found.help)


@pytest.mark.parametrize(
    ("line", "stderr"),
    [
        ("addr bogus", "invalid command bogus\n"),
        ("nosuch bogus", "invalid command bogus\n"),
        ("nosuch show", "dpip: invalid object, use `-h' for help.\n"),
        ("-f ipx addr show", "invalid family\n"),
        ("-x addr show", "dpip: invalid option -- 'x'\nInvalid option: addr\n"),
        ("addr show -D", "Invalid option: (null)\n"),
        ("-D addr show", "Invalid option: addr\n"),
        ("addr add", "missing IFADDR\ndpip: invalid parameter\n"),
        ("addr add 192.0.2.1", "no device specified.\ndpip: invalid parameter\n"),
        ("addr flush", "no device specified.\ndpip: invalid parameter\n"),
        ("addr add dev", "missing argument for `dev'\ndpip: invalid parameter\n"),
        ("addr add 192.0.2.300 dev dpdk0", "invalid ipaddress: unspec 192.0.2.300\ndpip: invalid parameter\n"),
        ("-4 addr add 2001::1 dev dpdk0", "invalid ipaddress: inet 2001::1\ndpip: invalid parameter\n"),
        ("-6 addr add 192.0.2.1 dev dpdk0", "invalid ipaddress: inet6 192.0.2.1\ndpip: invalid parameter\n"),
        # The spelling of upstream's own help: taken for two address words, of which the last counts.
        (
            "addr add 192.0.2.1 dev dpdk0 preferred_lft forever",
            "invalid ipaddress: unspec forever\ndpip: invalid parameter\n",
        ),
        ("addr replace 192.0.2.1 dev dpdk0", "dpip: not support\n"),
        ("route add", "missing prefix\ndpip: invalid parameter\n"),
        ("route add 192.0.2.0/24 via 2001::1", "invalid ipaddress: inet6 192.0.2.0\ndpip: invalid parameter\n"),
        ("route flush", "no device specified\ndpip: invalid parameter\n"),
        ("-6 route flush", "no device specified\ndpip: invalid parameter\n"),
        ("-6 route add 192.0.2.0/24 dev dpdk0", "invalid ipaddress: inet6 192.0.2.0\ndpip: invalid parameter\n"),
        ("-6 route set 2001::/64 dev dpdk0", "dpip: not support\n"),
        ("route replace 192.0.2.0/24 dev dpdk0", "dpip: not support\n"),
        ("route add 192.0.2.0/24 dev", "missing argument for `dev'\ndpip: invalid parameter\n"),
        ("neigh add lladdr 02:00:00:00:00:01 dev dpdk0", "missing ip address\ndpip: invalid parameter\n"),
        ("neigh add 192.0.2.1 dev dpdk0", "invalid MAC address\ndpip: invalid parameter\n"),
        (
            "neigh add 192.0.2.1 lladdr 00:00:00:00:00:00 dev dpdk0",
            "invalid MAC address\ndpip: invalid parameter\n",
        ),
        ("neigh add 192.0.2.1 lladdr 02:00:00 dev dpdk0", "invalid link layer addr\ndpip: invalid parameter\n"),
        ("neigh add 192.0.2.1 lladdr 0200.0000.0001", "invalid link layer addr\ndpip: invalid parameter\n"),
        (
            "neigh del nonsense dev dpdk0",
            "invalid ipaddress: unspec nonsense\ninvalid IP address\ndpip: invalid parameter\n",
        ),
        ("neigh flush", "dpip: not support\n"),
        ("vlan add id 102", "missing real device\ndpip: check: invalid parameter\n"),
        ("vlan add link dpdk0", "missing or invalid VLAN ID\ndpip: check: invalid parameter\n"),
        ("vlan add link dpdk0 id x", "missing or invalid VLAN ID\ndpip: check: invalid parameter\n"),
        ("vlan add a b link dpdk0 id 1", "too many arguments\ndpip: parse: invalid parameter\n"),
        ("vlan add link dpdk0 proto foo id 1", "dpip: parse: invalid parameter\n"),
        ("vlan add link", "missing argument for `link'\ndpip: parse: invalid parameter\n"),
        ("vlan show", "missing both vlan and real device\ndpip: check: invalid parameter\n"),
        ("vlan set dpdk0.1", "dpip: check: not support\n"),
        ("ipv6 show cpu 64", "bad cpu id `64'\ndpip: parse: invalid parameter\n"),
        ("ipv6 show cpu -- -1", "bad cpu id `-1'\ndpip: parse: invalid parameter\n"),
        ("ipv6 show foo", "unknow argument `foo'\ndpip: parse: invalid parameter\n"),
        ("ipv6 flush", "dpip: not support\n"),
        ("maddr show dev", "missing argument for `dev'\ndpip: invalid parameter\n"),
        ("maddr add", "dpip: not support\n"),
        ("link flush dpdk0", "dpip: not support\n"),
        ("link set dpdk0 bogus on", "invalid parameter name 'bogus'\ndpip: invalid parameter\n"),
        ("link set dpdk0", "invalid parameter name ''\ndpip: invalid parameter\n"),
    ],
)
def test_refused_without_asking_the_daemon(line: str, stderr: str) -> None:
    result = dpip(line)
    assert (result.rc, result.stdout, result.stderr) == (1, "", stderr)
    assert not result.calls


def test_errors_that_show_help_too() -> None:
    link, memory = load_object("link"), load_object("eal-mem")
    assert link is not None
    assert memory is not None
    assert dpip("link set dpdk0 promisc").stderr == (
        f"missing argument for `promisc'\n{link.help}dpip: invalid parameter\n"
    )
    assert dpip("-s link show -c 3").stderr == (
        f"missing option '-i'\nmiss statistics display interval{link.help}dpip: invalid parameter\n"
    )
    assert dpip("link show cpux").stderr == f"{link.help}dpip: invalid parameter\n"
    assert dpip("eal-mem show seg ring").stderr == f"too many arguments!\n{memory.help}dpip: invalid parameter\n"
    assert dpip("eal-mem show foo").stderr == f"eal mem parameter invalid!\n{memory.help}dpip: invalid parameter\n"


def test_count_without_interval_is_only_a_warning_elsewhere() -> None:
    result = dpip("-c 3 addr show")
    assert (result.rc, result.stderr) == (0, "missing option '-i'\n")


def test_program_name_is_what_follows_the_first_slash() -> None:
    names = {"dpip": "dpip", "./dpip": "dpip", "/usr/bin/dpip": "usr/bin/dpip"}
    assert {name: program_name(name) for name in names} == names
    assert dpip("addr replace 192.0.2.1 dev a", program="/usr/bin/dpip").stderr == "usr/bin/dpip: not support\n"


def test_posixly_correct() -> None:
    # -v is an operand then, and so the address.
    assert dpip("addr add -v", posixly_correct=True).stderr == (
        "invalid ipaddress: unspec -v\ndpip: invalid parameter\n"
    )


@pytest.mark.parametrize(
    ("error", "stderr"),
    [
        (
            ApiError(-4, 51),
            "[sockopt_msg_recv] errcode set in socket msg#51 header: not exist(-4)\ndpip: not exist\n",
        ),
        (
            ConnectionFailed(2, setting=False),
            "[dpvs_getsockopt] scoket msg connection error: No such file or directory\ndpip: <unknow>\n",
        ),
        (
            ShortReply(0, 88, header=True),
            "[sockopt_msg_recv] socket msg header recv error -- 0/88 recieved\ndpip: <unknow>\n",
        ),
        (CorruptReply(51, "too short"), "corrupted response.\ndpip: invalid parameter\n"),
    ],
)
def test_what_the_daemon_can_do_to_a_listing(error: Exception, stderr: str) -> None:
    result = dpip("addr show", get_addresses=error)
    assert (result.rc, result.stdout, result.stderr) == (1, "", stderr)


def test_start_loads_nothing_heavy() -> None:
    probe = "import sys, xdpvs.dpip.main, {}; print(*sys.modules)"
    heavy = {"asyncio", "ctypes", "numpy", "pyroute2", "argparse", "json", "subprocess"}

    def loaded(more: str) -> set[str]:
        command = [sys.executable, "-c", probe.format(more)]
        return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())

    # -V and usage errors need no client.
    assert not loaded("xdpvs.dpip.options") & (heavy | {"xdpvs.api.client", "xdpvs.api.messages", "socket"})
    assert not loaded("xdpvs.dpip.link, xdpvs.api.client") & heavy
