"""The command line of both generations: which one is spoken, and with what values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from xdpvs.healthcheck.flag_table import DEFAULT_FILE, FLAGS, PROGRAM, TITLES
from xdpvs.healthcheck.flags import FlagError, Generation, Value, parse_flags, usage
from xdpvs.model.address import IPAddress
from xdpvs.model.check import Endpoint

_LEVELS = {"INFO": 0, "WARNING": 1, "ERROR": 2, "FATAL": 3}
MIN_INTERVAL_S = 0.01
_INTERVALS = (
    *("fetch_interval", "notify_interval", "check_interval", "check_timeout"),
    *("dpvs-service-list-interval", "config-reload-interval"),
)
_COUNTS = (
    *("check_retry", "channel_size", "checker-notify-channel-size", "vs-notify-channel-size"),
    *("metric-notify-channel-size", "v"),
)
_DEVICE_NAME_LENGTH = 15


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where the log goes. stderr_threshold is glog's: 0 INFO to 3 FATAL."""

    directory: str = ""
    to_stderr: bool = False
    also_to_stderr: bool = False
    stderr_threshold: int = 2
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """How checks leave this host; None and empty: as the kernel's routes say."""

    source4: IPAddress | None = None
    source6: IPAddress | None = None
    device: str = ""

    def endpoint(self, address: IPAddress, port: int) -> Endpoint:
        """A server, reached this way."""
        return Endpoint(address, port, self.source4 if address.version == 4 else self.source6, device=self.device)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. The check_ and notify_ values, auto_method and dry_run are generation A's."""

    generation: Generation
    agent_url: str
    fetch_interval_s: float
    auto_method: bool
    notify_interval_s: float
    check_interval_s: float
    check_timeout_s: float
    check_retry: int
    dry_run: bool
    config_file: str
    config_named: bool
    """Whether the file was named, so that it has to be there."""
    reload_interval_s: float
    status_address: str
    metrics_uri: str
    conf_uri: str
    conf_check_uri: str
    token_file: str
    ca_file: str
    way: Way
    log: LogOptions


def usage_text() -> str:
    """What -help prints."""
    return usage(PROGRAM, FLAGS, TITLES)


def parse_options(argv: Sequence[str]) -> Options:
    """FlagError says what is wrong; HelpWanted is raised for -help."""
    given = parse_flags(argv, FLAGS)
    generation = _generation(given)
    values: dict[str, Value] = {flag.name: flag.default for flag in FLAGS} | given
    if values["lb_iface_type"] != "dpvs-agent":
        raise FlagError(f'invalid value "{values["lb_iface_type"]}" for flag -lb_iface_type: only dpvs-agent is known')
    a = generation is Generation.A
    for name in _INTERVALS:
        if _duration(values, name) < MIN_INTERVAL_S:
            raise FlagError(f"invalid value for flag -{name}: it must be 10ms or more")
    for name in _COUNTS:
        if int(values[name]) < 0:
            raise FlagError(f'invalid value "{values[name]}" for flag -{name}: it must not be negative')
    for name in ("status-addr", "metric-server-addr"):
        if _text(values, name):
            try:
                listen_address(_text(values, name))
            except ValueError as error:
                raise FlagError(f'invalid value "{values[name]}" for flag -{name}: {error}') from None
    for name in ("metric-server-uri", "conf-uri", "conf-check-uri"):
        if not _text(values, name).startswith("/"):
            raise FlagError(f'invalid value "{values[name]}" for flag -{name}: a path starts with /')
    agent = "lb_iface_addr" if a else "dpvs-agent-addr"
    default = next(str(flag.default) for flag in FLAGS if flag.name == agent)
    return Options(
        generation=generation,
        agent_url=agent_url(_text(values, agent) or default, agent),
        fetch_interval_s=_duration(values, "fetch_interval" if a else "dpvs-service-list-interval"),
        auto_method=bool(values["lb_auto_method"]),
        notify_interval_s=_duration(values, "notify_interval"),
        check_interval_s=_duration(values, "check_interval"),
        check_timeout_s=_duration(values, "check_timeout"),
        check_retry=int(values["check_retry"]),
        dry_run=bool(values["dry_run"]),
        config_file="" if a else _text(values, "config-file") or DEFAULT_FILE,
        config_named=bool(given.get("config-file")),
        reload_interval_s=_duration(values, "config-reload-interval"),
        status_address=_text(values, "status-addr") or ("" if a else _text(values, "metric-server-addr")),
        metrics_uri=_text(values, "metric-server-uri"),
        conf_uri=_text(values, "conf-uri"),
        conf_check_uri=_text(values, "conf-check-uri"),
        token_file=_text(values, "auth-token-file"),
        ca_file=_text(values, "agent-ca-file"),
        way=_way(values),
        log=_log(values),
    )


def agent_url(text: str, flag: str) -> str:
    """A base URL without a slash at its end. A host that is left out is this one."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if scheme not in ("http", "https"):
        raise FlagError(f'invalid value "{text}" for flag -{flag}: neither http nor https')
    rest = rest.rstrip("/")
    host, colon, port = rest.rpartition(":")
    if "/" in rest or "@" in rest or (colon and not port.endswith("]") and not _is_port(port)):
        raise FlagError(f'invalid value "{text}" for flag -{flag}: not HOST:PORT')
    if host.count(":") and not host.startswith("["):
        raise FlagError(f'invalid value "{text}" for flag -{flag}: an IPv6 address stands in brackets')
    return f"{scheme}://127.0.0.1{rest}" if rest.startswith(":") else f"{scheme}://{rest}"


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; without a host the loopback's. ValueError otherwise."""
    host, colon, port = text.rpartition(":")
    if not colon or not _is_port(port):
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _way(values: Mapping[str, Value]) -> Way:
    sources: dict[int, IPAddress] = {}
    for text in filter(None, _text(values, "source-addr").split(",")):
        try:
            address = ip_address(text.strip())
        except ValueError:
            raise FlagError(f'invalid value "{text}" for flag -source-addr: no IP address') from None
        if address.version in sources:
            raise FlagError(f'invalid value "{text}" for flag -source-addr: two of one family')
        sources[address.version] = address
    device = _text(values, "bind-device")
    if len(device) > _DEVICE_NAME_LENGTH or "/" in device or device != device.strip():
        raise FlagError(f'invalid value "{device}" for flag -bind-device: no name of a network device')
    return Way(sources.get(4), sources.get(6), device)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535


def _generation(given: Mapping[str, Value]) -> Generation:
    named = {generation: _first(given, generation) for generation in Generation}
    if named[Generation.A] and named[Generation.C]:
        raise FlagError(f"-{named[Generation.A]} (v1.9) and -{named[Generation.C]} (v1.10) do not go together")
    return Generation.C if named[Generation.C] else Generation.A


def _first(given: Mapping[str, Value], generation: Generation) -> str:
    return next((flag.name for flag in FLAGS if flag.generation is generation and flag.name in given), "")


def _log(values: Mapping[str, Value]) -> LogOptions:
    level = _text(values, "stderrthreshold").upper()
    number = _LEVELS.get(level, int(level) if level in ("0", "1", "2", "3") else -1)
    if number < 0:
        raise FlagError(f'invalid value "{level}" for flag -stderrthreshold: INFO, WARNING, ERROR or FATAL')
    return LogOptions(
        directory=_text(values, "log_dir"),
        to_stderr=bool(values["logtostderr"]),
        also_to_stderr=bool(values["alsologtostderr"]),
        stderr_threshold=number,
        verbose=bool(values["debug"]) or int(values["v"]) > 0,
    )


def _text(values: Mapping[str, Value], name: str) -> str:
    return str(values[name])


def _duration(values: Mapping[str, Value], name: str) -> float:
    return float(values[name])
