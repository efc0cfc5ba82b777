"""`dpvs-agent`: DPVS's HTTP API over the control socket.

Primitives: `endpoints.ENDPOINTS` (the one table of paths, from which routes and the OpenAPI document are made),
`Answer` and `Refused` (what a handler returns or raises), `Control` (the daemon, its errors told apart), `Snapshot`
(operator's weights and versions, a pure machine), `Store` (the snapshot in its file), `app.create` (FastAPI around it).

Handlers block and run in worker threads; one lock per service keeps two writers of it apart.
"""
