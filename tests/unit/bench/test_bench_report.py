"""The benchmark's arithmetic: what it makes of wrk's report, of rounds and of budgets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import main, report
from bench.feeder import FRAME_LENGTH, Target, _step, _timing
from bench.http import parse_wrk
from bench.rows import Group, Options, Result, Row
from bench.scene import TCP4, UDP4, frame
from xdpvs.bpf.errors import BpfError

WRK = """\
Running 3s test @ http://192.0.2.1/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   612.31us  410.12us   9.87ms   88.01%
  Latency Distribution
     50%  512.00us
     75%    1.02ms
     90%    1.50ms
     99%    2.20ms
  141207 requests in 3.00s, 21.01MB read
Requests/sec:  47069.25
Transfer/sec:      7.00MB
"""

AT_MOST = Row("slow", "slow", "ns", "how slow", budget=40)
AT_LEAST = Row("fast", "fast", "x", "how fast", budget=0.85, at_least=True)


def test_wrk_report() -> None:
    load = parse_wrk(WRK)
    assert (load.requests_per_s, load.median_us, load.errors) == (47069.25, 512, 0)


def test_wrk_errors_of_all_kinds_count() -> None:
    load = parse_wrk(WRK + "  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 8\n")
    assert load.errors == 15


def test_a_wrk_that_could_not_connect_is_no_result() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        parse_wrk("unable to connect to 192.0.2.1:http Connection refused")


@pytest.mark.parametrize(
    ("row", "value", "kept"),
    [
        (AT_MOST, 40.0, True),
        (AT_MOST, 40.02, True),  # prints as 40
        (AT_MOST, 41.0, False),
        (AT_LEAST, 0.85, True),
        (AT_LEAST, 0.84, False),
        (Row("plain", "plain", "ns", ""), 1e9, True),
    ],
)
def test_budgets(row: Row, value: float, kept: bool) -> None:
    assert row.keeps(value) is kept


def test_disturbed_rounds_do_not_count() -> None:
    calm = {Target.NOTHING: 30, Target.TESTED: 70, Target.FLOOR: 40}
    disturbed = {Target.NOTHING: 60, Target.TESTED: 200, Target.FLOOR: 90}
    timing = _timing([calm, calm, disturbed])
    assert (timing.program_ns, timing.floor_ns, timing.feeder_ns) == (40, 10, 30)


@pytest.mark.parametrize("flows", [1, 2, 1000, 100_000])
def test_every_flow_has_its_turn(flows: int) -> None:
    step, at, seen = _step(flows), 0, set()
    for _ in range(flows):
        seen.add(at)
        at = (at + step) % flows
    assert len(seen) == flows


def test_frames_have_one_length_and_an_intact_ipv4_header() -> None:
    for path in (UDP4, TCP4):
        data = frame(path.protocol, (path.clients, 0), (path.vip, 80))
        words = [int.from_bytes(data[at : at + 2], "big") for at in range(14, 34, 2)]
        assert len(data) == FRAME_LENGTH
        assert sum(words) % 0xFFFF == 0


def test_a_line_says_why_there_is_no_value() -> None:
    assert "not measured: no wrk" in report.line(AT_MOST, Result("slow", why_not="no wrk"))
    assert "OVER" in report.line(AT_MOST, Result("slow", 41))
    assert "UNDER" in report.line(AT_LEAST, Result("fast", 0.5))


def test_rows_a_failure_left_out_get_its_reason(tmp_path: Path) -> None:
    def measure(_options: Options) -> Iterator[Result]:
        yield Result("slow", 12)
        raise BpfError("the verifier refuses\nand more")

    group = Group("group", (AT_MOST, AT_LEAST), measure)
    results = list(main._measured(group, Options(quick=True, object_path=tmp_path)))
    assert [(r.row, r.value, r.why_not) for r in results] == [("slow", 12, ""), ("fast", None, "the verifier refuses")]
    report.save(tmp_path / "bench.json", [group], results, quick=True, busy=0.5)
    saved = json.loads((tmp_path / "bench.json").read_text())
    assert [(row["row"], row["kept"]) for row in saved["rows"]] == [("slow", True), ("fast", None)]


def test_names_of_rows_are_unique() -> None:
    names = [row.name for group in main.GROUPS for row in group.rows]
    assert len(names) == len(set(names))
