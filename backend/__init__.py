"""The service: index of the chain, HTTP interface, page; no solver, and no key of a prosumer."""
