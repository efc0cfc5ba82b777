"""The command line: long and short, abbreviated, bundled, and what is wrong with it."""

from __future__ import annotations

import io
import signal

import pytest

from xdpvs.keepalived.options import Arguments, parse_command_line


def parsed(*words: str) -> Arguments:
    """The arguments of a command line that is all right."""
    stderr = io.StringIO()
    result = parse_command_line(["keepalived", *words], "v1", io.StringIO(), stderr)
    assert isinstance(result, Arguments), stderr.getvalue()
    return result


def answered(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one that is answered at once."""
    stdout, stderr = io.StringIO(), io.StringIO()
    result = parse_command_line(["keepalived", *words], "Keepalived v1", stdout, stderr)
    assert isinstance(result, int)
    return result, stdout.getvalue(), stderr.getvalue()


def test_the_containers_command_line() -> None:
    arguments = parsed(
        *("-D", "-n", "-f", "/etc/k.conf", "--log-console", "--log-facility=6"),
        *("--pid=/p/k.pid", "--vrrp_pid=/p/v.pid", "--checkers_pid=/p/c.pid"),
    )
    assert (arguments.conf, arguments.foreground, arguments.log_console) == ("/etc/k.conf", True, True)
    assert (arguments.log_detail, arguments.log_facility) == (1, 6)
    assert (arguments.pid_file, arguments.vrrp_pid_file, arguments.checkers_pid_file) == (
        "/p/k.pid",
        "/p/v.pid",
        "/p/c.pid",
    )


def test_defaults() -> None:
    arguments = parsed()
    assert arguments.conf == "/etc/keepalived/keepalived.conf"
    assert (arguments.run_vrrp, arguments.run_checker, arguments.respawn) == (True, True, True)
    assert (arguments.release_vrrp, arguments.release_ipvs, arguments.foreground) == (True, True, False)
    assert arguments.config_id
    assert "." not in arguments.config_id


def test_letters_may_be_bundled_and_carry_their_value() -> None:
    arguments = parsed("-nlDD", "-S3", "-Rf", "x.conf", "-tout.log", "-iother")
    assert (arguments.log_detail, arguments.log_facility, arguments.respawn) == (2, 3, False)
    assert (arguments.conf, arguments.test, arguments.test_log, arguments.config_id) == (
        "x.conf",
        True,
        "out.log",
        "other",
    )


def test_long_options_may_be_shortened_while_they_are_unique() -> None:
    arguments = parsed("--use=/x", "--dont-f", "--dont-release-v", "--dont-release-i", "--dump", "--config-t=log")
    assert (arguments.conf, arguments.foreground, arguments.dump) == ("/x", True, True)
    assert (arguments.release_vrrp, arguments.release_ipvs) == (False, False)
    assert arguments.test_log == "log"
    code, _, stderr = answered("--dont-release")
    assert code == 1
    assert "--dont-release-vrrp or --dont-release-ipvs" in stderr
    assert parsed("--pid", "/p").pid_file == "/p"


@pytest.mark.parametrize(
    ("words", "vrrp", "checker"),
    [((), True, True), (("-P",), True, False), (("-C",), False, True), (("-P", "-C"), True, True)],
)
def test_which_children_run(words: tuple[str, ...], vrrp: bool, checker: bool) -> None:
    arguments = parsed(*words)
    assert (arguments.run_vrrp, arguments.run_checker) == (vrrp, checker)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-y",), "Unknown option -y"),
        (("--nonsense",), "Unknown option --nonsense"),
        (("-f",), "Missing parameter for option -f"),
        (("--use-file",), "Missing parameter for option --use-file"),
        (("-S", "9"), "Invalid log facility '9'"),
        (("-S", ""), "Invalid log facility ''"),
        (("-n", "word", "-D", "more"), "Unexpected argument(s): word more"),
        (("--", "-n"), "Unexpected argument(s): -n"),
        (("--signum=NONE",), "Unknown sigfunc NONE"),
        (("-u", "9999"), "Invalid --umask option 9999"),
        (("-u", "soft"), "Invalid --umask option soft"),
        (("--vrrp=1",), "Option --vrrp takes no parameter"),
    ],
)
def test_mistakes_end_with_1_and_say_what(words: tuple[str, ...], message: str) -> None:
    code, stdout, stderr = answered(*words)
    assert (code, stdout) == (1, "")
    assert stderr == f"keepalived: {message}\n"


@pytest.mark.parametrize(
    ("name", "number"), [("STOP", signal.SIGTERM), ("RELOAD", signal.SIGHUP), ("DATA", 10), ("STATS", 12)]
)
def test_signum_prints_a_signals_number(name: str, number: int) -> None:
    assert answered("--signum", name) == (0, f"{int(number)}\n", "")


def test_version_and_help_go_to_stderr() -> None:
    assert answered("-v") == (0, "", "Keepalived v1\n")
    code, _, stderr = answered("--help", "--nonsense")
    assert code == 0
    assert stderr.startswith("Usage: keepalived [OPTION...]\n")


def test_what_has_no_effect_is_accepted_and_said() -> None:
    arguments = parsed(
        "-a", "-X", "-m", "-Mcore", "-sblue", "-B", "-b", "f", "-x", "-A", "s", "--perf", "--debug=x", "-l"
    )
    assert len(arguments.notes) == 12
    assert "option --namespace has no effect here" in arguments.notes
    assert "option --log-console has no effect without --dont-fork" in arguments.notes


@pytest.mark.parametrize(("text", "mask"), [("022", 0o22), ("0x1f", 0x1F), ("18", 18)])
def test_umask_is_a_number_in_any_notation(text: str, mask: int) -> None:
    assert parsed("-u", text).umask == mask


def test_a_log_file_has_a_default_name() -> None:
    assert parsed("-g").log_file == "/tmp/keepalived.log"
    assert parsed("--log-file=/x").log_file == "/x"
    assert (parsed("-G").no_syslog, parsed().log_file) == (True, "")
