"""`dpip`: shows and changes the devices, addresses, routes and neighbours of the balancer.

Primitives: `parse_options` (getopt_long as glibc does it), `Command` (verb, words, options), `DpipObject` (one noun
with its help and its `run`), `Environment` (stdout, stderr, client, sleep), `Failure` (what ends a command with 1).
One module per noun: addr route neigh vlan link ipv6 maddr eal_mem; `pending` holds the nouns the data plane does not
have yet. `main(argv, env)` ties them together; modules of nouns are loaded on demand, so that `dpip -V` stays quick.

Output is that of DPVS's dpip 1.10.2 to the byte, trailing blanks included, because scripts parse it.
"""
