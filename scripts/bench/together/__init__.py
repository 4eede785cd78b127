"""
`wattline bench all`: every benchmark in one run on one machine.

`command` runs each in a process of its own, `machine` says on what, `tables` and `charts` make of
the figures what `page` and docs/performance.md show; both read bench.json, so that what was
measured once can be shown anew.
"""
