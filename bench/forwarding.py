"""Packets a second through the balancer on a veth, against a program that only sends frames back."""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Iterator

from bench.cable import End, cable, inside
from bench.feeder import FRAME_LENGTH, Feeder
from bench.rows import Group, Options, Result, Row
from bench.scene import OUR_MAC, ROUTER_MAC, UDP4, scene
from xdpvs.bpf.libbpf import check, library
from xdpvs.bpf.link import XdpLink, XdpMode
from xdpvs.bpf.testrun import RunOptions, XdpMd

LIVE_FRAMES = 1 << 1
FLOWS = 1000
PACKETS = 1_000_000
BATCH = 64

ROWS = (
    Row(
        "forward",
        "UDP, 80-byte frames on a veth, 1k flows",
        "x reflector",
        "received a second through the balancer by received a second through a program that swaps the MACs; "
        "the same live frames are sent to both, on one CPU",
        budget=0.85,
        at_least=True,
    ),
)


def _measure(options: Options) -> Iterator[Result]:
    with cable(_text(ROUTER_MAC), _text(OUR_MAC)) as (client, balancer):  # noqa: SIM117 - the scene needs the cable
        with scene(FLOWS * 10, options.object_path, balancer.ifindex) as (it, feeder):
            feeder.compute(it.template(UDP4), FLOWS)
            with inside(client.namespace):
                taker = XdpLink.attach(feeder.program_fd("receive"), client.ifindex, client.name, XdpMode.NATIVE)
            try:
                rates = _by_turns(feeder, it.program, client, balancer, options)
            finally:
                taker.close()
    yield Result("forward", rates[0] / rates[1], details={"balancer_pps": rates[0], "reflector_pps": rates[1]})


def _by_turns(feeder: Feeder, program: int, client: End, balancer: End, options: Options) -> tuple[float, float]:
    """Median packets a second received through the balancer, and through the reflector."""
    samples: tuple[list[float], list[float]] = ([], [])
    packets = PACKETS // 4 if options.quick else PACKETS
    for _ in range(3 if options.quick else 9):
        for rates, fd in zip(samples, (program, feeder.program_fd("swap_macs")), strict=True):
            with inside(balancer.namespace):
                link = XdpLink.attach(fd, balancer.ifindex, balancer.name, XdpMode.NATIVE)
            try:
                _send(feeder, client, 2 * FLOWS)
                rates.append(_rate(feeder, client, packets))
            finally:
                link.close()
    return statistics.median(samples[0]), statistics.median(samples[1])


def _rate(feeder: Feeder, client: End, packets: int) -> float:
    before, started = feeder.received(), time.perf_counter()
    _send(feeder, client, packets)
    seconds = time.perf_counter() - started
    received = feeder.received() - before
    if received < packets / 2:
        raise RuntimeError(f"of {packets} frames {received} came back")
    return received / seconds


def _send(feeder: Feeder, client: End, packets: int) -> None:
    """Live frames out of the client's end; the feeder writes each anew, because pages come back as others left them."""
    source = ctypes.create_string_buffer(bytes(FRAME_LENGTH), FRAME_LENGTH)
    context = XdpMd(data_end=FRAME_LENGTH, ingress_ifindex=client.ifindex)
    run = RunOptions(sz=ctypes.sizeof(RunOptions), repeat=packets, flags=LIVE_FRAMES, batch_size=BATCH)
    run.data_in, run.data_size_in = ctypes.addressof(source), FRAME_LENGTH
    run.ctx_in, run.ctx_size_in = ctypes.addressof(context), ctypes.sizeof(context)
    with inside(client.namespace):
        done = library().bpf_prog_test_run_opts(feeder.program_fd("feed_nothing"), ctypes.byref(run))
        check(done, "sending live frames")


def _text(mac: bytes) -> str:
    return mac.hex(":")


GROUP = Group("forwarding", ROWS, _measure)
