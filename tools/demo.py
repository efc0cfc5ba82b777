"""The tutorial, live: builds the network, then sets up the balancer three times: by ipvsadm, by keepalived, by HTTP.

Exit status 0 only if every command succeeded, every real server answered, and the one that is not there left its
service by itself.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import tutorial, tutorial_api
from lab.__main__ import interrupt_on_sigterm
from lab.agent import Agent
from lab.balancer import Balancer
from lab.builder import Lab
from lab.healthcheck import Healthcheck
from lab.keepalived import KNI, TUTORIAL_CONF, Keepalived
from lab.objects import NotBuilt
from lab.process import CommandFailed
from lab.topology import TUTORIAL
from lab.wait import DeadlinePassed, wait_until

REQUESTS_PER_SERVICE = 6


class WrongAnswer(Exception):
    """The network works, but not as the tutorial says."""


def main() -> int:
    """Run the demo and say how it went."""
    if os.geteuid() != 0:
        print("demo: needs root, for namespaces and BPF", file=sys.stderr)
        return 1
    interrupt_on_sigterm()
    start = time.monotonic()
    try:
        _run()
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    except (CommandFailed, DeadlinePassed, NotBuilt, WrongAnswer) as error:
        print(f"demo: FAILED: {error}", file=sys.stderr)
        return 1
    _progress(f"all good, {time.monotonic() - start:.1f} s")
    return 0


def _run() -> None:
    _progress("building client, switch, balancer and two real servers from namespaces")
    with Lab(TUTORIAL) as lab:
        try:
            _progress("starting dpvs on dpdk0 in the balancer's namespace")
            with Balancer(lab) as balancer:
                _by_tools(lab, balancer)
                _by_keepalived(lab, balancer)
                _by_api(lab, balancer)
                _progress("tearing down")
        except (CommandFailed, DeadlinePassed, WrongAnswer):
            print(lab.logs(), file=sys.stderr)
            raise


def _by_tools(lab: Lab, balancer: Balancer) -> None:
    _progress("setting up the tutorial: a VLAN device, addresses, a FullNAT and a NAT64 service")
    for command in tutorial.SETUP:
        _tool(balancer, command)
    _progress("asking both services from the client")
    for url, expected in tutorial.REQUESTS:
        _ask(lab, url, expected)
    _progress("looking at it")
    for command in tutorial.SHOW:
        _tool(balancer, command)


def _by_keepalived(lab: Lab, balancer: Balancer) -> None:
    _progress("the same from a keepalived.conf: services, health checks, and the VIPs by VRRP")
    _tool(balancer, ("ipvsadm", "-C"))
    for vip in ("192.168.88.1/32", "2001::2/128"):
        _tool(balancer, ("dpip", "addr", "del", vip, "dev", tutorial.DEVICE))
    # Adverts and checks go by the kernel's side of the device.
    for line in (
        f"addr add 192.168.88.28/24 dev {KNI}",
        f"addr add 2001::28/64 dev {KNI} nodad",
        f"link set {KNI} up",
    ):
        _show("lb", "ip", *line.split())
        lab.lb.ip(*line.split())
    _tool(balancer, ("dpip", "route", "add", "192.168.88.28/32", "scope", "kni_host", "dev", tutorial.DEVICE))
    with Keepalived(lab, balancer, TUTORIAL_CONF) as keepalived:
        _show("lb", *keepalived.argv())
        wait_until(lambda: "Entering MASTER STATE" in keepalived.output(), 20.0, "keepalived is master")
        wait_until(lambda: "192.168.88.1/32" in balancer.dpip("addr", "show"), 10.0, "the VIP is on its device")
        _ask(lab, "http://192.168.88.1/", frozenset({"rs1:80", "rs2:80"}))
        _ask(lab, "http://[2001::1]/", None)
        _tool(balancer, ("ipvsadm", "-ln"))
        _progress("stopping keepalived, which takes its services along")
    _tool(balancer, ("ipvsadm", "-ln"))


def _by_api(lab: Lab, balancer: Balancer) -> None:
    _progress("a service over HTTP, by the tutorial's calls; one of its servers, 10.1.1.1, does not exist")
    with Agent(balancer) as agent:
        _show("lb", *agent.argv())
        for method, path, body in tutorial_api.CALLS:
            words = ("-d", json.dumps(body)) if body is not None else ()
            _show("lb", "curl", "-X", method, f"{agent.url}/v2{path}", *words)
            reply = agent.call(method, f"/v2{path}", body)
            if reply.status not in (200, 201):
                raise WrongAnswer(f"{method} {path} was answered by {reply.status} {reply.body}")
        with Healthcheck(agent) as healthcheck:
            _progress("healthcheck looks after it: the dead server goes to weight 0")
            wait_until(lambda: "inhibited" in balancer.ipvsadm("-ln"), 20.0, "10.1.1.1 is inhibited")
            _tool(balancer, ("ipvsadm", "-ln"))
            _ask(lab, "http://[2001::2]/", frozenset({"rs1:80", "rs2:8080"}))
            print(healthcheck.page("/metrics"), end="", flush=True)
        _show("lb", "curl", f"{agent.url}/metrics")
        metrics = agent.call("GET", "/metrics").body.splitlines()
        print("\n".join(line for line in metrics if line.startswith("xdpvs_server")), flush=True)


def _tool(balancer: Balancer, command: tutorial.Command) -> None:
    _show("lb", *command)
    name, *arguments = command
    print(balancer.tool(name, *arguments), end="", flush=True)


def _ask(lab: Lab, url: str, expected: frozenset[str] | None) -> None:
    """Ask a few times; expected is who must have answered, None: anybody."""
    answers = set()
    for _ in range(REQUESTS_PER_SERVICE):
        _show("client", "curl", url)
        body = lab.client.curl(url)
        print(body, end="", flush=True)
        answers.add(body.strip())
    if expected is not None and answers != expected:
        raise WrongAnswer(f"{url} was answered by {sorted(answers)}, not by {sorted(expected)}")


def _show(where: str, *command: str) -> None:
    print(f"{where}# {shlex.join(command)}", flush=True)


def _progress(what: str) -> None:
    print(f"== {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
