"""
Groups that import a subcommand when it is called.

So each starts without what the others need: a list of them is there at once.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Subcommand:
    """Where a subcommand is, and what a list of subcommands says of it."""

    place: str  # `module:name` of a function or of a group
    summary: str  # the first paragraph of its help
    needs_arguments: bool = True  # of a function: called without any it shows its help

    def load(self, name: str) -> TyperCommand | TyperGroup:
        """Import it, and return it under a name."""
        module, attribute = self.place.split(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            app = typer.Typer(add_completion=False)
            app.command(name, no_args_is_help=self.needs_arguments)(found)
            found = app
        command = cast(TyperCommand | TyperGroup, typer.main.get_command(found))
        command.name = name
        return command


class SubcommandGroup(TyperGroup):
    """A group that knows its subcommands by name until one is called; a subclass says which."""

    subcommands: ClassVar[dict[str, Subcommand]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, subcommand in self.subcommands.items():
            self.add_command(TyperCommand(name, help=subcommand.summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        return (name, self.subcommands[name].load(name), rest) if name else (name, listed, rest)
