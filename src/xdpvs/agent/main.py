"""`dpvs-agent`: command line, log, cache file, and the application served until a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from xdpvs.agent import cache_file
from xdpvs.agent.app import Parts, create
from xdpvs.agent.auth import BadTokenFile, read_token
from xdpvs.agent.control import Control
from xdpvs.agent.health_counts import HealthCounts
from xdpvs.agent.http import Limits
from xdpvs.agent.http_counts import HttpCounts
from xdpvs.agent.listeners import ListenFailed, close_listeners, open_listeners, serve
from xdpvs.agent.local_init import LocalInit
from xdpvs.agent.logs import HourlyFile, install, log_directory, uninstall
from xdpvs.agent.metrics import ControlErrors, Metrics
from xdpvs.agent.node import Node
from xdpvs.agent.options import Options, UsageError, parse
from xdpvs.agent.snapshot import Snapshot
from xdpvs.agent.store import Store, cache_path, load, writable
from xdpvs.agent.table import Table
from xdpvs.api.client import Client

_log = logging.getLogger("xdpvs.agent.main")

EXIT_USAGE = 1
EXIT_LOG = 255


def run() -> int:
    """The console script."""
    return main(sys.argv[1:], os.environ, sys.stdout, sys.stderr)


def main(argv: Sequence[str], environment: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Exit status 0 after a signal or --help, 1 for what the command line has wrong, 255 without a log."""
    try:
        options = parse(argv, environment, stdout)
        if options is None:
            return 0
        token = read_token(options.token_file) if options.token_file else ""
    except UsageError as error:
        print(f"{error.usage}dpvs-agent: {error}", file=stderr)
        return EXIT_USAGE
    except BadTokenFile as error:
        print(f"dpvs-agent: --auth-token-file {error}", file=stderr)
        return EXIT_USAGE
    directory = log_directory(options.log_dir)
    try:
        log = HourlyFile(directory, stderr)
    except OSError as error:
        print(f"dpvs-agent: the log cannot be written in {directory}: {error.strerror}", file=stderr)
        return EXIT_LOG
    install(log)
    try:
        return _serve(options, token, directory, stderr)
    except ListenFailed as error:
        print(f"dpvs-agent: {error}", file=stderr)
        return EXIT_USAGE
    finally:
        uninstall(log)


def _serve(options: Options, token: str, log_dir: Path, stderr: TextIO) -> int:
    path = cache_path(options.cache_file, log_dir)
    cached = load(path)
    errors = ControlErrors()
    control = Control(Client(options.ipc_path, options.ipc_timeout_s), errors.count)
    store = Store(path, lambda: cache_file.encode(*table.states(), node.spec))
    node = Node(cached.node, store.changed)
    table = Table(control, Snapshot(cached.services, cached.last_version), _now_ms, store.changed)
    listeners = open_listeners(options)
    local = LocalInit(control, cached, lambda: table.states()[0], lambda: node.spec)
    try:
        if why := writable(path):
            print(
                f"dpvs-agent: {path} cannot be written ({why}): versions and weights are lost at the end", file=stderr
            )
            _log.warning("%s cannot be written: %s", path, why)
        else:
            store.start()
        if options.init_mode == "local":
            local.start()
        health, http = HealthCounts(), HttpCounts()
        metrics = Metrics(control, health, http, errors, version("xdpvs"))
        limits = Limits(options.max_body_bytes, options.read_timeout_s)
        parts = Parts(
            table, node, health, http, metrics.render, version("xdpvs"), store.settle, token, options.strict, limits
        )
        _log.info("control socket %s, cache file %s", control.client.path, path)
        asyncio.run(serve(create(parts), listeners, options, stderr))
    finally:
        if options.init_mode == "local":
            local.close()
        store.close()
        close_listeners(listeners)
    return 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(run())
