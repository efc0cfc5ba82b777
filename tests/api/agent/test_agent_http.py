"""What is the same for every path: media types, sizes, methods, JSON, and go-openapi's errors to the letter."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.wait import wait_until
from tests.support.agent import Agent, Daemon, agent_over, items, running
from xdpvs.agent.endpoints import ENDPOINTS
from xdpvs.agent.http import Limits

VS = "/v2/vs/192.0.2.1-80-tcp"


def error(status: int, message: str, code: int | None = None) -> tuple[int, bytes]:
    """A framework error: no newline at its end."""
    return status, json.dumps({"code": code or status, "message": message}, separators=(",", ":")).encode()


def refusal(agent: Agent, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of a request, which must be JSON."""
    reply = agent.call(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    assert reply.headers["content-type"] == "application/json"
    json.loads(reply.body)
    return reply.status, reply.body


def test_unknown_paths(agent: Agent) -> None:
    assert refusal(agent, "GET", "/v2/nosuch") == error(404, "path /v2/nosuch was not found")
    assert refusal(agent, "GET", "/") == error(404, "path / was not found")
    assert refusal(agent, "GET", f"{VS}/rs/health/more") == error(404, f"path {VS}/rs/health/more was not found")
    assert refusal(agent, "GET", "/v2/docs/../metrics") == error(404, "path /v2/docs/../metrics was not found")


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "PROPFIND"])
def test_other_methods(agent: Agent, method: str) -> None:
    reply = agent.call(method, "/v2/vs")
    assert (reply.status, reply.body) == error(405, f"method {method} is not allowed, but [GET] are")
    assert reply.headers["allow"] == "GET"
    reply = agent.call(method, f"{VS}/rs")
    assert reply.headers["allow"] == "DELETE, GET, POST, PUT"


def test_head_is_no_method_either(agent: Agent) -> None:
    reply = agent.call("HEAD", VS)
    assert (reply.status, reply.body, reply.headers["allow"]) == (405, b"", "DELETE, GET, PUT")


def test_one_slash_at_the_end_is_nothing_and_no_redirect(agent: Agent) -> None:
    assert agent.call("GET", "/v2/vs/").status == 200
    assert agent.call("PUT", f"{VS}/", {}).status == 201
    assert agent.call("GET", "/v2/vs//").status in (200, 404)


def test_percent_encoding(agent: Agent) -> None:
    assert agent.call("PUT", "/v2/vs/2001%3Adb8%3A%3A1-80-tcp", {}).status == 201
    assert agent.service("2001:db8::1-80-TCP")["Addr"] == "2001:db8::1"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json5", ""])
def test_bodies_of_another_type(agent: Agent, content_type: str) -> None:
    assert refusal(agent, "PUT", VS, b"{}", Content_Type=content_type) == error(
        415, f'unsupported media type "{content_type}", only [application/json] are allowed'
    )
    assert agent.get("/v2/vs") == {"Items": []}


def test_types_of_bodies_have_any_case_and_parameters(agent: Agent) -> None:
    headers = {"content-TYPE": "Application/JSON; charset=utf-8"}
    assert agent.call("PUT", VS, b"{}", headers).status == 201
    assert agent.call("PUT", VS).status == 200, "no body needs no type"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/json", 200),
        ("text/html, application/*;q=0.5", 200),
        ("", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
    ],
)
def test_what_clients_take(agent: Agent, accept: str, status: int) -> None:
    reply = agent.call("GET", "/v2/vs", headers={"Accept": accept})
    assert reply.status == status
    if status == 406:
        message = "unsupported media type requested, only [application/json] are available"
        assert (reply.status, reply.body) == error(406, message)


def test_keys_in_any_case_and_the_last_one_wins(agent: Agent) -> None:
    agent.call("PUT", VS, b'{"SchedName":"rr","schedname":"wlc","SCHEDNAME":"conhash"}')
    assert agent.service("192.0.2.1-80-tcp")["SchedName"] == "conhash"
    body = b'{"ITEMS":[{"IP":"198.51.100.1","Port":80,"WEIGHT":1,"weight":2,"WEIGHT":3,"Inhibited":true}]}'
    assert agent.call("PUT", f"{VS}/rs", body).status == 200
    spec = agent.server("192.0.2.1-80-tcp", "198.51.100.1")
    assert (spec["weight"], spec["inhibited"]) == (3, True)


@pytest.mark.parametrize("body", [b"null", b"{}", b'{"SchedName":null}', b'{"SchedName":""}', b'{"nosuch":[{}]}'])
def test_null_is_absent_and_unknown_keys_are_ignored(agent: Agent, body: bytes) -> None:
    assert agent.call("PUT", VS, body).status == 201
    assert agent.service("192.0.2.1-80-tcp")["SchedName"] == "wrr"


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (b'{"port":"80"}', "Items.0.port"),
        (b'{"port":70000}', "Items.0.port"),
        (b'{"port":-1}', "Items.0.port"),
        (b'{"port":1.5}', "Items.0.port"),
        (b'{"port":1e2}', "Items.0.port"),
        (b'{"port":true}', "Items.0.port"),
        (b'{"weight":65536}', "Items.0.weight"),
        (b'{"ip":1}', "Items.0.ip"),
        (b'{"inhibited":"yes"}', "Items.0.inhibited"),
        (b'{"inhibited":1}', "Items.0.inhibited"),
        (b"null", "Items.0"),
        (b"[]", "Items.0"),
        (b'{"ip":"198.51.100.1"},{"ip":{}}', "Items.1.ip"),
    ],
)
def test_wrong_types_name_their_field(agent: Agent, item: bytes, field: str) -> None:
    agent.call("PUT", VS, {})
    before = agent.get("/v2/vs")
    status, body = refusal(agent, "PUT", f"{VS}/rs", b'{"Items":[' + item + b"]}")
    assert status == 400
    assert json.loads(body)["message"].startswith(f'parsing rss body from "" failed, because {field}: ')
    assert agent.get("/v2/vs") == before


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{]",
        b"\xff\xfe",
        b'{"SchedName":"rr"}x',
        b"[" * 100_000,
        b'{"Bps":' + b"9" * 10_000 + b"}",
        b'{"Bps":NaN}',
        b"1",
        b'"x"',
        b"[]",
    ],
)
def test_what_is_no_json(agent: Agent, body: bytes) -> None:
    status, text = refusal(agent, "PUT", VS, body)
    assert status == 400
    assert json.loads(text)["message"].startswith('parsing spec body from "" failed, because ')
    assert agent.get("/v2/vs") == {"Items": []}


def test_words_that_are_none(agent: Agent) -> None:
    assert refusal(agent, "PUT", VS, {"SchedName": "mh"}) == error(
        422, "SchedName in body should be one of [rr wrr wlc conhash]", 606
    )
    assert refusal(agent, "PUT", f"{VS}/rs", {"Items": [{"mode": "FullNAT"}]}) == error(
        422, "Items.0.mode in body should be one of [FNAT SNAT DR TUNNEL NAT]", 606
    )
    assert refusal(agent, "PUT", "/v2/device/dpdk0/nic?promisc=maybe") == error(
        422, "promisc in query should be one of [unset on off]", 606
    )
    assert refusal(agent, "PUT", f"{VS}/rs/health", {}) == error(422, "version in query is required", 602)
    assert refusal(agent, "PUT", "/v2/ipset/x", {"Name": "x"}) == error(422, "Type in body is required", 602)
    assert refusal(agent, "PUT", "/v2/ipset/x", {"Name": "x" * 33, "Type": "hash:ip"})[1].startswith(b'{"code":603,')
    assert refusal(agent, "PUT", "/v2/ipset/x", {"Name": "", "Type": "hash:ip"})[1].startswith(b'{"code":604,')


def test_unpaired_surrogates_come_back_as_something_else(agent: Agent) -> None:
    status, body = refusal(agent, "PUT", f"{VS}/laddr", b'{"addr":"\\ud800"}')
    assert status == 400
    assert b"addr in body" in body


def test_nothing_of_a_failure_s_inside_is_told(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.parts.table.control.client, "get_table", lambda: 1 / 0)
    status, body = refusal(agent, "GET", "/v2/vs")
    assert (status, body) == error(500, "internal error, see the agent's log")


class TestLimits:
    """Clients that want too much."""

    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Agent]:
        with running(tmp_path, limits=Limits(body_bytes=1000, body_timeout_s=0.5, threads=2, waiting=4)) as started:
            yield started

    def test_large_bodies(self, small: Agent) -> None:
        wanted = error(413, "the body has more than 1000 bytes")
        assert refusal(small, "PUT", VS, b" " * 1001) == wanted
        assert small.get("/v2/vs") == {"Items": []}
        assert small.call("PUT", VS, b"{}" + b" " * 998).status == 201

    def test_large_bodies_of_unknown_length(self, small: Agent) -> None:
        with socket.create_connection(("127.0.0.1", small.port), 10) as client:
            client.sendall(
                f"PUT {VS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode()
                + b"400\r\n"
                + b" " * 0x400
                + b"\r\n"
            )
            assert client.recv(100).startswith(b"HTTP/1.1 413")

    def test_bodies_that_do_not_come(self, small: Agent) -> None:
        with socket.create_connection(("127.0.0.1", small.port), 10) as client:
            client.sendall(
                f"PUT {VS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n".encode()
            )
            assert client.recv(100).startswith(b"HTTP/1.1 408")

    def test_clients_that_leave(self, small: Agent) -> None:
        with socket.create_connection(("127.0.0.1", small.port), 10) as client:
            client.sendall(f"PUT {VS} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n".encode())
        assert small.get("/v2/vs") == {"Items": []}

    def test_no_more_than_so_many_wait(self, tmp_path: Path) -> None:
        release = threading.Event()
        limits = Limits(threads=1, waiting=3)
        with running(tmp_path, limits=limits) as busy:
            client = busy.parts.table.control.client
            ask = client.get_table
            client.get_table = lambda: release.wait(20) and ask()  # type: ignore[method-assign,assignment,return-value]
            with ThreadPoolExecutor(8) as pool:
                calls = [pool.submit(busy.call, "GET", "/v2/vs") for _ in range(8)]
                try:
                    wait_until(lambda: sum(call.done() for call in calls) == 5, 10, "five are turned away")
                finally:
                    release.set()
                replies = [call.result(20) for call in calls]
        assert sorted(reply.status for reply in replies) == [200] * 3 + [503] * 5


class TestStrict:
    """`--strict`."""

    @pytest.fixture
    def strict(self, tmp_path: Path) -> Iterator[Agent]:
        with running(tmp_path, strict=True) as started:
            yield started

    def test_unknown_fields_are_named(self, strict: Agent) -> None:
        assert refusal(strict, "PUT", VS, {"SchedName": "rr", "schedule": 1}) == error(
            400, "schedule in body: unknown field"
        )
        assert strict.get("/v2/vs") == {"Items": []}
        assert strict.call("PUT", VS, {"schedname": "rr"}).status == 201
        assert refusal(strict, "PUT", f"{VS}/rs", {"Items": [{"ip": "198.51.100.1", "wieght": 1}]}) == error(
            400, "wieght in body: unknown field"
        )


def test_unknown_fields_are_logged(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    agent.call("PUT", VS, {"schedule": 1})
    assert "unknown field in body ignored: schedule" in caplog.text


class TestWithoutDaemon:
    """Every path answers with the reference's status, and at once."""

    @pytest.fixture
    def alone(self, tmp_path: Path) -> Iterator[Agent]:
        with agent_over(tmp_path / "nobody.ipc", Daemon()) as started:
            yield started

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("GET", "/v2/vs", None, 503),
            ("GET", VS, None, 503),
            ("PUT", VS, {}, 461),
            ("DELETE", VS, None, 500),
            ("GET", f"{VS}/rs", None, 503),
            ("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 1)), 461),
            ("PUT", f"{VS}/rs?healthcheck=true", items(("198.51.100.1", 80, 1)), 461),
            ("POST", f"{VS}/rs", items(("198.51.100.1", 80, 1)), 500),
            ("DELETE", f"{VS}/rs", items(("198.51.100.1", 80, 1)), 500),
            ("PUT", f"{VS}/rs/health?version=1", items(("198.51.100.1", 80, 1)), 461),
            ("GET", f"{VS}/laddr", None, 503),
            ("PUT", f"{VS}/laddr", {"addr": "192.0.2.200", "device": "dpdk0"}, 500),
            ("DELETE", f"{VS}/laddr", {"addr": "192.0.2.200", "device": "dpdk0"}, 500),
            ("PUT", f"{VS}/deny", {"Items": [{"addr": "192.0.2.9"}]}, 461),
            ("PUT", "/v2/device/dpdk0/addr", {"addr": "192.0.2.9"}, 500),
            ("DELETE", "/v2/device/dpdk0/addr", {"addr": "192.0.2.9"}, 500),
            ("PUT", "/v2/device/dpdk0/route", {"dst": "192.0.2.9"}, 500),
            ("PUT", "/v2/device/dpdk0.102/vlan", {}, 500),
            ("DELETE", "/v2/device/dpdk0.102/vlan", None, 500),
            ("GET", "/v2/device/dpdk0/nic", None, 500),
            ("PUT", "/v2/device/dpdk0/nic?promisc=on", None, 500),
            ("GET", "/v2/ipset", None, 500),
            ("GET", "/v2/conns", None, 503),
            ("GET", "/v2/conns/count", None, 503),
        ],
    )
    def test_statuses(self, alone: Agent, method: str, path: str, body: object, status: int) -> None:
        reply = alone.call(method, path, body)
        assert reply.status == status
        assert "the daemon cannot be reached: No such file or directory" in reply.json()

    def test_a_daemon_that_comes_later_is_found(self, tmp_path: Path) -> None:
        with agent_over(tmp_path / "dpvs.ipc", Daemon()) as early:
            assert early.call("PUT", VS, {}).status == 461
            with running(tmp_path):
                assert early.call("PUT", VS, {}).status == 201


def test_a_daemon_that_hangs_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "dpvs.ipc"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(path))
        silent.listen(64)
        with agent_over(path, Daemon(), timeout_s=0.3) as agent:
            for method, where, status in (("GET", "/v2/vs", 503), ("PUT", VS, 461), ("GET", "/metrics", 200)):
                assert agent.call(method, where).status == status
            assert "the daemon did not answer" in agent.call("GET", "/v2/vs").json()


def test_every_endpoint_is_answered_by_upstream_s_name(agent: Agent) -> None:
    assert len({endpoint.operation for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)
