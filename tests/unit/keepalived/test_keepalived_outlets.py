"""Where news go: FIFOs, mail, programs, syslog, dump files; none of them may hold anything up."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.wait import wait_until
from xdpvs.keepalived.dump_file import write_dump
from xdpvs.keepalived.fifo import Fifos, FifoWriter
from xdpvs.keepalived.logs import SyslogHandler, configure
from xdpvs.keepalived.mail import Mailer
from xdpvs.keepalived.notifying import ScriptRunner
from xdpvs.keepalived.options import Arguments
from xdpvs.model.keepalived import Fifo, MailSettings
from xdpvs.model.script import Command

# FIFOs


def test_a_fifo_is_made_written_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "fifo"

    async def run() -> bytes:
        writer = FifoWriter(Fifo(str(path)))
        writer.write("VS a UP")
        writer.write("VS a DOWN")
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(reader, 100)
        finally:
            os.close(reader)
            await writer.close()

    assert asyncio.run(run()) == b"VS a UP\nVS a DOWN\n"
    assert not path.exists()


def test_a_fifo_nobody_reads_drops_lines_and_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        writer = FifoWriter(Fifo(str(tmp_path / "fifo")))
        for _ in range(3000):
            writer.write("x" * 100)
        await writer.close()

    asyncio.run(run())
    assert caplog.text.count("is full: lines are dropped") == 1


def test_something_else_at_that_name_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "file"
    path.write_text("mine")

    async def run() -> None:
        fifos = Fifos()
        await fifos.load({Fifo(str(path)): False, Fifo("/nonexistent/dir/fifo"): False}, "")
        fifos.write("line")
        await fifos.close()

    asyncio.run(run())
    assert path.read_text() == "mine"
    assert "is something else" in caplog.text
    assert "/nonexistent/dir/fifo" in caplog.text


def test_a_fifo_s_script_gets_its_name_and_ends_with_it(tmp_path: Path) -> None:
    script, out = tmp_path / "reader", tmp_path / "out"
    script.write_text(f'#!/bin/sh\necho $$ > {out}.pid\nwhile read line; do echo "$line" >> {out}; done < "$1"\n')
    script.chmod(0o755)

    async def run() -> int:
        fifos = Fifos()
        await fifos.load({Fifo(str(tmp_path / "fifo"), script=Command((str(script),))): True}, "")
        fifos.write("VS a UP")
        await _until(lambda: out.exists() and out.read_text() == "VS a UP\n")
        pid = int(Path(f"{out}.pid").read_text())
        await fifos.close()
        return pid

    pid = asyncio.run(run())
    assert not Path(f"/proc/{pid}").exists()


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


# Mail


class _SmtpHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 there\r\n")
        message: list[bytes] = []
        in_data = False
        for line in self.rfile:
            if in_data:
                message.append(line)
                if line == b".\r\n":
                    in_data = False
                    self.wfile.write(b"250 taken\r\n")
            elif line.upper().startswith(b"DATA"):
                in_data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                break
            else:
                self.wfile.write(b"250 yes\r\n")
        assert isinstance(self.server, _SmtpServer)
        self.server.mails.append(b"".join(message).decode())


class _SmtpServer(socketserver.ThreadingTCPServer):
    mails: list[str]


@contextmanager
def mail_server() -> Iterator[_SmtpServer]:
    """A mail server that keeps what it gets."""
    with _SmtpServer(("127.0.0.1", 0), _SmtpHandler) as server:
        server.mails = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_alert_reaches_every_recipient() -> None:
    with mail_server() as server:
        mailer = Mailer()
        mailer.settings = MailSettings(("ops@example.net", "boss@example.net"), "lb@example.net", "127.0.0.1")
        mailer.settings = MailSettings(
            mailer.settings.recipients, "lb@example.net", "127.0.0.1", server.server_address[1], "lb.example.net", 5
        )
        mailer.send("[lb] Realserver x - DOWN", "=> failed <=")
        wait_until(lambda: server.mails, 10)
        mailer.close(5)
    assert "Subject: [lb] Realserver x - DOWN" in server.mails[0]
    assert "To: ops@example.net, boss@example.net" in server.mails[0]
    assert "=> failed <=" in server.mails[0]


def test_a_mail_server_that_is_not_there_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    mailer = Mailer()
    mailer.send("nobody", "configured")
    mailer.settings = MailSettings(("ops@example.net",), "lb@example.net", "127.0.0.1", port, connect_timeout_s=2)
    mailer.send("subject", "body")
    mailer.close(5)
    assert f"mail to 127.0.0.1 port {port} failed" in caplog.text
    assert caplog.text.count("failed") == 1


# Programs


def test_programs_are_started_and_what_hangs_ends_with_us(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        runner = ScriptRunner()
        runner.run(Command(("touch", str(tmp_path / "done"))))
        runner.run(Command(("/nonexistent/program",)))
        runner.run(Command(("/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 77")))
        await _until(lambda: (tmp_path / "done").exists() and (tmp_path / "pid").exists())
        await runner.close(0.1)

    asyncio.run(run())
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 5)
    assert "/nonexistent/program" in caplog.text


# Logs


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("xdpvs.x", level, "", 0, text, (), None)


def test_syslog_gets_facility_ident_and_pid(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        handler = SyslogHandler(16 + 6, "Keepalived", str(path))
        handler.emit(record("one\ntwo", logging.ERROR))
        first, second = server.recv(1000).decode(), server.recv(1000).decode()
        handler.close()
    assert first.startswith(f"<{22 * 8 + 3}>")
    assert first.endswith(f" Keepalived[{os.getpid()}]: one")
    assert second.endswith(f" Keepalived[{os.getpid()}]: two")


def test_without_a_syslog_socket_nothing_happens_and_one_that_returns_is_found(tmp_path: Path) -> None:
    path = tmp_path / "log"
    handler = SyslogHandler(3, "Keepalived", str(path))
    handler.emit(record("lost"))
    for text in ("a", "b"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            path.unlink(missing_ok=True)
            server.bind(str(path))
            handler._retry_at = 0.0
            handler.emit(record(text))
            assert server.recv(1000).decode().endswith(f": {text}")
        handler.close_socket()
    handler.close()


def test_the_console_has_date_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("xdpvs")
    before, level = list(logger.handlers), logger.level
    try:
        configure(Arguments(log_console=True, no_syslog=True), "Keepalived")
        logging.getLogger("xdpvs.keepalived").info("hello")
        logging.getLogger("xdpvs.keepalived").debug("only with -D")
    finally:
        logger.handlers[:] = before
        logger.setLevel(level)
        logger.propagate = True
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(": hello")


# Dumps


def test_a_dump_replaces_what_is_at_its_name_without_following_it(tmp_path: Path) -> None:
    precious, name = tmp_path / "precious", tmp_path / "keepalived.data"
    precious.write_text("keep")
    name.symlink_to(precious)
    write_dump(name, "state")
    assert (precious.read_text(), name.read_text(), name.is_symlink()) == ("keep", "state", False)
    write_dump(tmp_path / "no" / "such" / "place", "state")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
