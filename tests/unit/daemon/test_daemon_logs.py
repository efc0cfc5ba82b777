"""Log lines of the daemon: DPVS's form, thresholds, files and their rotation."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dpvs_conf import read
from xdpvs.config.dpvs_conf.keywords import LOG_LEVELS
from xdpvs.daemon.cli import Arguments, Version
from xdpvs.daemon.logs import LEVELS, Logs, affinity_line, log_notes, log_start, topic


@pytest.fixture
def stderr() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logs(stderr: io.StringIO) -> Iterator[Logs]:
    logger = logging.getLogger("xdpvs")
    before = (logger.propagate, logger.level)
    logs = Logs(stderr)
    yield logs
    logs.close()
    logger.propagate, logger.level = before


def test_every_level_of_the_file_has_a_number_in_order() -> None:
    assert tuple(LEVELS) == LOG_LEVELS
    assert list(LEVELS.values()) == sorted(LEVELS.values(), reverse=True)


def test_a_line_is_type_and_message(logs: Logs, stderr: io.StringIO) -> None:
    topic("NETIF").info("%s:mtu = %d", "dpdk0", 1500)
    logging.getLogger("xdpvs.daemon.service").info("added")
    assert stderr.getvalue() == "NETIF: dpdk0:mtu = 1500\nSERVICE: added\n"


def test_threshold(logs: Logs, stderr: io.StringIO) -> None:
    logs.configure("WARNING", None, timestamps=False)
    topic("IPVS").info("quiet")
    topic("IPVS").warning("loud")
    assert stderr.getvalue() == "IPVS: loud\n"


def test_timestamps(logs: Logs, stderr: io.StringIO) -> None:
    logs.configure("INFO", None, timestamps=True)
    topic("IPVS").info("now")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d IPVS: now\n", stderr.getvalue())


def test_file_begins_with_the_load_line_at_any_level(logs: Logs, stderr: io.StringIO, tmp_path: Path) -> None:
    path = tmp_path / "dpvs.log"
    path.write_text("earlier\n")
    logs.configure("ERR", str(path), timestamps=False)
    topic("IPVS").error("broken")
    lines = path.read_text().splitlines()
    assert lines[0] == "earlier"
    assert re.fullmatch(r"CFG_FILE: load dpvs configuation file at \d{4}/\d\d/\d\d \d\d:\d\d:\d\d \w+", lines[1])
    assert lines[2:] == ["IPVS: broken"]
    assert stderr.getvalue() == ""


def test_configuring_again_opens_the_rotated_file(logs: Logs, tmp_path: Path) -> None:
    path = tmp_path / "dpvs.log"
    logs.configure("INFO", str(path), timestamps=False)
    path.rename(tmp_path / "dpvs.log.1")
    logs.configure("INFO", str(path), timestamps=False)
    topic("IPVS").info("new")
    assert path.read_text().endswith("IPVS: new\n")
    assert "new" not in (tmp_path / "dpvs.log.1").read_text()


def test_bad_log_file_leaves_stderr(logs: Logs, stderr: io.StringIO, tmp_path: Path) -> None:
    logs.configure("INFO", str(tmp_path), timestamps=False)
    topic("IPVS").info("here")
    assert stderr.getvalue().splitlines() == [
        f"CFG_FILE: illegal log file: {tmp_path} -- Is a directory",
        "IPVS: here",
    ]


def test_notes_of_a_load(logs: Logs, stderr: io.StringIO) -> None:
    logs.configure("WARNING", None, timestamps=False)
    log_notes(read("neigh_defs {\n timeout 0\n}\nipv4_defs {\n forwarding off\n}\n").notes)
    assert stderr.getvalue() == "NEIGHBOUR: invalid arp_reachable_timeout 0, using default 60 (/etc/dpvs.conf:2)\n"


def test_start_lines(logs: Logs, stderr: io.StringIO) -> None:
    log_start(Arguments(notes=("EAL argument without effect here: -n 4",)), Version("v1", "today"))
    assert stderr.getvalue().splitlines() == [
        "DPVS: dpvs version: v1, build on today",
        "DPVS: dpvs-conf-file: /etc/dpvs.conf",
        "DPVS: dpvs-pid-file: /var/run/dpvs.pid",
        "DPVS: dpvs-ipc-file: /var/run/dpvs.ipc",
        "DPVS: EAL argument without effect here: -n 4",
    ]


def test_affinity_line() -> None:
    assert affinity_line({0, 1, 4, 70}) == "current thread affinity is set to 13"
