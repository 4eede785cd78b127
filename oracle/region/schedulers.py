"""
Where the feeders of a region are cleared: in this process, in local processes, on a Dask cluster.

A scheduler takes one feeder after the other and answers with a future; `in_order` keeps a few of
these on their way for each worker and hands out their results in the order of the feeders, so that
neither the number of workers nor who is first shows in what comes out, and memory stays bounded.

Workers compute with one thread each: a round is too small for more, and two workers whose libraries
start a thread per core slow each other down.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from multiprocessing import get_context
from typing import Any, Literal, Protocol, TypeVar

from oracle.errors import InvalidInputError, WorkerError

SchedulerName = Literal["serial", "process", "dask"]
SCHEDULERS: tuple[SchedulerName, ...] = ("serial", "process", "dask")

ON_THEIR_WAY = 4  # feeders per worker: none waits while the results of others are written
MOST_WORKERS = 1024
CONNECT_S = 10
START_S = 60
OUR_CLUSTER = "a Dask cluster of our own"
ANY_PORT = "127.0.0.1:0"  # of the pages on a local cluster: for nobody else, and never taken
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Result = TypeVar("Result")
Task = Callable[[int], Result]


class Answer(Protocol):
    """What a scheduler gives for a task: a future of concurrent.futures or of Dask."""

    def result(self) -> Any:
        """Wait for the task, and return what it returns or raise what it raises."""


class Scheduler(Protocol):
    """Workers that are up."""

    workers: int
    at_once: int  # tasks that may be on their way

    def submit(self, task: Task[Result], number: int) -> Answer:
        """Have a task done."""


class Serial:
    """Our own process, at once."""

    workers = at_once = 1

    def submit(self, task: Task[Result], number: int) -> Answer:
        done: Future[Result] = Future()
        done.set_result(task(number))
        return done


class Processes:
    """A pool of local processes."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int) -> None:
        self._pool = pool
        self.workers, self.at_once = workers, ON_THEIR_WAY * workers

    def submit(self, task: Task[Result], number: int) -> Answer:
        return self._pool.submit(task, number)


class Dask:
    """A Dask cluster by its client, `distributed.Client`."""

    def __init__(self, client: Any, workers: int) -> None:
        self._client = client
        self.workers, self.at_once = workers, ON_THEIR_WAY * workers

    def submit(self, task: Task[Result], number: int) -> Answer:
        answer: Answer = self._client.submit(task, number, pure=False)
        return answer


@contextmanager
def open_scheduler(
    name: SchedulerName, workers: int = 1, address: str | None = None
) -> Iterator[Scheduler]:
    """
    Yield a scheduler whose workers are up, and end those that it started.

    `address` is that of a running Dask scheduler, such as tcp://host:8786, with workers of its own.

    Raises
    ------
    InvalidInputError
        If there is no such scheduler, or Dask is not installed.
    WorkerError
        If no worker comes up, one has another version of the project or none, one dies, or the Dask
        scheduler is lost.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InvalidInputError(f"workers: expected from 1 to {MOST_WORKERS:,}, got {workers:,}")
    if address is not None and name != "dask":
        raise InvalidInputError(f"an address: expected with the scheduler dask only, not {name}")
    if name == "serial":
        yield Serial()
    elif name == "process":
        with _processes(workers) as scheduler:
            yield scheduler
    elif name == "dask":
        with _dask(workers, address) as scheduler:
            yield scheduler
    else:
        raise InvalidInputError(f"scheduler: expected one of {', '.join(SCHEDULERS)}, got {name}")


def in_order(scheduler: Scheduler, task: Task[Result], numbers: Sequence[int]) -> Iterator[Result]:
    """Yield a task's result for each number, in their order."""
    left = iter(numbers)
    waiting: deque[Answer] = deque()
    while True:
        for number in islice(left, scheduler.at_once - len(waiting)):
            waiting.append(scheduler.submit(task, number))
        if not waiting:
            return
        yield waiting.popleft().result()


@contextmanager
def _processes(workers: int) -> Iterator[Scheduler]:
    with (
        _environment(ONE_THREAD),
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        try:
            list(pool.map(_ready, range(workers)))
            yield Processes(pool, workers)
        except BrokenProcessPool as error:
            raise WorkerError(f"a worker process died: {error}") from error
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _dask(workers: int, address: str | None) -> Iterator[Scheduler]:
    try:
        import distributed
        from distributed.client import ClosedClientError
        from distributed.comm.core import CommClosedError
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise InvalidInputError(
            "the scheduler dask needs the package distributed: pip install '.[dask]'"
        ) from error

    where = address or OUR_CLUSTER
    with _local_cluster(workers) if address is None else _nothing(address) as cluster:
        try:
            client = distributed.Client(cluster, timeout=CONNECT_S)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise WorkerError(f"{where}: expected a Dask scheduler, got {error}") from error
        # A client that has lost its scheduler logs tracebacks beside what it raises. Not every
        # OSError is of that kind: the caller's files raise them, too.
        with silence_logging_cmgr(logging.CRITICAL), client:
            try:
                yield Dask(client, _workers_of(client, where))
            except distributed.KilledWorker as error:
                raise WorkerError(f"a worker of the Dask cluster died: {error}") from error
            except (CancelledError, ClosedClientError, CommClosedError) as error:
                raise WorkerError(
                    f"{where}: expected a Dask scheduler until the last result, got {_line(error)}"
                ) from error


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    import dask
    import distributed

    with dask.config.set({"distributed.worker.profile.enabled": False}):  # it samples each 10 ms
        try:
            cluster = distributed.LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers,
                threads_per_worker=1,  # as ONE_THREAD, by itself
                processes=True,
                host="127.0.0.1",
                dashboard_address=ANY_PORT,
                worker_dashboard_address=ANY_PORT,
                silence_logs=logging.ERROR,
                death_timeout=START_S,
            )
        except Exception as error:  # of any kind: a nanny out of time fails an assertion of its own
            raise WorkerError(
                f"{OUR_CLUSTER}: expected its workers within {START_S} s, got {error!r}"
            ) from error
        with cluster:
            yield cluster


@contextmanager
def _nothing(address: str) -> Iterator[str]:
    yield address


def _workers_of(client: Any, where: str) -> int:
    """Return how many threads the workers have, once they have loaded this project's version."""
    try:
        client.wait_for_workers(1, timeout=START_S)
    except TimeoutError as error:
        raise WorkerError(f"{where}: expected a worker within {START_S} s, got none") from error
    ours = version("wattline")
    for worker, theirs in _answers(client, f"wattline {ours}", _version).items():
        if theirs != ours:
            raise WorkerError(f"{worker}: expected wattline {ours}, got {theirs}")
    _answers(client, "a feeder cleared", _ready, 0)
    return sum(client.nthreads().values())


def _answers(
    client: Any, expected: str, function: Callable[..., object], *arguments: object
) -> dict[str, object]:
    """Return what a function returns on each worker; WorkerError where it cannot run."""
    # Of whatever kind: where a worker has not the module of the function, Dask's scheduler makes a
    # plain Exception of the text of the ImportError.
    answers: dict[str, object] = client.run(function, *arguments, on_error="return")
    for worker, answer in answers.items():
        if isinstance(answer, Exception):
            raise WorkerError(f"{worker}: expected {expected}, got {_line(answer)}") from answer
    return answers


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or repr(error)


def _version() -> str:
    return version("wattline")


def _ready(number: int) -> int:
    """Load what a feeder needs by clearing a small one: the first is not slower than the others."""
    from oracle.region.day import clear_feeder
    from oracle.region.feeder import LEAST_PROSUMERS, RegionTerms

    clear_feeder(RegionTerms(feeders=1, prosumers=LEAST_PROSUMERS, seed=0), 0)
    return number


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
