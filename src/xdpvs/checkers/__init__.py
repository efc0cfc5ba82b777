"""Health checks as protocol machines: bytes in, commands out, no I/O and no time.

What a check is stands in `model.check`; `probing` runs these machines on sockets.

Primitives: `machine.Machine` takes events (connected, received, closed, failed, timed_out) and returns commands
(`Send`, `Extend`, `Finish`). One machine serves one attempt: `tcp.TcpMachine`, `udp.UdpMachine`, `http.HttpMachine`,
`smtp.SmtpMachine`, `dns.DnsMachine`, `echo.EchoMachine`. Whatever a server sends ends in a verdict, never in an
exception.
"""
