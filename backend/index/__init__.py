"""The index: what the events of a market say, as tables that answer questions."""
