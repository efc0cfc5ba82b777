"""Connections as listings show them, read from the mapped table with numpy and without a system call per slot.

The whole table is mapped only while a listing lasts: mapped pages count as the daemon's memory. Everything long is an
iterator over slices of SLICE slots, a few milliseconds each, so that the caller's event loop runs in between. Slots
change while they are read; an entry may be torn between two connections of the same slot, as in any live listing.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from xdpvs.bpf.layout import CONN_DTYPE, CONN_WINDOW, ConnFlags, Maps, Settings, SlotKind, TcpState, UdpState
from xdpvs.bpf.maps import mapped
from xdpvs.bpf.structure import unpack_address
from xdpvs.dataplane.conn_hash import conn_home
from xdpvs.dataplane.ticks import TICK_NS, now_ticks
from xdpvs.model.address import Family, Protocol
from xdpvs.model.conn import Conn, SocketPair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.void]
    Indices = NDArray[np.intp]
    Seconds = NDArray[np.int64]

SLICE = 16384
SLOT_SIZE = 128
ENTRY_SIZE = 104
LCORE = 1
"""What the control socket calls our only data plane (reference sockopt 17)."""

TCP_NAMES: Final = {
    TcpState.NONE: "TCP_NONE",
    TcpState.ESTABLISHED: "TCP_EST",
    TcpState.SYN_SENT: "SYN_SENT",
    TcpState.SYN_RECV: "SYN_RECV",
    TcpState.FIN_WAIT: "FIN_WAIT",
    TcpState.TIME_WAIT: "TIME_WAIT",
    TcpState.CLOSE: "TCP_CLOSE",
    TcpState.CLOSE_WAIT: "CLOSE_WAIT",
    TcpState.LAST_ACK: "LAST_ACK",
    TcpState.LISTEN: "LISTEN",
    TcpState.SYNACK: "SYNACK",
    TcpState.LAST: "TCP_LAST",
}
UDP_NAMES: Final = {
    UdpState.NONE: "UDP_NONE",
    UdpState.ONEWAY: "UDP_ONEWAY",
    UdpState.NORMAL: "UDP_NORM",
    UdpState.LAST: "UDP_LAST",
}
# An entry of the control socket's reply (reference sockopt 8).
_ENTRY: Final = {
    "names": [
        *("in_af", "out_af", "proto", "caddr", "vaddr", "laddr", "daddr"),
        *("cport", "vport", "lport", "dport", "timeout", "lcore", "state"),
    ],
    "formats": ["<u2", "<u2", "<u2", *["(16,)u1"] * 4, *[">u2"] * 4, "<u4", "u1", "S16"],
    "offsets": [0, 2, 4, 8, 24, 40, 56, 72, 74, 76, 78, 80, 84, 85],
    "itemsize": ENTRY_SIZE,
}
_STATES = 16


class ConnTable:
    """The connection table for reading. slots counts the window behind the homes too."""

    def __init__(self, maps: Maps, slots: int, clock: Callable[[], int] = now_ticks) -> None:
        self._maps = maps
        self._slots = slots
        self._clock = clock

    def wire_entries(self) -> Iterator[bytes]:
        """Entries of 104 bytes as the control socket carries them, some or none with each slice."""
        decoder = _Decoder(self._maps.settings[0], self._clock)
        for table, rows in self._slices():
            yield decoder.entries(table, rows).tobytes()

    def conns(self) -> Iterator[list[Conn]]:
        """The same as values."""
        decoder = _Decoder(self._maps.settings[0], self._clock)
        for table, rows in self._slices():
            yield [_conn(entry) for entry in decoder.entries(table, rows).tolist()]

    def find(self, pair: SocketPair) -> Conn | None:
        """The connection that a packet from source to target belongs to, in either direction; reads one window."""
        import numpy as np

        source, target = (
            np.frombuffer(address.packed.ljust(16, b"\0"), np.uint8) for address in (pair.source, pair.target)
        )
        settings = self._maps.settings[0]
        home = conn_home(settings, pair)
        table = self._table()
        rows = table[home : home + CONN_WINDOW]
        hits = rows[
            ((rows["tag"] >> np.uint64(32)) == SlotKind.LIVE)
            & (rows["key_sport"] == pair.source_port)
            & (rows["key_dport"] == pair.target_port)
            & (rows["key_proto"] == pair.protocol)
            & (rows["key_af"] == int(pair.family))
            & (rows["key_saddr"] == source).all(axis=1)
            & (rows["key_daddr"] == target).all(axis=1)
        ][:1]
        if len(hits) and not hits["flags"][0] & ConnFlags.INBOUND:
            hits = table[hits["peer"][0] : hits["peer"][0] + 1]
        if not len(hits) or hits["flags"][0] & (ConnFlags.INBOUND | ConnFlags.DEAD) != ConnFlags.INBOUND:
            return None
        return _conn(_Decoder(settings, self._clock).entries(table, hits).tolist()[0])

    def laddr_counts(self) -> Iterator[Counter[tuple[int, int]]]:
        """Connections per (service id, local address id), to be added up over the slices."""
        import numpy as np

        for _, rows in self._slices():
            pairs = rows["service"].astype(np.uint64) << np.uint64(32) | rows["laddr_id"]
            values, counts = np.unique(pairs, return_counts=True)
            yield Counter(
                {
                    (value >> 32, value & 0xFFFFFFFF): count
                    for value, count in zip(values.tolist(), counts.tolist(), strict=True)
                }
            )

    def next_hops(self) -> set[int]:
        """Indices of the neighbours that connections use, in either direction."""
        import numpy as np

        used: set[int] = set()
        for _, live in self._live():
            used.update(np.unique(live["next_hop"] & np.uint32(0xFFFF)).tolist())
        return used

    def _slices(self) -> Iterator[tuple[Rows, Rows]]:
        """(whole table, live inbound slots of a slice)."""
        for table, live in self._live():
            inbound = live["flags"] & (ConnFlags.INBOUND | ConnFlags.DEAD) == ConnFlags.INBOUND
            yield table, live[inbound]

    def _live(self) -> Iterator[tuple[Rows, Rows]]:
        """(whole table, live slots of a slice). The mapping goes with the last array that shows it."""
        import numpy as np

        table = self._table()
        for first in range(0, self._slots, SLICE):
            part = table[first : first + SLICE]
            yield table, part[(part["tag"] >> np.uint64(32)) == SlotKind.LIVE]

    def _table(self) -> Rows:
        import numpy as np

        length = -(-self._slots * SLOT_SIZE // mmap.PAGESIZE) * mmap.PAGESIZE
        # The generated layout is a dict, whose precise type numpy's signature does not take.
        dtype: Any = CONN_DTYPE
        return np.frombuffer(mapped(self._maps.conns.fd, 0, length), np.dtype(dtype), self._slots)


class _Decoder:
    """Slots to entries, with the timeouts of one moment."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        import numpy as np

        self._np = np
        self._clock = clock
        timeouts = np.zeros((2, _STATES), np.int64)
        timeouts[0] = list(settings.tcp_timeout)[:_STATES]
        timeouts[1, : len(settings.udp_timeout)] = list(settings.udp_timeout)
        timeouts[:, 0] = settings.init_timeout
        self._timeouts = timeouts
        self._names = np.array([_names(TCP_NAMES), _names(UDP_NAMES)], "S16")
        entry: Any = _ENTRY
        self._entry = np.dtype(entry)

    def entries(self, table: Rows, rows: Rows) -> Rows:
        """The entries of live inbound slots."""
        np = self._np
        made: Rows = np.zeros(len(rows), self._entry)
        table_of = (rows["key_proto"] != Protocol.TCP).astype(np.intp)
        states = np.minimum(rows["state"], _STATES - 1)
        made["in_af"] = rows["key_af"]
        nat64 = rows["flags"] & ConnFlags.NAT64 != 0
        other = np.where(rows["key_af"] == int(Family.INET), int(Family.INET6), int(Family.INET))
        made["out_af"] = np.where(nat64, other, rows["key_af"])
        made["proto"] = rows["key_proto"]
        for name, column in (("caddr", "key_saddr"), ("vaddr", "key_daddr"), ("laddr", "saddr"), ("daddr", "daddr")):
            made[name] = rows[column]
        for name, column in (("cport", "key_sport"), ("vport", "key_dport"), ("lport", "sport"), ("dport", "dport")):
            made[name] = rows[column]
        made["timeout"] = self._left(table, rows, table_of, states)
        made["lcore"] = LCORE
        made["state"] = self._names[table_of, states]
        return made

    def _left(self, table: Rows, rows: Rows, table_of: Indices, states: Rows) -> Seconds:
        """Seconds until a connection expires if nothing more arrives, by the same rules as bpf/sweep.h."""
        np = self._np
        timeout = self._timeouts[table_of, states]
        own = (rows["timeout"] != 0) & (states != 0) & ((table_of == 1) | (states == TcpState.ESTABLISHED))
        timeout = np.where(own, rows["timeout"].astype(np.int64), timeout)
        peers = np.minimum(rows["peer"], len(table) - 1)
        mine, theirs = rows["last_seen"], table["last_seen"][peers]
        now = np.uint32(self._clock())
        # Ticks wrap, so ages are differences read as signed; what a CPU stamped a moment ahead is 0 old.
        age = np.minimum((now - mine).view(np.int32), (now - theirs).view(np.int32)).clip(min=0).astype(np.int64)
        left: Seconds = (timeout - age * TICK_NS // 1_000_000_000).clip(min=0)
        return left


def _names(names: dict[Any, str]) -> list[str]:
    """State names by number; a state without one shows as empty."""
    return [names.get(number, "") for number in range(_STATES)]


def _conn(entry: tuple[Any, ...]) -> Conn:
    in_af, out_af, proto, caddr, vaddr, laddr, daddr, cport, vport, lport, dport, timeout, lcore, state = entry
    return Conn(
        Family(in_af),
        Family(out_af),
        proto,
        unpack_address(bytes(caddr), in_af),
        cport,
        unpack_address(bytes(vaddr), in_af),
        vport,
        unpack_address(bytes(laddr), out_af),
        lport,
        unpack_address(bytes(daddr), out_af),
        dport,
        timeout,
        state.decode(),
        lcore,
    )
