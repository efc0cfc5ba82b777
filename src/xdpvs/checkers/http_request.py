"""The request of an HTTP check, worded as keepalived words it."""

from __future__ import annotations

import re

from xdpvs.model.check import Endpoint, HttpCheck, HttpVersion

_FORBIDDEN = re.compile(r"[\r\n\0]")
_WITH_BODY = ("POST", "PUT", "PATCH")


def encode_request(check: HttpCheck, endpoint: Endpoint) -> bytes:
    """Request line, User-Agent, Connection (as the version wants it), the check's headers, Host, and the body.

    A header of the check takes the place of ours. Raises ValueError where a part would break out of its line.
    """
    given = {name.lower() for name, _ in check.headers}
    ours = [("User-Agent", check.user_agent)] if check.user_agent else []
    if check.version != HttpVersion.HTTP_1_0:
        ours.append(("Connection", "close"))
    ours += check.headers
    ours.append(("Host", check.host or host_of(endpoint)))
    if check.request_body or check.method in _WITH_BODY:
        ours.append(("Content-Length", str(len(check.request_body))))
    number = "1.1" if check.version == HttpVersion.HTTP_1_1 else "1.0"
    lines = [f"{check.method} {check.path} HTTP/{number}"]
    lines += [f"{name}: {value}" for name, value in ours if (name, value) in check.headers or name.lower() not in given]
    for line in lines:
        if _FORBIDDEN.search(line):
            raise ValueError(f"a line break or NUL inside {line!r}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + check.request_body


def host_of(endpoint: Endpoint) -> str:
    """The Host header of a server without a name: address and port, the port always there."""
    text = str(endpoint.address).partition("%")[0]
    return f"[{text}]:{endpoint.port}" if endpoint.address.version == 6 else f"{text}:{endpoint.port}"
