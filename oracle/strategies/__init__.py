"""How prosumers state their prices: one file per strategy, `registry` lists them."""
