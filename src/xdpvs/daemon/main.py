"""`dpvs`: parse, configure, open, serve; every failure is one line and exit status 1."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from xdpvs.config.dpvs_conf import ConfigError, load
from xdpvs.daemon.cli import EXIT_FAILURE, EXIT_OK, Arguments, parse_command_line
from xdpvs.daemon.conf_file import HostFiles, check
from xdpvs.daemon.logs import Logs, affinity_line, log_notes, log_start
from xdpvs.daemon.pidfile import AlreadyRunningError, PidFile
from xdpvs.daemon.version import own_version


def run() -> None:
    """The console entry."""
    sys.exit(main(sys.argv))


def main(argv: Sequence[str]) -> int:
    """Run the daemon to its end and return the exit status."""
    arguments = parse_command_line(argv, own_version(), sys.stdout, sys.stderr)
    if isinstance(arguments, int):
        return arguments
    if arguments.check:
        return check(arguments.conf, sys.stdout, sys.stderr)
    if arguments.unload:
        return _unload(arguments)
    pid_file = PidFile(arguments.pid_file)
    logs = Logs()
    try:
        pid_file.acquire()
    except AlreadyRunningError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    try:
        return _run(arguments, logs, pid_file)
    finally:
        pid_file.release()
        logs.close()


def _run(arguments: Arguments, logs: Logs, pid_file: PidFile) -> int:
    print(affinity_line(os.sched_getaffinity(0)), flush=True)
    try:
        config = load(arguments.conf, HostFiles())
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILURE
    settings = config.config.global_
    logs.configure(settings.log_level, settings.log_file, timestamps=settings.log_with_timestamp)
    log_start(arguments, own_version())
    log_notes(config.notes)
    from xdpvs.api.server import AddressInUse
    from xdpvs.bpf.errors import BpfError
    from xdpvs.daemon.ports import PortError
    from xdpvs.daemon.server import Daemon
    from xdpvs.netlink.errors import NetlinkError

    daemon = Daemon(arguments, config, logs, pid_file)
    try:
        daemon.open()
    except (PortError, BpfError, NetlinkError, AddressInUse, OSError) as error:
        return _fatal(str(error))
    daemon.run()
    return EXIT_OK


def _unload(arguments: Arguments) -> int:
    from xdpvs.bpf.errors import BpfError
    from xdpvs.daemon.unload import unload
    from xdpvs.netlink.errors import NetlinkError

    try:
        if not unload(Path(arguments.bpffs), arguments.file_prefix):
            print(f"nothing is loaded at {arguments.bpffs}/{arguments.file_prefix}")
    except (BpfError, NetlinkError, OSError) as error:
        return _fatal(str(error))
    return EXIT_OK


def _fatal(reason: str) -> int:
    """As DPVS's exits look, so that scripts which read them find their words."""
    print(f"EAL: Error - exiting with code: 1\n  Cause: {reason}", file=sys.stderr)
    return EXIT_FAILURE


if __name__ == "__main__":
    run()
