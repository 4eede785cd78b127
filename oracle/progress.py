"""How work that takes long says how far it is."""

from collections.abc import Callable

# Called with the stage, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]
