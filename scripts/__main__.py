"""
`python -m scripts` is `wattline`.

What a devnet starts comes without the other subcommands: it is there in half the time.
"""

import sys
from importlib import import_module

import typer

ALONE = ("oracle", "serve", "simulate")


def main() -> None:
    """Run the command."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in ALONE:
        import_module("scripts.cli").main()
        return
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(getattr(import_module(f"scripts.{name}"), name))
    app.callback()(lambda: None)  # so that the name stays a subcommand's
    app()


if __name__ == "__main__":
    main()
