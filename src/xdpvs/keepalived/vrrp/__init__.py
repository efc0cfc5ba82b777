"""VRRP's shell: sockets, timers, link state, scripts and dpvs around the machines of xdpvs.vrrp.

Primitives: `runner.VrrpRunner` (everything, in the running event loop) and `environment.VrrpEnvironment` (what the
process gives it). Logs go to the logger `xdpvs.keepalived.vrrp`.
"""
