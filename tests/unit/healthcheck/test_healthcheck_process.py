"""The process: logs, signals, exit statuses, the configuration file, and checks over TLS."""

from __future__ import annotations

import http.server
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from lab.balancer import installed
from tests.support.healthcheck import HealthcheckProcess, Listed, ScriptedAgent, closed_port, in_thread, listening

QUICK = ("-check_interval=50ms", "-check_timeout=100ms", "-fetch_interval=100ms", "-notify_interval=150ms")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_ends_it_and_nothing_is_undone(tmp_path: Path, number: signal.Signals) -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])
    with in_thread(agent), HealthcheckProcess(tmp_path, f"-lb_iface_addr=localhost:{agent.port}", *QUICK) as checker:
        checker.wait_for(lambda: agent.servers[0].inhibited, "the dead server is reported")
        assert checker.end(number) == 0
        assert agent.servers[0].inhibited
        assert "Traceback" not in checker.output()


def test_it_ends_at_once_while_the_agent_is_silent(tmp_path: Path) -> None:
    with listening() as port, HealthcheckProcess(tmp_path, f"-lb_iface_addr=127.0.0.1:{port}") as checker:
        checker.wait_to_say("checks the servers of")
        assert checker.end(signal.SIGTERM) == 0


def test_it_ends_at_once_while_the_agent_only_ever_conflicts(tmp_path: Path) -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])
    agent.answer = lambda _put: (270, b'{"Addr":"127.0.0.9","Port":80,"Proto":6,"Version":"7","RSs":{"Items":[]}}')
    with in_thread(agent), HealthcheckProcess(tmp_path, f"-lb_iface_addr=127.0.0.1:{agent.port}", *QUICK) as checker:
        checker.wait_to_say("is not 7 any more")
        assert checker.end(signal.SIGTERM) == 0


def test_log_files_are_named_as_glogs(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])
    with (
        in_thread(agent),
        HealthcheckProcess(tmp_path, f"-log_dir={logs}", f"-lb_iface_addr=localhost:{agent.port}", *QUICK) as checker,
    ):
        checker.wait_for(lambda: agent.servers[0].inhibited, "the dead server is reported")
        checker.process.send_signal(signal.SIGUSR1)
        info = logs / "healthcheck.INFO"
        checker.wait_for(lambda: "Thread Statistics:" in info.read_text(), "the state is in the log")
        assert checker.end(signal.SIGTERM) == 0
        assert checker.output() == "", "what is not grave stays off stderr"
        name = info.readlink().name
        assert name.startswith("healthcheck.")
        assert f".log.INFO.{'2'}" in name
        assert name.endswith(f".{checker.process.pid}")
        assert " is down: connection refused" in (logs / "healthcheck.WARNING").read_text()
        first = info.read_text().splitlines()[0]
        assert first[0] == "I"
        assert "main.py:" in first


def test_without_a_writable_directory_the_log_is_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    flags = (f"-log_dir={tmp_path}/file", f"-lb_iface_addr=127.0.0.1:{closed_port()}")
    with HealthcheckProcess(tmp_path, *flags) as checker:
        checker.wait_to_say("logging to stderr")
        checker.wait_to_say("GET /v2/vs: 127.0.0.1 port")
        assert checker.output().count("connection refused") == 1, "once, as long as it stays the same"


def test_the_older_generation_listens_nowhere_unless_it_is_told_to(tmp_path: Path) -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])
    flags = (f"-lb_iface_addr=localhost:{agent.port}", *QUICK)
    with in_thread(agent):
        flags = (f"-lb_iface_addr=localhost:{agent.port}", *QUICK)
        with HealthcheckProcess(tmp_path, *flags) as checker:
            checker.wait_for(lambda: agent.gets >= 2, "it works")
            assert checker.listening_ports() == set()
        port = closed_port()
        with HealthcheckProcess(tmp_path, *flags, f"-status-addr=:{port}") as checker:
            checker.wait_to_say("status page at http://127.0.0.1:")
            assert checker.listening_ports() == {port}
            assert httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).status_code == 200


def test_a_taken_port_of_the_status_page_is_only_told(tmp_path: Path) -> None:
    server = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", server)])
    conf = tmp_path / "conf"
    conf.write_text("global:\n  virtual-address: {actioner: Blank}\n  virtual-server: {interval: 50ms}\n")
    with listening() as taken, in_thread(agent):
        flags = (f"-dpvs-agent-addr=127.0.0.1:{agent.port}", f"-metric-server-addr=127.0.0.1:{taken}")
        with HealthcheckProcess(tmp_path, *flags, f"-config-file={conf}") as checker:
            checker.wait_to_say("no status page")
            checker.wait_for(lambda: agent.servers[0].inhibited, "it checks all the same")


def test_the_file_is_read_again_and_one_with_mistakes_is_not_taken(tmp_path: Path) -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])
    conf = tmp_path / "conf"
    good = "global:\n  virtual-address: {actioner: Blank}\n  virtual-server: {method: none, interval: 50ms}\n"
    conf.write_text(good)
    with in_thread(agent):
        flags = (f"-dpvs-agent-addr=127.0.0.1:{agent.port}", "-dpvs-service-list-interval=100ms", "-status-addr=:0")
        with HealthcheckProcess(tmp_path, *flags, f"-config-file={conf}", "-config-reload-interval=100ms") as checker:
            checker.wait_for(lambda: bool(agent.puts), "the first verdict is reported")
            assert agent.puts[0].items[0]["inhibited"] is False, "no check, no fault"
            conf.write_text("global:\n  virtual-server: {method: icmp}\n")
            checker.wait_to_say(f"the configuration stays as it was: {conf}:2: method of global virtual-server")
            conf.unlink()
            checker.wait_to_say(f"the configuration stays as it was: {conf}: no such file")
            assert not agent.servers[0].inhibited
            conf.write_text(good.replace("none", "tcp"))
            checker.wait_for(lambda: agent.servers[0].inhibited, "the new method finds it dead")


def test_a_script_gets_words_and_no_shell(tmp_path: Path) -> None:
    script, said = tmp_path / "quorum.sh", tmp_path / "said"
    script.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {said}\n')
    script.chmod(0o755)
    conf = tmp_path / "conf"
    conf.write_text(
        "global:\n  virtual-server: {interval: 50ms}\n"
        "  virtual-address:\n    actioner: Script\n"
        f"    action-params: {{script: {script}, args: \"-x 'two words' $HOME;id\"}}\n"
    )
    with listening() as port:
        agent = ScriptedAgent([Listed("127.0.0.1", port)])
        flags = (f"-config-file={conf}", "-status-addr=:0", "-dpvs-service-list-interval=100ms")
        with (
            in_thread(agent),
            HealthcheckProcess(tmp_path, f"-dpvs-agent-addr=127.0.0.1:{agent.port}", *flags) as checker,
        ):
            checker.wait_for(lambda: said.exists() and said.read_text().endswith("|UP|127.0.0.9|"), "it went up")
            agent.servers[0].port = closed_port()
            agent.renew()
            checker.wait_for(lambda: said.read_text().endswith("|DOWN|127.0.0.9|"), "it went down")
    assert said.read_text() == "".join(f"-x|two words|$HOME;id|{word}|127.0.0.9|" for word in ("UP", "DOWN"))


@pytest.mark.parametrize(
    ("flags", "status", "complaint"),
    [
        (["-lb_iface_addr=a:1", "-dpvs-agent-addr=b:1"], 2, "-lb_iface_addr (v1.9) and -dpvs-agent-addr (v1.10)"),
        (["-config-file=/none/such"], 1, "healthcheck: /none/such: no such file"),
        (["-config-file=/etc/healthcheck.conf"], 1, "healthcheck: /etc/healthcheck.conf: no such file"),
        (["-auth-token-file=/none/such"], 1, "healthcheck: -auth-token-file /none/such: No such file"),
    ],
)
def test_starts_that_fail(flags: list[str], status: int, complaint: str) -> None:
    argv = [str(installed("healthcheck")), *flags]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def https_server(context: ssl.SSLContext) -> Iterator[int]:
    """A server over TLS."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> tuple[socket.socket, object]:
            accepted, address = super().get_request()
            accepted.settimeout(5)
            return context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, request: object, client_address: object) -> None:
            """A handshake the client gave up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("certified", "trusted", "complaint"),
    [
        ("www.example.org", True, ""),
        ("other.example.org", True, "certificate: Hostname mismatch"),
        ("www.example.org", False, "certificate: unable to get local issuer certificate"),
    ],
)
def test_certificates_are_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certified: str, trusted: bool, complaint: str
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certified).configure_cert(context)
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    conf = tmp_path / "conf"
    conf.write_text(
        "global:\n  virtual-address: {actioner: Blank}\n"
        "  virtual-server:\n    interval: 100ms\n    method: http\n"
        "    method-params: {https: yes, host: www.example.org, response-codes: '204'}\n"
    )
    with https_server(context) as port:
        agent = ScriptedAgent([Listed("127.0.0.1", port)])
        with in_thread(agent):
            flags = (f"-dpvs-agent-addr=127.0.0.1:{agent.port}", f"-config-file={conf}", "-status-addr=:0")
            with HealthcheckProcess(tmp_path, *flags) as checker:
                checker.wait_for(lambda: bool(agent.puts), "the first verdict is reported")
                assert agent.puts[0].items[0]["inhibited"] is bool(complaint)
                assert complaint in checker.output()
