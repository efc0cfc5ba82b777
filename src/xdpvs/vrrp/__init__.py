"""VRRP (RFC 3768, RFC 5798) as a machine: adverts, timers and tracked things in, commands out. No I/O."""
