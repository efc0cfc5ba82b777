"""The control socket: structures, both ends, and the recordings of upstream's."""
