"""DNS: one query over UDP."""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.message
import dns.rcode

from xdpvs.checkers.machine import GOOD, Command, Machine, Send, bad
from xdpvs.model.check import DnsCheck


class DnsMachine(Machine):
    """Good if the response to this query says NOERROR, whatever else it carries; ident is the query's, 16 bits.

    Raises ValueError for a name or type that cannot be asked for.
    """

    __slots__ = ("_query",)

    awaited = "response"

    def __init__(self, check: DnsCheck, ident: int) -> None:
        try:
            self._query = dns.message.make_query(check.name, check.record_type, id=ident)
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"cannot ask for {check.record_type} of {check.name!r}: {error}") from error

    def connected(self) -> Sequence[Command]:
        return (Send(self._query.to_wire()),)

    def received(self, data: bytes) -> Sequence[Command]:
        # The records are of no interest, and a truncated message (TC) may not have them whole.
        try:
            response = dns.message.from_wire(data, question_only=True)
        except (dns.exception.DNSException, ValueError) as error:
            return bad(f"no DNS message: {error}")
        if not self._query.is_response(response):
            return bad("a DNS message that is no response to the query")
        if response.rcode() != dns.rcode.NOERROR:
            return bad(f"response code {dns.rcode.to_text(response.rcode())}")
        return GOOD
