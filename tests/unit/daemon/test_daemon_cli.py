"""The command line of dpvs: what is printed where, which exit code, what is asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest

from xdpvs.daemon.cli import Arguments, Version, XdpMode, parse_command_line


@dataclass(frozen=True)
class Outcome:
    result: Arguments | int
    stdout: str
    stderr: str

    @property
    def arguments(self) -> Arguments:
        assert isinstance(self.result, Arguments)
        return self.result


def run(line: str) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    result = parse_command_line(["dpvs", *line.split()], Version("1.10-2", "2024.01.02"), out, err)
    return Outcome(result, out.getvalue(), err.getvalue())


def test_no_arguments_are_all_defaults() -> None:
    assert run("").result == Arguments(
        conf="/etc/dpvs.conf",
        pid_file="/var/run/dpvs.pid",
        ipc_file="/var/run/dpvs.ipc",
        file_prefix="rte",
        xdp_mode=XdpMode.NATIVE,
        bpffs="/sys/fs/bpf/xdpvs",
    )


@pytest.mark.parametrize("line", ["-v", "--version", "--vers", "-c f -v", "-v -z", "-vz"])
def test_version_goes_to_stderr(line: str) -> None:
    outcome = run(line)
    assert outcome == Outcome(0, "", "dpvs version: 1.10-2, build on 2024.01.02\n")


@pytest.mark.parametrize("line", ["-h", "--help", "--he"])
def test_help_goes_to_stdout(line: str) -> None:
    outcome = run(line)
    assert (outcome.result, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("\nUsage: dpvs ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-z", "dpvs: invalid option -- 'z'"),
        ("-z -v", "dpvs: invalid option -- 'z'"),
        ("--zoo", "dpvs: unrecognized option '--zoo'"),
        ("-c", "dpvs: option requires an argument -- 'c'"),
        ("--conf", "dpvs: option '--conf' requires an argument"),
        ("--help=1", "dpvs: option '--help' doesn't allow an argument"),
        ("--c x", "dpvs: option '--c' is ambiguous; possibilities: '--conf' '--check'"),
        ("--xdp-mode skb", "dpvs: option '--xdp-mode' is native or generic, not 'skb'"),
    ],
)
def test_mistake_prints_usage_on_stdout_and_exits_1(line: str, message: str) -> None:
    outcome = run(line)
    assert (outcome.result, outcome.stderr) == (1, message + "\n")
    assert outcome.stdout.startswith("\nUsage: dpvs ")


@pytest.mark.parametrize(
    "line",
    [
        "-c C -p P -x X",
        "-cC -pP -xX",
        "--conf C --pid-file P --ipc-file X",
        "--conf=C --pid=P --ipc=X",
    ],
)
def test_files(line: str) -> None:
    arguments = run(line).arguments
    assert (arguments.conf, arguments.pid_file, arguments.ipc_file) == ("C", "P", "X")


def test_own_options() -> None:
    arguments = run("--xdp-mode generic --bpffs /b --keep --unload --check").arguments
    assert (arguments.xdp_mode, arguments.bpffs, arguments.keep, arguments.unload, arguments.check) == (
        XdpMode.GENERIC, "/b", True, True, True,
    )  # fmt: skip


@pytest.mark.parametrize(("given", "number"), [("6601", 6601), ("0", 0), ("root", 0)])
def test_group_of_the_socket(given: str, number: int) -> None:
    assert run(f"--socket-group {given}").arguments.socket_group == number


def test_group_that_does_not_exist() -> None:
    outcome = run("--socket-group no-such-group -- -a eth0")
    assert outcome.result == 1
    assert outcome.stderr == "dpvs: option '--socket-group': there is no group 'no-such-group'\n"


def test_command_line_of_the_container_tutorial() -> None:
    arguments = run("-c /dpvs/dpvs.conf -p /dpvs/dpvs.pid -x /dpvs/dpvs.ipc -- -a 0000:01:00.1").arguments
    assert arguments == Arguments("/dpvs/dpvs.conf", "/dpvs/dpvs.pid", "/dpvs/dpvs.ipc", ports=("0000:01:00.1",))


def test_several_instances() -> None:
    arguments = run("-c c -- --file-prefix=dpvs1 -a 0000:4b:00.0 -a eth1 -b eth2 -l 0-8 --main-lcore 0").arguments
    assert (arguments.ports, arguments.blocked, arguments.file_prefix) == (("0000:4b:00.0", "eth1"), ("eth2",), "dpvs1")
    assert arguments.notes == (
        "EAL argument without effect here: -l 0-8",
        "EAL argument without effect here: --main-lcore 0",
    )


@pytest.mark.parametrize("line", ["-a eth0", "-aeth0", "--allow eth0", "--allow=eth0", "-w eth0", "-c 0x3 -a eth0"])
def test_spellings_of_a_port(line: str) -> None:
    assert run(f"-- {line}").arguments.ports == ("eth0",)


def test_options_of_a_port_are_noted() -> None:
    arguments = run("-- -a 0000:01:00.0,mprq_en=1").arguments
    assert arguments.ports == ("0000:01:00.0",)
    assert arguments.notes == ("EAL device options without effect here: 0000:01:00.0: mprq_en=1",)


def test_unknown_eal_arguments_are_noted() -> None:
    arguments = run("-- --in-memory --brand-new word -n 4 --socket-mem 1024,1024 -z -- -a eth0").arguments
    assert arguments.ports == ("eth0",)
    assert [note.removeprefix("EAL argument without effect here: ") for note in arguments.notes] == [
        "--in-memory",
        "--brand-new",
        "word",
        "-n 4",
        "--socket-mem 1024,1024",
        "-z",
        "--",
    ]


def test_words_before_the_dashes_are_left_to_the_eal() -> None:
    arguments = run("word -c C").arguments
    assert (arguments.conf, arguments.notes) == ("C", ("EAL argument without effect here: word",))


@pytest.mark.parametrize(
    "line", ["-a", "--allow", "--file-prefix", "--file-prefix=a/b", "--file-prefix ..", "-a ,x", "--allow="]
)
def test_bad_eal_arguments_end_as_dpdk_ends(line: str) -> None:
    outcome = run(f"-- {line}")
    assert (outcome.result, outcome.stdout) == (1, "")
    assert "Invalid EAL parameters" in outcome.stderr


def test_eal_help() -> None:
    outcome = run("-- --help")
    assert outcome.result == 0
    assert "--allow DEVICE" in outcome.stdout
