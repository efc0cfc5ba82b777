"""Runs health checks (`checkers`) on sockets and processes, many at a time on one event loop.

Primitives: `prober.Prober` starts attempts and tells each one's outcome by a callback, `Attempt.cancel` calls one off,
`Prober.call_at` is a cheap timer for thousands of them. Underneath, `reactor` is one epoll and one timer, `stream`,
`datagram`, `echo` and `script` are what an attempt may be, and `faults` tells the server's errors from our own.
For programs: `process.run_command` and `process.resolve`, `script_security.insecurity`. A process that probes much
calls `open_files.raise_open_files_limit` first.
"""
