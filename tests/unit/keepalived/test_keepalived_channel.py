"""Messages between parent and children."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from xdpvs.keepalived.channel import ChannelClosed, channel_pair
from xdpvs.keepalived.messages import Apply, FileLoaded, LoadFile, Owned, Stopping


def test_messages_arrive_in_order_and_whole() -> None:
    ours, theirs = channel_pair()
    sent = (LoadFile(), Apply(True), Owned(frozenset({ip_address("192.0.2.1")})), Stopping())
    for message in sent:
        ours.send(message)
    assert theirs.receive() == list(sent)
    assert theirs.receive() == []
    long = FileLoaded(None, tuple(f"line {number}" for number in range(9000)))
    ours.send(long)
    found = theirs.receive()
    assert found == [], "the first part of it"
    while not found:
        found = theirs.receive()
    assert found == [long]
    ours.close()
    with pytest.raises(ChannelClosed):
        theirs.receive()
    with pytest.raises(ChannelClosed):
        theirs.send(Stopping())
    theirs.close()
