"""What the operator configures and what the data plane reports, as values.

Primitives: `Service` (a virtual service, named by its `ServiceKey`), `Dest` (a real server of a service),
`Laddr` (a FullNAT local address of a service), `Conn` (one connection), `Acl` entries, and the DPVS-owned layer 3:
`Address`, `Route`, `Neighbour`, `Vlan`, `Link`. Desired and observed are different types: `Service` is what was
asked for, `ServiceStatus` adds what was counted.

Everything is frozen; addresses are `ipaddress` objects, ports host-order ints, times seconds unless the name says
otherwise. Nothing here does I/O.
"""
