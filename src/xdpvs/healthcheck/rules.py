"""How a listed service's servers are checked: generation A's command line, or generation C's file."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.healthcheck.checker import Checker, EagerChecker, SteadyChecker
from xdpvs.healthcheck.conf import Conf
from xdpvs.healthcheck.flags import Generation
from xdpvs.healthcheck.listing import ListedService
from xdpvs.healthcheck.methods import METHODS, build_check, resolve_auto
from xdpvs.healthcheck.options import Options, Way
from xdpvs.model.check import Check, NoCheck

_WORDS = frozenset(METHODS.values())
_START_SPREAD_S = 3.0


@dataclass(frozen=True, slots=True)
class CheckRule:
    """Everything about the checks of one service. check None: its servers are not checked."""

    method: str
    check: Check | None
    interval_s: float
    timeout_s: float
    retry: int
    up_retry: int
    eager: bool
    report_timeout_s: float
    retry_report_s: float
    first_delay_s: float
    spread_s: float
    way: Way = Way()

    def checks_like(self, other: CheckRule) -> bool:
        """Whether running checks may go on where the other rule was in force."""
        return (self.check, self.interval_s, self.timeout_s) == (other.check, other.interval_s, other.timeout_s)

    def checker(self, up: bool | None) -> Checker:
        """A server's checker; up is what the agent says of it."""
        return EagerChecker(up, self.retry) if self.eager else SteadyChecker(self.retry, self.up_retry)

    def adjust(self, checker: Checker) -> None:
        """Have a running checker follow a changed rule."""
        match checker:
            case EagerChecker():
                checker.retry = self.retry
            case SteadyChecker():
                checker.down_retry, checker.up_retry = self.retry, self.up_retry


def rule_for(options: Options, conf: Conf, service: ListedService) -> CheckRule:
    """The rule of a service. ValueError where a method's parameters do not fit it."""
    return _by_flags(options, service) if options.generation is Generation.A else _by_conf(options, conf, service)


def _by_flags(options: Options, service: ListedService) -> CheckRule:
    known = [word for word in service.check_words if word in _WORDS]
    method = known[-1] if known else "auto" if options.auto_method else ""
    check = build_check(resolve_auto(method, service.id.protocol), {}, service.proxy) if method else None
    return CheckRule(
        method,
        NoCheck() if options.dry_run else check,
        options.check_interval_s,
        options.check_timeout_s,
        options.check_retry,
        0,
        eager=True,
        report_timeout_s=10.0,
        retry_report_s=options.notify_interval_s,
        first_delay_s=0.0,
        spread_s=options.check_interval_s,
        way=options.way,
    )


def _by_conf(options: Options, conf: Conf, service: ListedService) -> CheckRule:
    rule = conf.service_rule(service.id.name)
    known = [word for word in service.check_words if word in _WORDS]
    method, params = (known[0], {}) if known and known[0] != rule.method else (rule.method, rule.method_params)
    if conf.address_rule(str(service.id.address)).disable:
        check = None
    else:
        check = build_check(resolve_auto(method, service.id.protocol), params, service.proxy)
    return CheckRule(
        method,
        check,
        rule.interval_s,
        rule.timeout_s,
        rule.down_retry,
        rule.up_retry,
        eager=False,
        report_timeout_s=rule.action_timeout_s,
        retry_report_s=rule.action_sync_s,
        first_delay_s=rule.interval_s,
        spread_s=min(_START_SPREAD_S, rule.interval_s),
        way=options.way,
    )
