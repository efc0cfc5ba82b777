"""Frames and packets as dataclasses: bytes to values and back, nothing else."""
