"""xdpvs: a layer-4 load balancer with an XDP data plane (see docs/architecture.md)."""
