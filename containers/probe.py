#!/opt/xdpvs/bin/python3
"""The image's health check: asks the program the container runs for a sign of life.

`dpvs` has to answer at its control socket, `dpvs-agent` at its port. Of keepalived and healthcheck it is enough that
they are there, for without them there would be no container; so is it of anything else.
"""

from __future__ import annotations

import http.client
import sys
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 5.0
IPC_FILE = "/var/run/dpvs.ipc"


def option(argv: Sequence[str], names: Sequence[str], default: str) -> str:
    """The last value of an option, as `-x VALUE`, `--name VALUE` or `--name=VALUE`; what follows `--` is not ours."""
    value = default
    words = list(argv[: argv.index("--")] if "--" in argv else argv)
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, given = word.partition("=")
        if name in names:
            value = given if equals else following
    return value


def probe_dpvs(argv: Sequence[str]) -> None:
    """The daemon says its version, or an exception says why not."""
    from xdpvs.api.client import Client

    Client(option(argv, ("-x", "--ipc-file"), IPC_FILE), TIMEOUT_S).get_version()


def probe_agent(argv: Sequence[str]) -> None:
    """The agent answers HTTP; what it answers is between it and the daemon. Without --port it may be anywhere."""
    port = int(option(argv, ("--port",), "0"))
    if port == 0:
        return
    host = option(argv, ("--host",), "localhost")
    if host in ("", "0.0.0.0", "::"):
        host = "localhost"
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/v2/vs")
        connection.getresponse().read()
    finally:
        connection.close()


PROBES = {"dpvs": probe_dpvs, "dpvs-agent": probe_agent}


def main(argv: Sequence[str]) -> int:
    """Probe the program with this command line (0: healthy), or say in one line what is wrong (1)."""
    for position, word in enumerate(argv[:2]):
        # The program itself, or the interpreter that runs it.
        probe = PROBES.get(Path(word).name)
        if probe is None:
            continue
        try:
            probe(argv[position + 1 :])
        except Exception as error:
            print(f"{word}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path("/proc/1/cmdline").read_text().split("\0")[:-1]))
