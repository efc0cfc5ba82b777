"""dpvs-agent over HTTP: the list, the reports, addresses of DPVS's devices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from pathlib import Path

from xdpvs.healthcheck.http_client import HttpClient, HttpTrouble, Response
from xdpvs.healthcheck.listing import BadListing, ListedService, parse_listing, parse_service
from xdpvs.healthcheck.service import Report, ReportedServer
from xdpvs.model.address import IPAddress

LIST_TIMEOUT_S = 10.0
SLICE = 200
"""So many servers are dealt with before checks get their turn."""
_SHOWN = 120


class AgentTrouble(Exception):
    """No usable answer; the text says what happened."""


class AgentAway(AgentTrouble):
    """No answer at all."""


class BadCredentials(Exception):
    """A token or certificate file that cannot be used."""


def read_token(path: str) -> str:
    """The bearer token in a file, which only its owner should be able to read."""
    try:
        token = Path(path).read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise BadCredentials(f"-auth-token-file {path}: {getattr(error, 'strerror', None) or 'not ASCII'}") from None
    if not token or any(character.isspace() for character in token):
        raise BadCredentials(f"-auth-token-file {path}: no token in it")
    return token


def trust(path: str) -> ssl.SSLContext:
    """What is trusted: the certificates in a file, or without one the system's."""
    try:
        return ssl.create_default_context(cafile=path or None)
    except (OSError, ssl.SSLError) as error:
        raise BadCredentials(f"-agent-ca-file {path}: {error.strerror or error}") from None


class AgentClient:
    """An agent by its base URL. The token is sent as a header and never logged."""

    def __init__(self, url: str, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = HttpClient(url, headers, tls)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def services(self) -> tuple[list[ListedService], list[str]]:
        """All services, and what was wrong with entries that had to be left out.

        Long lists are read piece by piece: checks go on meanwhile.
        """
        response = await self._ask("GET", "/v2/vs?operatorWeight=true", LIST_TIMEOUT_S)
        if response.status != 200:
            raise AgentTrouble(f"GET /v2/vs: {_refusal(response)}")
        try:
            entries = parse_listing(response.body)
        except BadListing as error:
            raise AgentTrouble(f"GET /v2/vs: {error}") from None
        services: list[ListedService] = []
        warnings: list[str] = []
        seen = 0
        for service, complaints in entries:
            warnings += complaints
            if service is not None:
                services.append(service)
            seen += 1 if service is None else 1 + len(service.servers)
            if seen >= SLICE:
                seen = 0
                await asyncio.sleep(0)
        return services, warnings

    async def report(self, report: Report, timeout_s: float) -> ListedService | None:
        """Send a report: None when it was taken, the service as the agent has it where the version was another."""
        base = f"/v2/vs/{report.service.wire}/rs"
        if report.version is None:
            path = f"{base}?healthcheck=true"
        else:
            path = f"{base}/health?version={report.version}&operatorWeight=true"
        items = [_item(each, versioned=report.version is not None) for each in report.servers]
        response = await self._ask("PUT", path, timeout_s, {"Items": items})
        if response.status == 200:
            return None
        if report.version is not None:
            with contextlib.suppress(BadListing):
                service = parse_service(response.body)[0]
                if service.id == report.service:
                    return service
        raise AgentTrouble(f"PUT {base}: {_refusal(response)}")

    async def set_address(self, device: str, address: IPAddress, *, present: bool, timeout_s: float) -> None:
        """Put an address on a device of DPVS, or take it off."""
        path = f"/v2/device/{device}/addr"
        response = await self._ask("PUT" if present else "DELETE", path, timeout_s, {"addr": str(address)})
        if response.status != 200:
            raise AgentTrouble(f"{path}: {_refusal(response)}")

    async def _ask(self, method: str, path: str, timeout_s: float, body: object = None) -> Response:
        content = b"" if body is None else json.dumps(body).encode()
        try:
            return await self._http.request(method, path, content, timeout_s)
        except HttpTrouble as error:
            raise AgentAway(f"{method} {path.partition('?')[0]}: {error}") from None


def _item(server: ReportedServer, *, versioned: bool) -> dict[str, object]:
    address, port = server.key
    item: dict[str, object] = {"ip": str(address), "port": port, "weight": server.weight}
    if versioned or not server.up:
        item["inhibited"] = not server.up
    return item


def _refusal(response: Response) -> str:
    text = " ".join(response.body[: 2 * _SHOWN].decode(errors="replace").split())[:_SHOWN]
    return f"{response.status} {text}".strip()
