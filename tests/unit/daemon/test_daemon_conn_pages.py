"""Listings of connections in pages."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from xdpvs.api.requests import ConnPage
from xdpvs.daemon.conn_pages import ENTRY_SIZE, IDLE_S, ConnPages, LaddrConns
from xdpvs.model.conn import Conn, SocketPair


class FakeConns:
    """A table whose slices have so many entries each; entries are their numbers."""

    def __init__(self, *slices: int) -> None:
        self.slices = slices
        self.counted = 0

    def wire_entries(self) -> Iterator[bytes]:
        number = 0
        for size in self.slices:
            yield b"".join(number_.to_bytes(ENTRY_SIZE, "big") for number_ in range(number, number + size))
            number += size

    def find(self, pair: SocketPair) -> Conn | None:
        return None

    def laddr_counts(self) -> Iterator[Counter[tuple[int, int]]]:
        self.counted += 1
        yield Counter({(1, 5): 2})
        yield Counter({(1, 5): 1, (2, 5): 4})


def numbers(page: ConnPage) -> list[int]:
    """The entries of a page."""
    records = page.records
    return [int.from_bytes(records[at : at + ENTRY_SIZE], "big") for at in range(0, len(records), ENTRY_SIZE)]


def walk(pages: ConnPages, limit: int) -> list[list[int]]:
    """All pages of one listing."""
    found = []
    page = asyncio.run(pages.page(0, limit))
    while True:
        found.append(numbers(page))
        if not page.more:
            return found
        page = asyncio.run(pages.page(page.cursor, limit))


def test_pages_are_full_but_the_last() -> None:
    assert walk(ConnPages(FakeConns(3, 0, 5, 2), 255), 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_no_connection_is_one_empty_page() -> None:
    assert walk(ConnPages(FakeConns(0, 0), 255), 4) == [[]]


def test_two_clients_do_not_disturb_each_other() -> None:
    pages = ConnPages(FakeConns(8), 255)
    first, second = (asyncio.run(pages.page(0, 4)) for _ in range(2))
    assert first.cursor != second.cursor
    assert numbers(asyncio.run(pages.page(second.cursor, 4))) == [4, 5, 6, 7]
    assert numbers(asyncio.run(pages.page(first.cursor, 4))) == [4, 5, 6, 7]


def test_an_unknown_cursor_is_the_end() -> None:
    assert asyncio.run(ConnPages(FakeConns(8), 255).page(7, 4)) == ConnPage(b"")


def test_a_client_that_goes_away_is_forgotten() -> None:
    now = 0.0
    pages = ConnPages(FakeConns(8), 255, clock=lambda: now)
    now = 1.0
    page = asyncio.run(pages.page(0, 4))
    now = 1.1 + IDLE_S
    pages.expire()
    assert asyncio.run(pages.page(page.cursor, 4)) == ConnPage(b"")


def test_cursors_run_out_at_the_expense_of_the_oldest() -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.001
        return now

    pages = ConnPages(FakeConns(8), 2, clock=clock)
    cursors = [asyncio.run(pages.page(0, 4)).cursor for _ in range(3)]
    assert cursors[2] == cursors[0]
    assert numbers(asyncio.run(pages.page(cursors[1], 4))) == [4, 5, 6, 7]


def test_local_addresses_are_counted_now_and_then() -> None:
    now = 0.0
    table = FakeConns()
    counts = LaddrConns(table, clock=lambda: now)
    asyncio.run(counts.refresh(any_conns=True))
    assert (counts.of(1, 5), counts.of(2, 5), counts.of(3, 5), counts.of_laddr(5)) == (3, 4, 0, 7)
    asyncio.run(counts.refresh(any_conns=True))
    assert table.counted == 1
    now = 2.0
    asyncio.run(counts.refresh(any_conns=False))
    assert table.counted == 1
    assert counts.of_laddr(5) == 0
