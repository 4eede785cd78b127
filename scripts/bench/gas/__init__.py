"""
`wattline bench gas`: what a slot costs, read from receipts of the real flow.

`community` is the synthetic market, `rounds` runs its slots and keeps what was sent, `price_list`
says what the chain charges at least for that, `figures` puts both together per order; `tables`,
`files` and `page` show them beside the rivals' figures.
"""
