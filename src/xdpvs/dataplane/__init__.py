"""The model in BPF maps: create, find again, change, read, take down.

Primitives: `plane.DataPlane` (the pinned maps and programs), `journal.Journal` (the operator's configuration beside
them), `balancer.Balancer` (services, servers, local addresses), `network.Network` (devices, addresses, routes,
neighbours), `conns.ConnTable` (listings), `stats.Counters`, `drops` (reasons as sentences), `sweeper.Sweeper` (expiry).
Nothing here knows sockets or the event loop; what takes long is a generator to be driven in steps.
"""
