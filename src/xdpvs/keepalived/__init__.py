"""`keepalived`: services, health checks and VRRP from keepalived.conf, applied through the control socket."""
