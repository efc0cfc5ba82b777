"""The control socket: DPVS's sockopt protocol (ABI of v1.10), one table for both ends.

Primitives: `layout.Layout` (one wire structure), the `structs_*` modules (wire structures ↔ model values),
`messages.MESSAGES` (every message: id, direction, request and reply codecs, or a fixed answer), `client.Client`
(blocking, one connection per request, one method per message), `server.Server` (asyncio loop, one handler per message,
completeness checked at construction), `errors` (result codes, and what a client can fail with).

Requests that are more than a model value are in `requests`. Ids above 0x10000 are our own, unknown to DPVS.
"""
