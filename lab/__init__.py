"""A network on one machine: client, switch, balancer and real servers, each in a namespace of its own.

Primitives: `topology.Topology` (data: hosts, interfaces, switches, routes, servers; `topology.TUTORIAL` and its
variants), `builder.Lab` (a context manager that builds one and tears it down), `host.Host` (run things in a
namespace), `servers` (nginx and a UDP echo), `balancer.Balancer` (the daemon and its tools in the lab).

Everything a run makes carries its prefix, `xdpvs-PID-N`: namespaces, and /run/xdpvs-PID-N for files. So runs can be
side by side, and `leftovers.clean` knows what belongs to a run that died.
"""
