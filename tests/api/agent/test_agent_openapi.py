"""The API's description: complete, served with its page, and true (schemathesis tries it)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.agent import Agent, running
from xdpvs.agent.endpoints import ENDPOINTS

EXAMPLES = 12
CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]


def test_it_is_served_without_the_internet(agent: Agent) -> None:
    page = agent.call("GET", "/v2/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"http" not in page.body.replace(b"http-equiv", b"")
    for part in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"):
        assert f"/v2/docs/{part}".encode() in page.body
        assert agent.call("GET", f"/v2/docs/{part}").status == 200
    for part in ("nosuch.js", "..%2f..%2f__init__.py", "index.html"):
        assert agent.call("GET", f"/v2/docs/{part}").status == 404
    assert agent.get("/openapi.json") == agent.get("/swagger.json")


def test_it_is_complete(agent: Agent) -> None:
    document = agent.get("/openapi.json")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert set(document["components"]["schemas"]) >= {"VirtualServerSpecTiny", "VirtualServerSpecExpand", "Error"}


def _reachable(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each.rpartition("/")[2]
            yield from _reachable(each)
    elif isinstance(value, list):
        for each in value:
            yield from _reachable(each)


def test_every_reference_leads_somewhere(agent: Agent) -> None:
    document = agent.get("/openapi.json")
    assert set(_reachable(document)) <= set(document["components"]["schemas"])


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The document of an agent that has something to show."""
    with running(tmp_path_factory.mktemp("agent")) as agent:
        agent.call("PUT", "/v2/vs/192.0.2.1-80-tcp", {})
        agent.call("PUT", "/v2/vs/192.0.2.1-80-tcp/rs", {"Items": [{"ip": "198.51.100.1", "port": 80, "weight": 1}]})
        agent.call("PUT", "/v2/device/dpdk0/addr", {"addr": "192.0.2.1/24"})
        yield schemathesis.openapi.from_url(f"{agent.url}/openapi.json")


KNOWN = {"VipPort": "192.0.2.1-80-tcp", "name": "dpdk0"}


def check(case: Any) -> None:
    """One example: what the document promises holds, and a 5xx has one of the reference's statuses and a reason."""
    response = case.call(timeout=30)
    case.validate_response(response, checks=CHECKS)
    if response.status_code >= 500:
        assert response.status_code in (500, 501, 503), response
        assert "internal error" not in response.text
        assert response.json()


@pytest.mark.parametrize(("method", "path"), [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS])
def test_it_is_true(described: Any, method: str, path: str) -> None:
    operation = described[path][method]

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(), known=booleans())
    def try_it(case: Any, known: bool) -> None:
        # Half of the examples are about what is there; the machine's own interfaces are left alone.
        if "/netlink" in path:
            case.path_parameters["name"] = "lo" if method == "GET" and known else "nosuch0"
        elif known:
            case.path_parameters.update({name: value for name, value in KNOWN.items() if f"{{{name}}}" in path})
        check(case)

    try_it()
