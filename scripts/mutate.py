"""
Change the contracts at one place at a time, and see whether a test notices.

Each mutant is one small change of one line: an operator, a comparison, a number, a call of the
other rounding, a statement or a refusal left out. In a copy of the project, the contracts nearest
to it are compiled and the tests nearest to it asked; who survives that is compiled into all it
reaches, and asked all tests in Python and then those of forge. What survives all must be explained
in tests/contracts/MUTANTS.md. Gas, sizes and storage layout are not asked: they change with code
that does the same.

The mutants are a sample, drawn with a fixed seed: a larger one continues a smaller one. Results are
kept in out/mutation/results.json, so that a run that was stopped goes on.
"""

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatch
from queue import SimpleQueue
from statistics import median
from typing import Annotated

import typer

from scripts.compile import ROOT
from scripts.mutation.mutants import SEED, Mutant, all_mutants
from scripts.mutation.results import (
    Book,
    Result,
    Score,
    explained,
    outdated,
    project_digest,
    source_digest,
)
from scripts.mutation.trial import Compiled, Copy, Fate, TestsBrokenError

OUT = ROOT / "out" / "mutation"
LEAST_SCORE = 0.9


def mutate_command(
    sample: Annotated[int, typer.Option(help="How many mutants to try.")] = 150,
    file: Annotated[
        list[str] | None, typer.Option(help="Only of files like this below contracts/.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Stop after this long; go on next time.")] = 75,
    workers: Annotated[int, typer.Option(help="How many to try at a time.")] = 2,
) -> None:
    """
    Try a sample of mutants; end with 1 if the score is below 90 % or a survivor is not explained.

    Example: python -m scripts.mutate --sample 40 --file 'libraries/*'
    """
    ends = time.monotonic() + 60 * minutes
    every = [
        mutant
        for mutant in all_mutants()
        if any(fnmatch(mutant.file, pattern) for pattern in file or ["*"])
    ]
    drawn = every[:sample]
    typer.echo(f"{len(drawn)} of {len(every)} mutants, drawn with seed {SEED}")

    OUT.mkdir(parents=True, exist_ok=True)
    book = Book.read(OUT / "results.json")
    project = project_digest()
    known = explained()
    open_ones = [
        mutant
        for mutant in drawn
        if mutant.name not in book.results or not book.results[mutant.name].holds(project, known)
    ]
    if open_ones:
        _try(open_ones, book, project, workers, ends)

    done = [
        result
        for mutant in drawn
        if (result := book.results.get(mutant.name)) and result.holds(project, known)
    ]
    faults = [*_conclusion(done, len(drawn)), *_explanations()]
    for fault in faults:
        typer.echo(f"error: {fault}", err=True)
    if faults:
        raise typer.Exit(code=1)


def _try(mutants: list[Mutant], book: Book, project: str, workers: int, ends: float) -> None:
    """Ask the tests of mutants, several at a time, until it is late."""
    originals: Compiled = {}
    copies = [Copy(OUT / f"copy-{number}", originals) for number in range(workers)]
    if book.sound_project != project:
        typer.echo("the tests of the project as it is …")
        if fault := copies[0].fault_of_the_original(workers):
            typer.echo(f"error: fails without a mutant: {fault}", err=True)
            raise typer.Exit(code=1)
        book.sound_project = project
        book.write()

    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def ask(mutant: Mutant) -> Result | None:
        if time.monotonic() > ends:
            return None
        copy = free.get()
        started = time.monotonic()
        try:
            verdict = copy.verdict_on(mutant)
        finally:
            free.put(copy)
        return Result(
            name=mutant.name,
            place=f"{mutant.file}:{mutant.line}",
            fate=verdict.fate,
            killer=verdict.killer,
            seconds=round(time.monotonic() - started),
            source=source_digest(mutant.file),
            project=project,
        )

    with ThreadPoolExecutor(workers) as pool:
        for future in as_completed([pool.submit(ask, mutant) for mutant in mutants]):
            try:
                result = future.result()
            except TestsBrokenError as error:
                typer.echo(f"error: {error}", err=True)
                continue
            if result is not None:
                book.results[result.name] = result
                book.write()
                typer.echo(
                    f"{result.fate:9} {result.seconds:4} s  {result.name}  {result.killer}".rstrip()
                )


def _conclusion(results: list[Result], sample: int) -> list[str]:
    """Print the score, and return what is wrong with it."""
    score = Score.of(results)
    survivors = [result for result in results if result.fate is Fate.SURVIVED]
    known = explained()
    typer.echo(
        f"{len(results)} of the {sample} mutants tried: "
        f"{score.fates[Fate.REFUSED]} do not compile, {score.fates[Fate.SAME_CODE]} are the same "
        f"code, {score.fates[Fate.KILLED]} killed, {score.fates[Fate.SURVIVED]} survive"
    )
    if results:
        typer.echo(f"seconds a mutant: {median(result.seconds for result in results):.0f} (median)")
    typer.echo(
        f"score {score.share:.1%} of a sample with seed {SEED}; of all mutants, with 95 % "
        f"confidence: {score.interval.low:.1%} to {score.interval.high:.1%}"
    )
    faults = [
        f"{result.place}: not explained: {result.name}"
        for result in survivors
        if result.name not in known
    ]
    if len(results) < sample:
        faults.append(f"{sample - len(results)} mutants are still to be tried")
    if score.share < LEAST_SCORE:
        faults.append(f"score {score.share:.1%}, expected at least {LEAST_SCORE:.0%}")
    return faults


def _explanations() -> list[str]:
    return [f"MUTANTS.md explains what is no mutant: {name}" for name in outdated(all_mutants())]


if __name__ == "__main__":
    typer.run(mutate_command)
