"""What comes out of a region does not depend on where it is cleared."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Timer
from typing import Any, TypeVar

import dask
import distributed
import pytest

from oracle.errors import ContractRevert, InvalidInputError, OracleError, WorkerError
from oracle.region import schedulers
from oracle.region.day import FeederDay
from oracle.region.feeder import RegionTerms
from oracle.region.region import Region
from oracle.region.schedulers import ANY_PORT, Answer, Serial, Task, in_order, open_scheduler

Result = TypeVar("Result")
TERMS = RegionTerms(feeders=5, prosumers=10, seed=3)


def doubled(number: int) -> int:
    return 2 * number


def refused(number: int) -> int:
    raise InvalidInputError(f"feeder {number} is refused")


def reverted(number: int) -> int:
    raise ContractRevert("NotOptimal", {"primal": number, "dual": 7})


def died(number: int) -> int:
    os._exit(1)


def waited(number: int) -> int:
    time.sleep(60)
    return number


@pytest.fixture(scope="module")
def expected() -> tuple[list[FeederDay], str]:
    region = Region(TERMS)
    return list(region.cleared(Serial())), region.digest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "workers"), [("process", 1), ("process", 2), ("process", 3), ("dask", 1), ("dask", 2)]
)
def test_days_and_digest_are_the_same_everywhere(
    name: Any, workers: int, expected: tuple[list[FeederDay], str]
) -> None:
    region = Region(TERMS)

    with open_scheduler(name, workers) as scheduler:
        days = list(region.cleared(scheduler))

    assert (days, region.digest) == expected
    assert [day.number for day in days] == list(range(5))


@pytest.mark.slow
def test_a_running_cluster_is_used_by_its_address(expected: tuple[list[FeederDay], str]) -> None:
    region = Region(TERMS)

    with (
        distributed.LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=ANY_PORT,
            worker_dashboard_address=ANY_PORT,
        ) as up,
        open_scheduler("dask", address=up.scheduler_address) as scheduler,
    ):
        days = list(region.cleared(scheduler))

    assert (days, region.digest) == expected
    assert scheduler.at_once == 8


def test_the_digest_is_of_all_feeders_in_their_order(
    expected: tuple[list[FeederDay], str],
) -> None:
    other = Region(RegionTerms(feeders=4, prosumers=10, seed=3))

    list(other.cleared(Serial()))

    assert other.digest != expected[1]
    assert other.feeders == 4
    assert other.total.rounds == 4 * 96


class Late:
    """Answers whose tasks are done only when somebody waits for them, the latest first."""

    workers, at_once = 1, 3

    def __init__(self) -> None:
        self.most = self.open = 0

    def submit(self, task: Task[Result], number: int) -> Answer:
        self.open += 1
        self.most = max(self.most, self.open)
        answer: Future[Result] = Future()
        answer.set_result(task(number))
        waited = answer.result

        def result(timeout: float | None = None) -> Result:
            self.open -= 1
            return waited(timeout)

        answer.result = result  # type: ignore[method-assign]
        return answer


def test_only_a_few_tasks_are_on_their_way_and_results_come_in_order() -> None:
    scheduler = Late()

    results = list(in_order(scheduler, doubled, range(20)))

    assert results == [2 * number for number in range(20)]
    assert scheduler.most == 3


def test_nothing_is_cleared_before_it_is_asked_for() -> None:
    asked: list[int] = []

    def task(number: int) -> int:
        asked.append(number)
        return number

    results: Iterator[int] = in_order(Serial(), task, range(10))
    next(results)

    assert asked == [0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["process", "dask"])
@pytest.mark.parametrize(
    ("task", "error"),
    [
        (refused, InvalidInputError("feeder 0 is refused")),
        (reverted, ContractRevert("NotOptimal", {"primal": 0, "dual": 7})),
    ],
)
def test_what_a_task_raises_comes_back(name: Any, task: Task[int], error: OracleError) -> None:
    with pytest.raises(type(error)) as raised, open_scheduler(name, 1) as scheduler:
        list(in_order(scheduler, task, range(3)))

    assert (str(raised.value), vars(raised.value)) == (str(error), vars(error))


@pytest.mark.slow
def test_a_process_that_dies_is_said_in_one_line() -> None:
    with (
        pytest.raises(WorkerError, match="a worker process died"),
        open_scheduler("process", 1) as scheduler,
    ):
        list(in_order(scheduler, died, range(3)))


@pytest.mark.slow
@pytest.mark.parametrize("preload", ["import time; time.sleep(600)", "raise SystemExit(3)"])
def test_workers_that_do_not_start_are_said_in_one_line(
    preload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedulers, "START_S", 3)

    with (
        dask.config.set({"distributed.worker.preload": [preload]}),
        pytest.raises(WorkerError, match="expected its workers within 3 s, got "),
        open_scheduler("dask", 1),
    ):
        pass


@pytest.mark.slow
def test_workers_without_the_project_are_said_in_one_line() -> None:
    hidden = "import sys; sys.modules['oracle'] = None"  # done by each worker as it starts

    with (
        dask.config.set({"distributed.worker.preload": [hidden]}),
        pytest.raises(WorkerError, match=r"^tcp://\S+: expected wattline \S+, got .*oracle.*\Z"),
        open_scheduler("dask", 1),
    ):
        pass


@contextmanager
def closed_meanwhile(cluster: Any) -> Iterator[None]:
    timer = Timer(1, cluster.close)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_said_in_one_line() -> None:
    with (
        distributed.LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=1,
            threads_per_worker=1,
            dashboard_address=ANY_PORT,
            worker_dashboard_address=ANY_PORT,
        ) as up,
        pytest.raises(WorkerError, match=r"^tcp://\S+: .* until the last result, got .+\Z"),
        open_scheduler("dask", address=up.scheduler_address) as scheduler,
        closed_meanwhile(up),
    ):
        list(in_order(scheduler, waited, range(3)))


@pytest.mark.parametrize(
    ("name", "workers", "address", "words"),
    [
        ("cloud", 1, None, "scheduler: expected one of serial, process, dask, got cloud"),
        ("process", 0, None, "workers: expected from 1 to 1,024, got 0"),
        ("process", 2, "tcp://127.0.0.1:1", "expected with the scheduler dask only, not process"),
    ],
)
def test_refuses_what_it_cannot_open(
    name: Any, workers: int, address: str | None, words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words), open_scheduler(name, workers, address):
        pass


def test_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)

    with (
        pytest.raises(InvalidInputError, match=r"distributed: pip install '.\[dask\]'"),
        open_scheduler("dask"),
    ):
        pass


@pytest.mark.slow
def test_says_that_nobody_answers_at_an_address() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"

    with (
        pytest.raises(WorkerError, match="expected a Dask scheduler"),
        open_scheduler("dask", address=address),
    ):
        pass


@pytest.mark.parametrize("address", ["here", "gopher://127.0.0.1:1"])
def test_says_that_an_address_is_none(address: str) -> None:
    with (
        pytest.raises(WorkerError, match=f"{address}: expected a Dask scheduler"),
        open_scheduler("dask", address=address),
    ):
        pass
