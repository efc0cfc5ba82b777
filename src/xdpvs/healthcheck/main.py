"""`healthcheck`: command line, log, configuration file, and the checks until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from xdpvs.healthcheck import logs
from xdpvs.healthcheck.agent import AgentClient, BadCredentials, read_token, trust
from xdpvs.healthcheck.conf import Conf, ConfError, load_conf
from xdpvs.healthcheck.flags import FlagError, Generation, HelpWanted
from xdpvs.healthcheck.options import FLAGS, PROGRAM, Options, parse_options, usage_text
from xdpvs.healthcheck.runner import Runner
from xdpvs.healthcheck.status import statistics_text
from xdpvs.healthcheck.web import serve
from xdpvs.probing.open_files import raise_open_files_limit
from xdpvs.probing.prober import Prober

_log = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
_DEFAULT_FILE = next(str(flag.default) for flag in FLAGS if flag.name == "config-file")


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
    try:
        conf = read_conf(options)
        token = read_token(options.token_file) if options.token_file else ""
        agent_trust = trust(options.ca_file)
    except (ConfError, BadCredentials) as error:
        print(f"{PROGRAM}: {error}", file=stderr)
        return EXIT_FAILURE
    logs.configure(options.log)
    try:
        raise_open_files_limit()
        asyncio.run(_run(options, conf, AgentClient(options.agent_url, token, agent_trust)))
    finally:
        logs.close()
    return EXIT_OK


def read_conf(options: Options) -> Conf:
    """The configuration file; without one, where none was named, the defaults. ConfError otherwise."""
    path = options.config_file
    if options.generation is Generation.A or not path:
        return Conf()
    try:
        text = Path(path).read_text("utf-8")
    except FileNotFoundError:
        if path == _DEFAULT_FILE:
            return Conf()
        raise ConfError(f"{path}: no such file") from None
    except (OSError, UnicodeError) as error:
        raise ConfError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    return load_conf(text, path)


async def _run(options: Options, conf: Conf, agent: AgentClient) -> None:
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
    if options.generation is Generation.C:
        helpers.append(loop.create_task(_reload_again_and_again(runner, options, reload)))
    try:
        await stop.wait()
        _log.info("ends; servers stay as they are")
    finally:
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await runner.close()
        prober.close()
        await agent.close()


_SPOKEN = {Generation.A: "v1.9 does", Generation.C: "v1.10 does"}


async def _reload_again_and_again(runner: Runner, options: Options, now: asyncio.Event) -> None:
    """Look at the file at SIGHUP and now and then; one with mistakes changes nothing."""
    told = ""
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(now.wait(), options.reload_interval_s)
        now.clear()
        try:
            conf = await asyncio.to_thread(read_conf, options)
        except ConfError as error:
            if str(error) != told:
                _log.error("the configuration stays as it was: %s", error)
            told = str(error)
            continue
        told = ""
        if conf != runner.conf:
            _log.info("%s has changed", options.config_file)
            runner.conf = conf


if __name__ == "__main__":
    sys.exit(run())
