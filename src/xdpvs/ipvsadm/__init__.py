"""The `ipvsadm` command: DPVS's flavour of it, byte for byte where scripts look.

Command line: popt (word splitting) → commandline → Request (what the words mean, with grammar and match for the
arguments), checked by the tables in options. Carrying out: run (one command line, or those of `-R`, gathered by batch)
→ listing for what shows, changes for what changes; both work on an injected Environment.
Output: names (address:port text), numbers (column scaling), order (upstream's sort), table (fetching), and services,
connections, laddrs, acl and save, one listing each. failures and errors know stderr lines and exit statuses.
"""
