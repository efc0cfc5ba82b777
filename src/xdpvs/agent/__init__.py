"""`dpvs-agent`: DPVS's HTTP API over the control socket, and the metrics."""
