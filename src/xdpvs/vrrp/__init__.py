"""VRRP (RFC 3768, RFC 5798) as a machine: adverts, timers and tracked things in, commands out. No I/O.

Primitives: `virtual_routers.VirtualRouters` (a whole configuration: instances, sync groups, what they track),
`virtual_router.VirtualRouter` (one instance; its table of states is in `transitions`), `sync_group.SyncGroup`,
`inspection.inspect` (which packets are believed), `tracking.Tracker` (hindrances and priority), `garp.GarpSchedule`,
`script_health.ScriptHealth` (rise and fall), `rules` (what configurations are refused or corrected).
All times are seconds of one monotonic clock. What is to be done comes back as a list of `commands`, in order.
"""
