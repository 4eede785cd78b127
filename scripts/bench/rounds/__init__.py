"""
`wattline bench rounds`: how long a whole round takes, and where the time goes.

`measurement` runs the slots of the benchmark's market as the oracle does and keeps the times of
their parts, `figures` is what is told, `tables` shows it.
"""
