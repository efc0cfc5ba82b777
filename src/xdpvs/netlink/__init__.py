"""The host's links, as the daemon needs them: what is there, and the few changes it makes.

Primitives: `HostLink` (one link as the kernel shows it; `link.find` takes a name, an alternative name or a PCI
address), `link.set_mtu/set_up/set_promiscuous/set_allmulticast/add_altname/remove_altname`, `veth.create/delete`,
`ethtool.disable/driver/settings/queues`, `stats.read`,
`address.add/remove/addresses`. Everything acts in the network namespace of the caller.

Nothing reads /sys/class/net: sysfs shows the namespace it was mounted in, not the caller's.
Errors are `errors.NetlinkError`, typed by whose fault they are.
"""
