"""What can go wrong with an index; each text is one line for the user."""

from oracle.errors import OracleError


class IndexFault(OracleError):
    """Base of what can go wrong with an index."""


class DatabaseUnavailable(IndexFault):
    """The database does not answer, or has no room; a retry may help."""


class ForeignDatabase(IndexFault):
    """The database holds the index of another market; rebuilding it helps."""
