"""Schedulers as pure functions: servers in, a `Schedule` out, which BPF walks.

Primitives: `registry.build(name, flags, dests)` and `schedule.Schedule`, whose entries are positions in the list of
servers. That list is in DPVS's order, newest first. A server without weight or inhibited never gets an entry; one that
is overloaded does, and BPF passes it over.
"""
