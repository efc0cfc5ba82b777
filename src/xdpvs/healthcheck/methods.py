"""From a method's name and parameters to what one attempt does (upstream tools/healthcheck/pkg/checker)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from xdpvs.checkers.http_request import encode_request
from xdpvs.model.address import Protocol
from xdpvs.model.check import (
    Check,
    Endpoint,
    HttpCheck,
    HttpVersion,
    NoCheck,
    PingCheck,
    TcpCheck,
    UdpCheck,
    UdpPingCheck,
)
from xdpvs.model.service import ProxyProtocol

METHODS = {1: "none", 2: "tcp", 3: "udp", 4: "ping", 5: "udpping", 6: "http", 10000: "auto"}
"""Names by the numbers the configuration file uses."""

USER_AGENT = "xdpvs-healthcheck"
_HTTP_METHODS = ("GET", "PUT", "POST", "HEAD")
_YES = {"yes": True, "true": True, "no": False, "false": False}
_PROXY = {"v1": ProxyProtocol.V1, "v2": ProxyProtocol.V2}
_PARAMS = {
    "none": frozenset[str](),
    "ping": frozenset[str](),
    "tcp": frozenset(("send", "receive", "proxy-protocol")),
    "udp": frozenset(("send", "receive", "proxy-protocol")),
    "udpping": frozenset(("send", "receive", "proxy-protocol")),
    "http": frozenset(
        (
            "method",
            "host",
            "uri",
            "https",
            "tls-verify",
            "proxy",
            "proxy-protocol",
            "request-headers",
            "request",
            "response-codes",
            "response",
        )
    ),
}


def resolve_auto(method: str, protocol: Protocol) -> str:
    """The method behind `auto`: tcp for TCP, udpping for UDP."""
    if method != "auto":
        return method
    return "tcp" if protocol is Protocol.TCP else "udpping"


def build_check(method: str, params: Mapping[str, str], proxy: ProxyProtocol = ProxyProtocol.OFF) -> Check:
    """The check of a method other than auto; ValueError names the parameter that is wrong.

    proxy is the service's: its servers want the PROXY header first, unless a parameter says which one.
    """
    unknown = sorted(set(params) - _PARAMS[method])
    if unknown:
        raise ValueError(f"method {method} has no parameter {unknown[0]}")
    proxy = _PROXY.get(params.get("proxy-protocol", ""), proxy)
    if "proxy-protocol" in params and params["proxy-protocol"] not in _PROXY:
        raise ValueError(f"proxy-protocol is v1 or v2, not {params['proxy-protocol']!r}")
    match method:
        case "none":
            return NoCheck()
        case "ping":
            return PingCheck()
        case "tcp":
            return TcpCheck(_bytes(params, "send"), _bytes(params, "receive"), proxy)
        case "udp":
            return _udp(params, proxy)
        case "udpping":
            return UdpPingCheck(_udp(params, proxy))
        case _:
            return _http(params, proxy)


def _bytes(params: Mapping[str, str], name: str) -> bytes:
    if name in params and not params[name]:
        raise ValueError(f"{name} is empty")
    return params.get(name, "").encode()


def _udp(params: Mapping[str, str], proxy: ProxyProtocol) -> UdpCheck:
    if params.get("proxy-protocol") == "v1":
        raise ValueError("proxy-protocol of UDP is v2")
    receive = _bytes(params, "receive")
    # Version 1 has no form for datagrams.
    header = proxy if proxy is ProxyProtocol.V2 else ProxyProtocol.OFF
    check = UdpCheck(_bytes(params, "send"), receive, require_reply=bool(receive), proxy=header)
    return replace(check, min_length=len(receive)) if receive else check


def _http(params: Mapping[str, str], proxy: ProxyProtocol) -> HttpCheck:
    method = params.get("method", "GET")
    if method not in _HTTP_METHODS:
        raise ValueError(f"method is one of {' '.join(_HTTP_METHODS)}, not {method!r}")
    if _flag(params, "proxy", False):
        raise ValueError("proxy: checks through an HTTP proxy are not supported")
    uri = urlsplit(params.get("uri", "/"))
    host = params.get("host") or uri.netloc
    path = (uri.path or "/") + (f"?{uri.query}" if uri.query else "")
    if not path.startswith("/"):
        raise ValueError(f"uri {params.get('uri')!r} does not start with /")
    check = HttpCheck(
        path=path,
        method=method,
        host=host,
        version=HttpVersion.HTTP_1_1,
        headers=_headers(params.get("request-headers", "")),
        user_agent=USER_AGENT,
        request_body=params.get("request", "").encode(),
        status=_codes(params.get("response-codes", "200-499")),
        body_prefix=params.get("response", "").encode(),
        tls=_flag(params, "https", uri.scheme == "https"),
        tls_verify=_flag(params, "tls-verify", True),
        tls_sni=urlsplit(f"//{host}").hostname or "",
        proxy=proxy,
    )
    # What cannot be worded is a mistake of the file, not of a server.
    encode_request(check, Endpoint(IPv4Address(0), 80))
    return check


def _flag(params: Mapping[str, str], name: str, default: bool) -> bool:
    if name not in params:
        return default
    if params[name].lower() not in _YES:
        raise ValueError(f"{name} is yes or no, not {params[name]!r}")
    return _YES[params[name].lower()]


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in filter(None, text.split(";;")):
        name, separator, value = part.partition("::")
        if not separator or not name.strip():
            raise ValueError(f"request-headers: {part!r} is not NAME::VALUE")
        found.append((name.strip(), value.strip()))
    return tuple(found)


def _codes(text: str) -> tuple[tuple[int, int], ...]:
    ranges = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(f"response-codes: {part.strip()!r} is not N or N-N")
        low, high = int(first), int(last or first)
        if not 100 <= low <= high <= 599:
            raise ValueError(f"response-codes: {part.strip()!r} is not within 100-599")
        ranges.append((low, high))
    return tuple(ranges)
