"""The `ipvsadm` command: DPVS's flavour of it, byte for byte where scripts look.

Command line: popt (word splitting) → request (what the words mean, with grammar for the arguments) → legality
(which option goes with which command) → commands (one function per command over an injected Environment).
Output: names (address:port text), numbers (column scaling), order (upstream's sort), services, connections, laddrs,
acl and save (one listing each), restore (`-R`).
"""
