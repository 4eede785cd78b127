"""
A region: many markets side by side, one per feeder, cleared off the chain in parallel.

`feeder` makes a feeder's community from a seed, `day` clears and checks its rounds, `schedulers`
says where that is done, `region` puts the feeders' days together in their order, whoever was first,
and `settlement` estimates what they cost on one chain.
"""
