"""Numbers as people write them, for the terminal's tables and the report."""


def number(value: float, digits: int) -> str:
    """Return the value with that many decimals, thousands apart, and no negative zero."""
    return f"{round(float(value), digits) + 0.0:,.{digits}f}"


def signed(value: float, digits: int) -> str:
    """Return a difference: with its sign, unless it is nothing."""
    return ("+" if round(value, digits) > 0 else "") + number(value, digits)


def counted(count: int, noun: str) -> str:
    """Return `1 offer`, `2 offers`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
