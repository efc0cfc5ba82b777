"""The commands that show something: -l, -S, -G, -B, -W.

Modules that one of them alone needs are imported there: -l is what scripts call every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from xdpvs.ipvsadm.environment import Environment
from xdpvs.ipvsadm.errors import FAILED_STATUS, ListingFailed, UsageError
from xdpvs.ipvsadm.failures import RequestFailure, code, line, reason
from xdpvs.ipvsadm.options import Command, Tracked
from xdpvs.ipvsadm.request import Request
from xdpvs.ipvsadm.services import View, render_service, title
from xdpvs.ipvsadm.table import COUNT_LIMIT, Row, fetch_rows
from xdpvs.model.service import AclEntry, DaemonInfo

_VIEWS = (
    (Tracked.STATS, View.STATS),
    (Tracked.RATE, View.RATE),
    (Tracked.THRESHOLDS, View.THRESHOLDS),
    (Tracked.PERSISTENT_CONN, View.PERSISTENT),
)
_COUNTERS = {Tracked.STATS, Tracked.RATE, Tracked.THRESHOLDS}
_DEAD = {Tracked.TIMEOUT, Tracked.DAEMON}


def show(request: Request, info: DaemonInfo, env: Environment) -> int:
    """Carries out a listing command; a refused request ends the run with status 1, whatever was printed stays."""
    try:
        return SHOWERS[request.command](request, info, env)
    except RequestFailure as error:
        env.complain(line(error))
        raise ListingFailed(reason(error)) from None


def _list(request: Request, info: DaemonInfo, env: Environment) -> int:
    given = request.given
    counted_conns = Tracked.CONNECTION in given and given & _COUNTERS
    if counted_conns or (given & _DEAD and given & (_COUNTERS | {Tracked.PERSISTENT_CONN})):
        raise UsageError("options conflicts in the list command")
    if Tracked.CONNECTION in given:
        _list_connections(request, env)
    elif Tracked.SERVICE in given:
        _list_service(request, env)
    elif given & _DEAD:
        raise ListingFailed(None)
    else:
        list_all(request, info, env)
    return 0


def list_all(request: Request, info: DaemonInfo, env: Environment) -> None:
    """All services. The header goes out before anything is asked."""
    version = info.version
    triple = f"{version >> 16 & 0xFF}.{version >> 8 & 0xFF}.{version & 0xFF}"
    env.stdout.write(f"IP Virtual Server version {triple} (size={info.size})\n")
    rows = _rows(request, info, env)
    env.stdout.write(title(_view(request)))
    _print_rows(rows, request, env)


def _rows(request: Request, info: DaemonInfo, env: Environment) -> list[Row]:
    try:
        return fetch_rows(env.client, request.cpu, info, ordered=Tracked.NOSORT not in request.given)
    except RequestFailure as error:
        # Alone among the listings, these add no reason below the daemon's line.
        env.complain(line(error))
        raise ListingFailed(None) from None


def _view(request: Request) -> View:
    return next((view for option, view in _VIEWS if option in request.given), View.PLAIN)


def _list_service(request: Request, env: Environment) -> None:
    status = env.client.get_service(request.key(), request.cpu)
    env.stdout.write(title(_view(request)))
    _print_rows([Row(env.client, request.cpu, status, None)], request, env)


def _print_rows(rows: list[Row], request: Request, env: Environment) -> None:
    given = request.given
    view = _view(request)
    exact = Tracked.EXACT in given
    ordered = Tracked.NOSORT not in given
    endpoints = env.endpoints(numeric=Tracked.NUMERIC in given)
    for row in rows:
        dests = row.dests(ordered=ordered)
        env.stdout.writelines(render_service(row.status, dests, view, endpoints, exact=exact))


def _save(request: Request, info: DaemonInfo, env: Environment) -> int:
    from xdpvs.ipvsadm.save import render_rules

    endpoints = env.endpoints(numeric=Tracked.NUMERIC in request.given)
    for row in _rows(request, info, env):
        env.stdout.writelines(render_rules(row.status, row.dests(ordered=True), endpoints))
    return 0


def _list_connections(request: Request, env: Environment) -> None:
    """Exit status 0 whatever happens, as upstream's."""
    from xdpvs.ipvsadm.connections import ConnectionLines

    numeric = Tracked.NUMERIC in request.given
    templates = Tracked.PERSISTENT_CONN in request.given
    lines = ConnectionLines(env.endpoints(numeric=numeric), numeric=numeric)
    if request.sockpair is not None:
        try:
            conn = env.client.get_conn(request.sockpair, templates)
        except RequestFailure as error:
            _complain_about_conns(error, env)
            env.complain("connection specified not found")
            return
        env.stdout.write(lines.one(conn))
        return
    started = False
    try:
        for records in env.client.iter_conn_pages(templates):
            started = True
            env.stdout.write(lines.page(records))
    except RequestFailure as error:
        _complain_about_conns(error, env)
        if started:
            env.complain("Fail to fetch all connection entries!")


def _complain_about_conns(error: Exception, env: Environment) -> None:
    env.complain(line(error))
    env.complain(f"dp_vs_get_conns: got errcode {code(error)} from dpvs_getsockopt")


def _show_laddrs(request: Request, info: DaemonInfo, env: Environment) -> int:
    from xdpvs.ipvsadm import laddrs

    if Tracked.SERVICE in request.given:
        status = env.client.get_service(request.key(), request.cpu)
        rows = [Row(env.client, request.cpu, status, None)]
    else:
        rows = fetch_rows(env.client, request.cpu, info, ordered=False)
    for number, row in enumerate(rows):
        found = row.laddrs()
        if not number:
            env.stdout.write(laddrs.TITLE)
        env.stdout.writelines(laddrs.render_laddrs(row.status.service.key, found))
    return 0


def _show_denied(request: Request, info: DaemonInfo, env: Environment) -> int:
    return _show_acl(request, info, env, env.client.get_denied, "BLACKLIST")


def _show_allowed(request: Request, info: DaemonInfo, env: Environment) -> int:
    return _show_acl(request, info, env, env.client.get_allowed, "WHITELIST")


def _show_acl(
    request: Request, info: DaemonInfo, env: Environment, fetch: Callable[[], list[AclEntry]], name: str
) -> int:
    from xdpvs.ipvsadm import acl

    heading = acl.title(name)
    if Tracked.SERVICE not in request.given:
        services = env.client.get_services(info.num_services & COUNT_LIMIT)
        entries = acl.by_service(fetch())
        env.stdout.write(heading)
        for status in services:
            env.stdout.writelines(acl.render_entries(entries, status.service.key))
        return 0
    env.stdout.write(heading)
    try:
        entries = acl.by_service(fetch())
    except RequestFailure as error:
        env.complain(line(error))
        # Upstream says it where it asked and again where it ends.
        env.complain(reason(error))
        env.complain(reason(error))
        return FAILED_STATUS
    env.stdout.writelines(acl.render_entries(entries, request.key()))
    return 0


SHOWERS: dict[Command, Callable[[Request, DaemonInfo, Environment], int]] = {
    Command.LIST: _list,
    Command.SAVE: _save,
    Command.GET_LADDR: _show_laddrs,
    Command.GET_DENY: _show_denied,
    Command.GET_ALLOW: _show_allowed,
}
