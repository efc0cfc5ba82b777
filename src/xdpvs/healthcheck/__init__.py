"""`healthcheck`: probes the servers dpvs-agent lists and tells it which are down.

flags, options           Go's command line; generation A (1.9.6) or C (1.10)
conf, conf_file, method  what is checked how: the v1.10 file, its merging, methods with parameters
listing                  what the agent has
checker                  rise and fall of one server
service                  verdicts of one service, and the reports they make
virtual_address          the address above the services, and its actions
world                    all of them with one heap of deadlines: time in, commands out
"""
