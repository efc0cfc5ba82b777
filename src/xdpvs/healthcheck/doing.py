"""Takes the steps of an action: kernel interfaces by netlink, devices of DPVS by the agent, programs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_interface

from xdpvs.healthcheck.actions import DpvsAddress, KernelAddress, RunScript, Step
from xdpvs.healthcheck.agent import AgentClient, AgentTrouble
from xdpvs.model.address import IPAddress
from xdpvs.netlink import address as host_address
from xdpvs.netlink import route as host_route
from xdpvs.netlink.errors import NetlinkError
from xdpvs.netlink.link import find
from xdpvs.probing.process import NotStarted, run_command


class ActionFailed(Exception):
    """A step that did not succeed, and why."""


async def perform(steps: Sequence[Step], agent: AgentClient, timeout_s: float) -> None:
    """Take the steps in order; ActionFailed at the first that fails."""
    for step in steps:
        try:
            match step:
                case KernelAddress():
                    await asyncio.to_thread(_kernel, step)
                case DpvsAddress(device, address, up):
                    await agent.set_address(device, address, present=up, timeout_s=timeout_s)
                case RunScript(argv):
                    ended = await run_command(argv, timeout_s=timeout_s)
                    if ended.status or ended.timed_out:
                        what = "did not end in time" if ended.timed_out else f"ended with {ended.status}"
                        raise ActionFailed(f"{argv[0]} {what}")
        except (NetlinkError, AgentTrouble, NotStarted, OSError) as error:
            raise ActionFailed(str(error)) from error


def _kernel(step: KernelAddress) -> None:
    link = find(step.interface)
    interface = ip_interface(f"{step.address}/{step.address.max_prefixlen}")
    if step.up:
        host_address.add(link, interface)
        if step.with_route:
            host_route.add(link, step.address)
        return
    if step.with_route:
        host_route.remove(link, step.address)
    host_address.remove(link, interface)


async def is_present(interface: str, address: IPAddress) -> bool:
    """Whether a kernel interface has an address."""
    try:
        found = await asyncio.to_thread(lambda: host_address.addresses(find(interface)))
    except NetlinkError as error:
        raise ActionFailed(str(error)) from error
    return any(each.ip == address for each in found)
