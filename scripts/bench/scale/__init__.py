"""
`wattline bench scale`: a region of feeders cleared in parallel, and what settling it would cost.

`gas` brings the receipts of measured rounds to the estimate, `timing` compares schedulers,
`summary` is what `--json` prints and `--out` writes, `tables` is what people see.
"""
