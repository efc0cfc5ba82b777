"""Programs of a configuration: as whom, and which ones not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.keepalived import checker, dest, server, virtual_server
from xdpvs.keepalived.scripts import ScriptHost, vet
from xdpvs.model.check import ScriptCheck
from xdpvs.model.keepalived import GlobalDefs, KeepalivedConfig, RealServer, VirtualServer
from xdpvs.model.script import Command

HOST = ScriptHost(
    user_exists=lambda name: name in ("root", "alice"),
    find=lambda name: None if "missing" in name else f"/bin/{name}",
    insecurity=lambda path: "writable by everybody" if "open" in path else "",
)


def misc(*argv: str, user: str = "") -> RealServer:
    """A server with a script as its check."""
    where = dest("192.0.2.30")
    return RealServer(where, checkers=(checker(where, "MISC_CHECK", ScriptCheck(argv, user)),))


def config(*virtual_servers: VirtualServer, **settings: object) -> KeepalivedConfig:
    return KeepalivedConfig(replace(GlobalDefs(), **settings), virtual_servers)  # type: ignore[arg-type]


def quorum(program: str, user: str = "") -> VirtualServer:
    return virtual_server(server("192.0.2.30"), quorum_up=Command((program,), user), quorum_down=None)


def test_programs_run_as_script_user_unless_they_name_another() -> None:
    vetted = vet(config(quorum("a"), quorum("b", "root"), script_user="alice"), HOST)
    assert [each.quorum_up for each in vetted.config.virtual_servers] == [
        Command(("a",), "alice"),
        Command(("b",), "root"),
    ]
    assert vetted.notes == []


def test_script_user_is_keepalived_script_where_that_exists() -> None:
    with_it = replace(HOST, user_exists=lambda name: True)
    assert vet(config(quorum("a")), with_it).config.globals.script_user == "keepalived_script"
    assert vet(config(quorum("a")), HOST).config.globals.script_user == ""


def test_what_cannot_be_found_or_run_is_taken_out_with_a_line() -> None:
    vetted = vet(config(quorum("missing"), quorum("a", "bob")), HOST)
    assert [each.quorum_up for each in vetted.config.virtual_servers] == [None, None]
    assert vetted.notes == [
        "VS [192.0.2.100]:tcp:80: quorum_up: missing not found or not executable: disabled",
        "VS [192.0.2.100]:tcp:80: quorum_up: no user bob: disabled",
    ]
    assert not vetted.insecure


def test_script_security_is_for_root_s_programs() -> None:
    files = (quorum("open"), quorum("open", "alice"), quorum("fine"))
    vetted = vet(config(*files, enable_script_security=True), HOST)
    assert [each.quorum_up is None for each in vetted.config.virtual_servers] == [True, False, False]
    assert vetted.insecure
    assert "open is not secure (writable by everybody)" in vetted.notes[0]
    assert not vet(config(*files), HOST).insecure


def test_a_check_that_cannot_be_run_is_dropped_and_the_server_is_unchecked() -> None:
    vetted = vet(config(virtual_server(misc("/missing/check"))), HOST)
    assert vetted.config.virtual_servers[0].servers[0].checkers == ()
    assert len(vetted.notes) == 1


def test_a_bare_word_that_is_no_program_is_the_shell_s() -> None:
    vetted = vet(config(virtual_server(misc("exit", "0"))), HOST)
    (check,) = vetted.config.virtual_servers[0].servers[0].checkers[0].checks
    assert isinstance(check, ScriptCheck)
    assert check.argv[:2] == ("/bin/sh", "-c")


def test_servers_without_programs_stay_the_same_objects() -> None:
    plain = virtual_server(server("192.0.2.30"), quorum_up=None, quorum_down=None)
    assert vet(config(plain), HOST).config.virtual_servers[0] is plain


def test_on_this_host(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert "not executable" in vet(config(quorum(str(script)))).notes[0]
    script.chmod(0o755)
    assert vet(config(quorum(str(script)))).notes == []
