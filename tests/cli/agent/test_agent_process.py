"""The process: its lines, signals, sockets, TLS and token, with real clients."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from lab.process import Process
from lab.wait import wait_until
from tests.support.agent import Daemon, items
from tests.support.api import serving
from xdpvs.api.client import Client
from xdpvs.model.service import Dest

VS = "/v2/vs/192.0.2.1-80-tcp"
TOKEN = "tok-0123456789abcdef"


@contextmanager
def agent(directory: Path, *arguments: str, serving_lines: int = 1) -> Iterator[tuple[Process, list[str]]]:
    """The agent as a process, with the URLs it says it serves."""
    log = directory / "output"
    log.unlink(missing_ok=True)
    argv = [
        sys.executable,
        "-m",
        "xdpvs.agent.main",
        f"--log-dir={directory}",
        f"--ipc-sockopt-path={directory / 'dpvs.ipc'}",
        *arguments,
    ]
    process = Process(argv, log)
    try:
        wait_until(lambda: not process.running() or process.output().count("Serving") >= serving_lines, 30, "it serves")
        yield process, re.findall(r"Serving dpvs agent at (\S+)", process.output())
    finally:
        process.stop()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon at the directory's socket."""
    made = Daemon()
    with serving(tmp_path / "dpvs.ipc", made.table):
        yield made


def log_text(directory: Path) -> str:
    return (directory / "dpvs-agent.log").read_text()


def test_from_start_to_end(tmp_path: Path, daemon: Daemon) -> None:
    with agent(tmp_path) as (process, urls):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", urls[0])
        assert httpx.put(f"{urls[0]}{VS}", json={}).status_code == 201
        process.signal(signal.SIGTERM)
        assert process.wait(20) == 0
        said = process.output()
    assert said.splitlines() == [
        f"Serving dpvs agent at {urls[0]}",
        "Shutting down... ",
        f"Stopped serving dpvs agent at {urls[0]}",
    ]
    assert re.search(
        r"Z \[INFO\]  dpvs-agent\.log\.main\.request: virtualserver\.PutVsVipPort: PUT ", log_text(tmp_path)
    )
    cache = tmp_path / "conf.d" / "dpvs.cache"
    assert cache.stat().st_mode & 0o777 == 0o600
    assert json.loads(cache.read_text())["Services"]["Items"][0]["Addr"] == "192.0.2.1"


def test_killed_and_started_again(tmp_path: Path, daemon: Daemon) -> None:
    with agent(tmp_path) as (process, urls):
        httpx.put(f"{urls[0]}{VS}", json={})
        httpx.put(f"{urls[0]}{VS}/rs", json=items(("198.51.100.1", 80, 70)))
        version = httpx.get(f"{urls[0]}{VS}").json()["Items"][0]["Version"]
        down = {"Items": [{"ip": "198.51.100.1", "port": 80, "inhibited": True}]}
        assert httpx.put(f"{urls[0]}{VS}/rs/health?version={version}", json=down).status_code == 200
        process.signal(signal.SIGKILL)
        process.wait(5)
    with agent(tmp_path) as (_process, urls):
        (service,) = httpx.get(f"{urls[0]}/v2/vs?operatorWeight=true").json()["Items"]
        spec = service["RSs"]["Items"][0]["Spec"]
        assert (service["Version"], spec["weight"], spec["operatorWeight"]) == (version, 0, 70)


def test_a_corrupt_cache_stops_nobody(tmp_path: Path, daemon: Daemon) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "dpvs.cache").write_text("{")
    with agent(tmp_path) as (_process, urls):
        assert httpx.get(f"{urls[0]}/v2/vs").json() == {"Items": []}
    assert "set aside as dpvs.cache.corrupt" in log_text(tmp_path)


def test_nowhere_to_save_is_told(tmp_path: Path, daemon: Daemon) -> None:
    with agent(tmp_path, "--cache-file=/proc/nosuch/cache") as (process, urls):
        assert "versions and weights are lost at the end" in process.output()
        assert httpx.put(f"{urls[0]}{VS}", json={}).status_code == 201


def test_a_unix_socket_beside_tcp(tmp_path: Path, daemon: Daemon) -> None:
    path = tmp_path / "agent.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    arguments = ["--scheme=unix", "--scheme=http", f"--socket-path={path}"]
    with agent(tmp_path, *arguments, serving_lines=2) as (process, urls):
        assert urls[0] == f"unix://{path}"
        assert path.stat().st_mode & 0o777 == 0o660
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            assert client.get("http://agent/v2/vs").json() == {"Items": []}
        assert httpx.get(f"{urls[1]}/v2/vs").json() == {"Items": []}
        assert process.stop() == 0
    assert not path.exists()


def test_all_addresses(tmp_path: Path, daemon: Daemon) -> None:
    with agent(tmp_path, "--host=0.0.0.0") as (_process, urls):
        found = re.fullmatch(r"http://\[::\]:(\d+)", urls[0])
        assert found
        for host in ("127.0.0.1", "[::1]"):
            assert httpx.get(f"http://{host}:{found[1]}/v2/vs").status_code == 200


def refused(directory: Path, arguments: Sequence[str]) -> str:
    """What an agent says that must not start."""
    argv = [sys.executable, "-m", "xdpvs.agent.main", f"--log-dir={directory}", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_what_cannot_be_listened_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"listen on 127.0.0.1 port {port}: Address already in use" in refused(
            tmp_path, ["--host=127.0.0.1", f"--port={port}"]
        )
    plain = tmp_path / "file"
    plain.write_text("keep me")
    assert f"listen on {plain}: Address already in use" in refused(
        tmp_path, ["--scheme=unix", f"--socket-path={plain}"]
    )
    assert plain.read_text() == "keep me"
    assert "nosuch.pem" in refused(
        tmp_path, ["--scheme=https", "--tls-certificate=/nosuch.pem", "--tls-key=/nosuch.key"]
    )


class TestToken:
    """--auth-token-file."""

    @pytest.fixture
    def options(self, tmp_path: Path) -> list[str]:
        path = tmp_path / "token"
        path.write_text(f"{TOKEN}\n")
        path.chmod(0o600)
        return [f"--auth-token-file={path}"]

    def test_nothing_without_it(self, tmp_path: Path, daemon: Daemon, options: list[str]) -> None:
        with agent(tmp_path, *options) as (process, urls):
            for path in ("/v2/vs", "/metrics", "/nosuch"):
                for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
                    reply = httpx.get(f"{urls[0]}{path}", headers=headers)
                    assert reply.status_code == 401
                    assert reply.json() == {"code": 401, "message": "the bearer token is missing or wrong"}
                    assert reply.headers["www-authenticate"] == 'Bearer realm="dpvs-agent"'
            assert httpx.put(f"{urls[0]}{VS}", json={}).status_code == 401
            assert len(daemon.services) == 0
            right = {"Authorization": f"bearer {TOKEN}"}
            assert httpx.put(f"{urls[0]}{VS}", json={}, headers=right).status_code == 201
            assert 'code="401"' in httpx.get(f"{urls[0]}/metrics", headers=right).text
            described = httpx.get(f"{urls[0]}/openapi.json").json()
            assert described["security"] == [{"token": []}]
            assert httpx.get(f"{urls[0]}/v2/docs").status_code == 200
            assert httpx.get(f"{urls[0]}/v2/docs/../vs").status_code == 401
            with open(f"/proc/{process.pid}/cmdline", "rb") as command:
                assert TOKEN.encode() not in command.read()
            said = process.output()
        written = said + "".join(path.read_text() for path in tmp_path.glob("dpvs-agent.log-*"))
        assert TOKEN not in written
        assert "wrong" not in written


class TestTls:
    """--scheme https, with certificates of an authority made for the test."""

    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def options(self, tmp_path: Path, authority: trustme.CA) -> list[str]:
        server = authority.issue_cert("127.0.0.1", "localhost")
        server.private_key_pem.write_to_path(tmp_path / "key.pem")
        for number, blob in enumerate(server.cert_chain_pems):
            blob.write_to_path(tmp_path / "cert.pem", append=number > 0)
        return ["--scheme=https", f"--tls-certificate={tmp_path / 'cert.pem'}", f"--tls-key={tmp_path / 'key.pem'}"]

    def trusting(self, authority: trustme.CA) -> httpx.Client:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return httpx.Client(verify=context)

    def test_https(self, tmp_path: Path, daemon: Daemon, authority: trustme.CA, options: list[str]) -> None:
        with agent(tmp_path, *options) as (_process, urls):
            assert urls[0].startswith("https://127.0.0.1:")
            with self.trusting(authority) as client:
                assert client.get(f"{urls[0]}/v2/vs").json() == {"Items": []}
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{urls[0]}/v2/vs")
            with pytest.raises(httpx.HTTPError):
                httpx.get(urls[0].replace("https", "http"))

    def test_clients_certificates(
        self, tmp_path: Path, daemon: Daemon, authority: trustme.CA, options: list[str]
    ) -> None:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        with agent(tmp_path, *options, f"--tls-ca={tmp_path / 'ca.pem'}") as (_process, urls):
            with self.trusting(authority) as client, pytest.raises(httpx.HTTPError):
                client.get(f"{urls[0]}/v2/vs")
            context = ssl.create_default_context()
            authority.configure_trust(context)
            authority.issue_cert("client@example.org").configure_cert(context)
            with httpx.Client(verify=context) as client:
                assert client.get(f"{urls[0]}/v2/vs").status_code == 200


class TestLocalInit:
    """--init-mode=local."""

    def test_a_daemon_that_began_with_nothing_gets_it_all_again(self, tmp_path: Path) -> None:
        path = tmp_path / "dpvs.ipc"
        with serving(path, Daemon().table), agent(tmp_path) as (_process, urls):
            httpx.put(f"{urls[0]}{VS}", json={"SchedName": "rr", "ConnTimeout": 77})
            httpx.put(f"{urls[0]}/v2/device/dpdk0/addr", json={"addr": "192.0.2.1"})
            httpx.put(f"{urls[0]}{VS}/rs", json=items(("198.51.100.1", 80, 70), ("198.51.100.2", 80, 50)))
            httpx.put(f"{urls[0]}{VS}/laddr", json={"addr": "192.0.2.200", "device": "dpdk1"})
            version = httpx.get(f"{urls[0]}{VS}").json()["Items"][0]["Version"]
            down = {"Items": [{"ip": "198.51.100.1", "port": 80, "inhibited": True}]}
            assert httpx.put(f"{urls[0]}{VS}/rs/health?version={version}", json=down).status_code == 200
        second = Daemon()
        second.generation = 8
        with agent(tmp_path, "--init-mode=local", "--host=192.0.2.99") as (_process, urls):
            assert urls[0].startswith("http://127.0.0.1:"), "whatever --host says, as in upstream"
            with serving(path, second.table):
                wait_until(lambda: len(second.services) == 1, 10, "the service is there again")
                wait_until(lambda: len(list(second.layer3.addresses())) == 2, 10, "and the addresses")
                entry = httpx.get(f"{urls[0]}{VS}?operatorWeight=true").json()["Items"][0]
                assert (entry["SchedName"], entry["ConnTimeout"], entry["Version"]) == ("rr", 77, version)
                specs = [item["Spec"] for item in entry["RSs"]["Items"]]
                assert [(spec["ip"], spec["weight"], spec["operatorWeight"], spec["inhibited"]) for spec in specs] == [
                    ("198.51.100.2", 50, 50, False),
                    ("198.51.100.1", 0, 70, True),
                ]
                assert httpx.get(f"{urls[0]}{VS}/laddr").json()["Items"][0]["device"] == "dpdk1"
                shown = {(str(a.address), a.device, bool(int(a.flags) & 0x10000)) for a in second.layer3.addresses()}
                assert shown == {("192.0.2.1", "dpdk0", False), ("192.0.2.200", "dpdk1", True)}
            third = Daemon()
            third.generation = 9
            with serving(path, third.table):
                wait_until(lambda: len(third.services) == 1, 10, "again, for another daemon")

    def test_a_daemon_that_has_it_keeps_it(self, tmp_path: Path, daemon: Daemon) -> None:
        with agent(tmp_path) as (_process, urls):
            httpx.put(f"{urls[0]}{VS}", json={"SchedName": "rr"})
            httpx.put(f"{urls[0]}{VS}/rs", json=items(("198.51.100.1", 80, 70)))
        client = Client(str(tmp_path / "dpvs.ipc"))
        (entry,) = client.get_table()
        dest: Dest = entry.dests[0].dest
        client.del_dest(entry.status.service.key, dest)
        with agent(tmp_path, "--init-mode=local") as (_process, urls):
            (service,) = httpx.get(f"{urls[0]}/v2/vs").json()["Items"]
            assert service["RSs"] == {"Items": []}, "what an operator did meanwhile stays"


def test_an_agent_at_rest_costs_little(tmp_path: Path, daemon: Daemon) -> None:
    with agent(tmp_path) as (process, urls):
        httpx.get(f"{urls[0]}/v2/vs")
        with open(f"/proc/{process.pid}/statm") as statm:
            resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        assert resident < 150 << 20
