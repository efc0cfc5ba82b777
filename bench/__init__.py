"""What xdpvs costs, measured: every row of the budgets, beside the budget and what DPVS takes.

Primitives: `rows.Row` (what is measured, its budget, what it means), `rows.Result`, `report` (table and JSON),
`scene.Scene` (the data plane in the kernel without a netdev, for test runs), `feeder.Feeder` (many flows in one test
run). Modules named after what they measure (`packets`, `connections`, …) have one function per row.

Two things are compared only within one run, by turns, as a ratio of medians. What cannot be measured says why.
"""
