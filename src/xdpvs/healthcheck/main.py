"""`healthcheck`: command line, log, configuration file, and the checks until a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from typing import TextIO

from xdpvs.healthcheck import logs
from xdpvs.healthcheck.agent import AgentClient, BadCredentials, read_token, trust
from xdpvs.healthcheck.conf import Conf, ConfError
from xdpvs.healthcheck.conf_file import ConfFile
from xdpvs.healthcheck.flag_table import PROGRAM
from xdpvs.healthcheck.flags import FlagError, Generation, HelpWanted
from xdpvs.healthcheck.options import Options, parse_options, usage_text
from xdpvs.healthcheck.runner import Runner
from xdpvs.healthcheck.status import statistics_text
from xdpvs.healthcheck.web import serve
from xdpvs.probing.open_files import raise_open_files_limit
from xdpvs.probing.prober import Prober

_log = logging.getLogger("xdpvs.healthcheck.main")  # as __main__, too

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2


def run() -> int:
    """The console script."""
    return main(sys.argv[1:], sys.stdout, sys.stderr)


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO) -> int:
    """Exit status 0 after a signal or -help, 1 for a file that cannot be used, 2 for a wrong command line."""
    try:
        options = parse_options(argv)
    except HelpWanted:
        print(usage_text(), end="", file=stdout)
        return EXIT_OK
    except FlagError as error:
        print(f"{error}\n{usage_text()}", end="", file=stderr)
        return EXIT_USAGE
    file = ConfFile(options.config_file, named=options.config_named) if options.config_file else None
    try:
        conf = Conf() if file is None else file.read()
        token = read_token(options.token_file) if options.token_file else ""
        agent_trust = trust(options.ca_file)
    except (ConfError, BadCredentials) as error:
        print(f"{PROGRAM}: {error}", file=stderr)
        return EXIT_FAILURE
    logs.configure(options.log)
    try:
        raise_open_files_limit()
        asyncio.run(_run(options, file, conf, AgentClient(options.agent_url, token, agent_trust)))
    finally:
        logs.close()
    return EXIT_OK


async def _run(options: Options, file: ConfFile | None, conf: Conf, agent: AgentClient) -> None:
    loop = asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    prober = Prober(loop)
    runner = Runner(options, agent, conf, prober)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: _log.info("state\n%s", statistics_text(runner)))
    _log.info("checks the servers of %s, as %s", options.agent_url, _SPOKEN[options.generation])
    runner.start()
    helpers = [loop.create_task(serve(runner, options))]
    if file is not None:
        following = file.follow(conf, options.reload_interval_s, reload, runner.set_conf)
        helpers.append(loop.create_task(following))
    try:
        await stop.wait()
        _log.info("ends; servers stay as they are")
    finally:
        for task in helpers:
            task.cancel()
        for ended in await asyncio.gather(*helpers, return_exceptions=True):
            if isinstance(ended, Exception):
                _log.error("a task failed", exc_info=ended)
        await runner.close()
        prober.close()
        await agent.close()


_SPOKEN = {Generation.A: "v1.9 does", Generation.C: "v1.10 does"}


if __name__ == "__main__":
    sys.exit(run())
