"""`healthcheck`: probes the servers dpvs-agent lists and tells it which are down."""
