"""The command line, and the log's files."""

from __future__ import annotations

import io
import logging
import os
import re
from pathlib import Path

import pytest

from xdpvs.agent.auth import BadTokenFile, read_token
from xdpvs.agent.identifiers import parse_service_id, service_id
from xdpvs.agent.logs import KEPT_S, NAME, HourlyFile, install, log_directory, uninstall
from xdpvs.agent.main import main
from xdpvs.agent.options import Options, UsageError, parse, parse_duration, parse_size


def parsed(*argv: str, **environment: str) -> Options:
    """Options that are right."""
    found = parse(argv, environment, io.StringIO())
    assert found is not None
    return found


def test_defaults() -> None:
    options = parsed()
    assert (options.host, options.port, options.schemes) == ("localhost", 0, ("http",))
    assert (options.log_dir, options.ipc_path, options.init_mode, options.strict) == (
        "/var/log/",
        None,
        "network",
        False,
    )


def test_both_forms_and_the_environment() -> None:
    options = parsed("--port=6601", "--host", "0.0.0.0", "--ipc-sockopt-path=/run/x", TLS_PORT="443")
    assert (options.port, options.host, options.ipc_path, options.tls.port) == (6601, "0.0.0.0", "/run/x", 443)
    assert parsed(HOST="192.0.2.1", PORT="81").port == 81
    assert parsed("--port=82", PORT="81").port == 82


def test_everything_upstream_has() -> None:
    options = parsed(
        *("--cleanup-timeout=10s", "--graceful-timeout=15s", "--max-header-size=1MiB", "--socket-path=/run/a.sock"),
        *("--listen-limit=5", "--keep-alive=3m", "--read-timeout=30s", "--write-timeout=60s", "--scheme=https"),
        *("--scheme", "unix", "--tls-host=::1", "--tls-port=443", "--tls-certificate=c", "--tls-key=k", "--tls-ca=a"),
        *("--tls-listen-limit=3", "--tls-keep-alive=1m", "--tls-read-timeout=1s", "--tls-write-timeout=1s"),
        *("--init-mode=Local", "--cache-file=x", "--log-dir=/tmp"),
    )
    assert options.schemes == ("https", "unix")
    assert (options.host, options.tls.host, options.init_mode) == ("127.0.0.1", "127.0.0.1", "local")
    assert (options.max_header_bytes, options.keep_alive_s, options.tls.keep_alive_s) == (1 << 20, 180, 60)
    assert parsed("--init-mode=anything").init_mode == "network"


@pytest.mark.parametrize(
    "argv",
    [
        ["--nosuch"],
        ["--port=x"],
        ["--port=65536"],
        ["--port"],
        ["--scheme=ftp"],
        ["--scheme=https"],
        ["--read-timeout=30"],
        ["--max-body-size=lots"],
        ["--listen-limit=-1"],
        ["stray"],
        ["--por=1"],
    ],
)
def test_usage_errors(argv: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(argv, {}, io.StringIO())
    assert caught.value.usage.startswith("usage: dpvs-agent")
    stderr = io.StringIO()
    assert main(argv, {}, io.StringIO(), stderr) == 1
    assert "dpvs-agent: " in stderr.getvalue()


def test_help() -> None:
    stdout = io.StringIO()
    assert main(["--help"], {}, stdout, io.StringIO()) == 0
    assert "--ipc-sockopt-path" in stdout.getvalue()


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), ("1.5s", 1.5), ("10us", 1e-5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "size"), [("4096", 4096), ("1MiB", 1 << 20), ("64KB", 64000), ("2g", 2_000_000_000)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_ids_round_trip() -> None:
    for text in ("192.0.2.1-80-tcp", "2001:db8::1-53-udp"):
        assert service_id(parse_service_id(text)) == text


class TestToken:
    """--auth-token-file."""

    def test_it_is_a_line(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text("a-long-enough-token\n")
        path.chmod(0o600)
        assert read_token(str(path)) == "a-long-enough-token"

    @pytest.mark.parametrize(
        ("text", "mode", "why"),
        [
            ("a-long-enough-token", 0o644, "others may read"),
            ("", 0o600, "at least 8"),
            ("zu-kurz", 0o600, "at least 8"),
            ("two words of a token", 0o600, "without blanks"),
            ("schlüssel-mit-ü", 0o600, "not ASCII"),
        ],
    )
    def test_bad_ones(self, tmp_path: Path, text: str, mode: int, why: str) -> None:
        path = tmp_path / "token"
        path.write_text(text)
        path.chmod(mode)
        with pytest.raises(BadTokenFile, match=why) as caught:
            read_token(str(path))
        assert not text or text not in str(caught.value)
        stderr = io.StringIO()
        assert main([f"--auth-token-file={path}"], {}, io.StringIO(), stderr) == 1
        assert not text or text not in stderr.getvalue()

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(BadTokenFile, match="No such file"):
            read_token(str(tmp_path / "nosuch"))


class TestLogs:
    """A file an hour."""

    @pytest.fixture
    def handler(self, tmp_path: Path) -> HourlyFile:
        return HourlyFile(tmp_path, io.StringIO())

    def record(self, text: str, at: float, level: int = logging.INFO) -> logging.LogRecord:
        record = logging.LogRecord("xdpvs.agent.request", level, "", 0, text, (), None)
        record.created, record.msecs = at, 7.0
        return record

    def test_a_line(self, tmp_path: Path, handler: HourlyFile) -> None:
        handler.emit(self.record("two\nlines", 1_746_772_262.0, logging.WARNING))
        handler.close()
        link = tmp_path / NAME
        assert re.fullmatch(rf"{re.escape(NAME)}-\d{{12}}", os.readlink(link))
        assert link.read_text() == "2025-05-09T06:31:02.007Z [WARN]  dpvs-agent.log.main.request: two\\nlines\n"

    def test_a_new_hour_is_a_new_file_and_old_ones_go(self, tmp_path: Path, handler: HourlyFile) -> None:
        old = tmp_path / f"{NAME}-202001010000"
        old.write_text("old")
        os.utime(old, (1_746_772_262 - KEPT_S - 1,) * 2)
        handler.emit(self.record("one", 1_746_772_262.0))
        handler.emit(self.record("same hour", 1_746_772_263.0))
        first = os.readlink(tmp_path / NAME)
        handler.emit(self.record("two", 1_746_772_262.0 + 3600))
        handler.close()
        assert os.readlink(tmp_path / NAME) != first
        assert (tmp_path / first).read_text().count("\n") == 2
        assert not old.exists()

    def test_no_room_is_told_once(self, tmp_path: Path) -> None:
        stderr = io.StringIO()
        directory = tmp_path / "log"
        directory.mkdir()
        handler = HourlyFile(directory, stderr)
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
        for number in range(3):
            handler.emit(self.record("x", 1_746_772_262.0 + 3600 * number))
        handler.close()
        assert stderr.getvalue().count("the log cannot be written") == 1

    def test_where(self, tmp_path: Path) -> None:
        assert log_directory(str(tmp_path)) == tmp_path
        assert log_directory(str(tmp_path / "nosuch")) == Path("/var/log")

    def test_no_log_no_agent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("xdpvs.agent.logs.DEFAULT_DIRECTORY", Path("/proc/nosuch"))
        stderr = io.StringIO()
        assert main([f"--log-dir={tmp_path / 'nosuch'}"], {}, io.StringIO(), stderr) == 255
        assert "the log cannot be written" in stderr.getvalue()

    def test_installing_and_taking_away(self, tmp_path: Path, handler: HourlyFile) -> None:
        install(handler)
        logging.getLogger("xdpvs.agent.x").info("hello")
        uninstall(handler)
        assert "x: hello" in (tmp_path / NAME).read_text()
