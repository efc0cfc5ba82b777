"""What one attempt of each checker does: from stated values to the checks of the model."""

from __future__ import annotations

from collections.abc import Mapping

from xdpvs.config.keepalived_conf.checker_keywords import CheckerSpec
from xdpvs.config.keepalived_conf.reading import Values
from xdpvs.model.check import (
    BodyRegex,
    Check,
    DnsCheck,
    FileCheck,
    HttpCheck,
    HttpVersion,
    PingCheck,
    ScriptCheck,
    SmtpCheck,
    TcpCheck,
    UdpCheck,
)
from xdpvs.model.service import ProxyProtocol
from xdpvs.model.vrrp import TrackFile

UDP_PAYLOAD = b"keepalived check - keepalived ch"
"""What UDP_CHECK sends where the file has no payload: 32 bytes, as DPVS's."""

_HTTP_PROXY = (ProxyProtocol.V1, ProxyProtocol.V2)


def checks_of(
    spec: CheckerSpec, host: str, proxy: ProxyProtocol, track_files: Mapping[str, TrackFile]
) -> tuple[Check, ...] | None:
    """The checks of a checker, run in turn; None if its track file is not defined.

    Of a service with PROXY protocol, HTTP checks send the header of v1 and v2, UDP checks that of v2 only.
    """
    stated = spec.stated
    match spec.kind:
        case "HTTP_GET" | "SSL_GET":
            header = proxy if proxy in _HTTP_PROXY else ProxyProtocol.OFF
            return tuple(_http(spec, url, url.get("host") or host, header) for url in stated.get("urls", ()))
        case "UDP_CHECK":
            return (
                UdpCheck(
                    stated.get("send", UDP_PAYLOAD),
                    stated.get("receive", b""),
                    require_reply=True,
                    min_length=stated.get("min_length", 0),
                    max_length=stated.get("max_length", 255),
                    proxy=proxy if proxy is ProxyProtocol.V2 else ProxyProtocol.OFF,
                ),
            )
        case "DNS_CHECK":
            return (DnsCheck(stated.get("name", "."), stated.get("record_type", "SOA")),)
        case "SMTP_CHECK":
            return (SmtpCheck(stated["helo_name"]) if "helo_name" in stated else SmtpCheck(),)
        case "MISC_CHECK":
            user, group = stated.get("user", ("", ""))
            return (ScriptCheck(stated.get("argv", ()), user, group, stated.get("dynamic", False)),)
        case "PING_CHECK":
            return (PingCheck(),)
        case "FILE_CHECK":
            file = track_files.get(stated.get("track_file", ""))
            if file is None:
                return None
            return (FileCheck(file.path, stated.get("weight", -file.weight if file.reverse else file.weight)),)
        case _:
            return (TcpCheck(),)


def _http(spec: CheckerSpec, url: Values, host: str, proxy: ProxyProtocol) -> HttpCheck:
    tls = spec.kind == "SSL_GET"
    regex = None
    if "regex" in url:
        regex = BodyRegex(
            url["regex"],
            url.get("regex_options", 0),
            url.get("regex_no_match", False),
            url.get("regex_min_offset", 0),
            url.get("regex_max_offset"),
        )
    name = spec.stated.get("sni_name") or (host if spec.stated.get("enable_sni") else "")
    return HttpCheck(
        read_to_end=True,
        path=url.get("path", "/"),
        host=host,
        version=spec.stated.get("version", HttpVersion.HTTP_1_0),
        status=url.get("status", ((200, 299),)),
        md5=url.get("md5", ""),
        regex=regex,
        tls=tls,
        tls_sni=name if tls else "",
        proxy=proxy,
    )
