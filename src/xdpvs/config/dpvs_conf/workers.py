"""Whether DPVS would accept the workers of a file. Here they are only hints, so a mistake is a warning."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.config.dpvs_conf.model import Worker


def worker_warnings(workers: Sequence[Worker]) -> list[str]:
    """What DPVS refuses as a bad lcore configuration, with its error code."""
    found: list[str] = []
    slaves = [worker for worker in workers if worker.type == "slave"]
    for device in sorted({port.name for worker in workers for port in worker.ports}):
        ports = [port for worker in workers for port in worker.ports if port.name == device]
        found += _queue_warnings(device, "receive", 2, [queue for port in ports for queue in port.rx_queue_ids])
        found += _queue_warnings(device, "transmit", 3, [queue for port in ports for queue in port.tx_queue_ids])
        for worker in slaves:
            if not any(port.name == device and port.tx_queue_ids for port in worker.ports):
                found.append(f"worker {worker.name} has no transmit queue of {device} (DPVS: error code -6)")
    if not slaves:
        found.append("no worker of type slave (DPVS: error code -7)")
    return found


def _queue_warnings(device: str, direction: str, code: int, queues: list[int]) -> list[str]:
    if len(set(queues)) < len(queues):
        return [f"a {direction} queue of {device} is listed twice (DPVS: error code -{code})"]
    if sorted(queues) != list(range(len(queues))):
        return [f"{direction} queues of {device} do not count up from 0 (DPVS: error code -4)"]
    return []
