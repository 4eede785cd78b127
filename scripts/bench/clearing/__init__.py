"""
`wattline bench clearing`: how long clearing takes, ours and others', and how it grows.

`books` draws the orders, `systems` says who clears them, `others` holds what is not ours, `trial`
times one of them in a process of its own, which has an end, `figures` is what is told, `tables`
shows it.
"""
