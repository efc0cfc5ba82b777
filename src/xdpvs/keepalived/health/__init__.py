"""The checker's decisions without I/O: what a check's outcome means for its server, its service and the quorum.

Primitives: `checker.CheckerMachine` (one checker: when it runs, how many failures count), `server.ServerState` (one
server with its checkers), `virtual_server.VirtualServerMachine` (servers, quorum and sorry server; takes outcomes and
time, returns `commands`). What dpvs should have of the servers is `VirtualServerMachine.pool`, a pure function of the
state; `AddDest`, `EditDest` and `DelDest` are its differences in the order they must happen.
"""
