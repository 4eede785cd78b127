"""What every subcommand shares: errors in one line, progress on standard error, tables."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from oracle.errors import OracleError
from oracle.progress import Progress as Report

out = Console()
err = Console(stderr=True)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """End with exit code 1 and one line on standard error where the oracle refuses or fails."""
    try:
        yield
    except OracleError as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(code=1) from error
    except OSError as error:  # files that cannot be read or written, ours or the user's
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"error: {where}{error.strerror or error}", err=True)
        raise typer.Exit(code=1) from error


@contextmanager
def progress_bars(title: str) -> Iterator[Report]:
    """Show how far the stages of a run have come; silent where nobody looks at a terminal."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    )
    tasks = {}
    with bars:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(f"{title}: {stage}", total=total)
                if bars.disable:
                    err.print(f"{title}: {stage} …", highlight=False)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
