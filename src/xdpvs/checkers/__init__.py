"""Health checks as protocol machines: bytes and times in, commands out, no I/O.

What a check is stands in `model.check`; `probing` runs these machines on sockets.
"""
