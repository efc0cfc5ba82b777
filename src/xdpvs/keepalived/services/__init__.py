"""What dpvs should have, and how it comes to have it.

Primitives: `wanted.Wanted` (one service with all that belongs to it), `applied.Applied` (what dpvs was last known to
have of it), `changes` (the difference, as messages in the order they must go), `applier.Applier` (a thread that keeps
the two alike while dpvs comes and goes). Only services that the configuration names, or named, are ever touched.
"""
