"""Runs health checks (`checkers`) on sockets and processes, many at a time on one event loop."""
