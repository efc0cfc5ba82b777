"""`keepalived`: parse, test or run; every failure is a line and an exit status."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from xdpvs.keepalived import logs
from xdpvs.keepalived.channel import Channel
from xdpvs.keepalived.options import EXIT_FAILURE, Arguments, parse_command_line

_log = logging.getLogger("xdpvs.keepalived")


def run() -> None:
    """The console entry."""
    sys.exit(main(sys.argv))


def version() -> str:
    """What -v prints."""
    try:
        number = installed_version("xdpvs")
    except PackageNotFoundError:
        number = "unknown"
    return f"Keepalived (xdpvs) v{number}"


def main(argv: Sequence[str]) -> int:
    """Run keepalived to its end and return the exit status."""
    arguments = parse_command_line(argv, version(), sys.stdout, sys.stderr)
    if isinstance(arguments, int):
        return arguments
    if arguments.umask is not None:
        os.umask(arguments.umask)
    if arguments.test:
        return _test(arguments)
    return _supervise(arguments)


def _test(arguments: Arguments) -> int:
    from xdpvs.config.keepalived_conf import dump
    from xdpvs.keepalived.loading import load_file

    with ExitStack() as opened:
        output = sys.stderr
        if arguments.test_log:
            try:
                output = opened.enter_context(open(arguments.test_log, "a", encoding="utf-8"))
            except OSError as error:
                print(f"Unable to open config-test log file {arguments.test_log}: {error.strerror}", file=sys.stderr)
                return EXIT_FAILURE
        loaded = load_file(arguments)
        for line in loaded.lines:
            print(line, file=output)
        if arguments.dump and loaded.config is not None:
            output.write(dump(loaded.config))
    return loaded.test_code


def _supervise(arguments: Arguments) -> int:
    from xdpvs.keepalived.children import Role
    from xdpvs.keepalived.daemonise import daemonise
    from xdpvs.keepalived.supervisor import Supervisor

    if not os.path.isabs(arguments.conf):
        from dataclasses import replace

        arguments = replace(arguments, conf=os.path.abspath(arguments.conf))
    tell = (lambda _status: None) if arguments.foreground else daemonise()
    logs.configure(arguments, logs.PARENT)
    _log.info("Starting %s", version())
    for note in arguments.notes:
        _log.info("%s", note)
    supervisor = Supervisor(arguments, {Role.CHECKER: _checker, Role.VRRP: _vrrp}, started=lambda: tell(0))
    code = EXIT_FAILURE
    try:
        code = supervisor.run()
    except Exception:
        _log.exception("keepalived failed")
    finally:
        tell(code)
    _log.info("Stopped %s", version())
    logging.shutdown()
    return code


def _checker(channel: Channel, arguments: Arguments) -> int:
    """In the child: what it needs is loaded there."""
    from xdpvs.keepalived.checker_process import run_checker

    return run_checker(channel, arguments)


def _vrrp(channel: Channel, arguments: Arguments) -> int:
    from xdpvs.keepalived.vrrp_process import run_vrrp

    return run_vrrp(channel, arguments)


if __name__ == "__main__":
    run()
