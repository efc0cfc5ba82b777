"""`healthcheck`: probes the servers dpvs-agent lists and tells it which are down.

flags, flag_table, options, durations    Go's command line; generation A (v1.9) or C (v1.10)
conf, conf_values, conf_file    the v1.10 file: what follows from it, its YAML, reading it again
methods, actions             what a method checks, what is done about an address
listing, http_client, agent               what the agent has, and the requests
checker, service, virtual_address    the machines: a server, a service and its reports, an address and its actions
rules, watched, check_loop   from a listed service to running checks
runner, addresses, doing     the event loop around all of it
statistics, status, metrics, web    what it counts and shows
logs, main                   the process
"""
