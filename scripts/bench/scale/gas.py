"""What the calls of a round cost, from the receipts of `wattline bench gas`."""

import json
from collections.abc import Sequence
from pathlib import Path

from oracle.errors import InvalidInputError
from oracle.progress import Progress
from oracle.region.settlement import Call, CallCosts, MeasuredRound, call_costs_of
from scripts.bench.gas.community import LEAST_ORDERS, MOST_ORDERS, SHAPES, Shape
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.measurement import measured

LEAST_LARGE = 2 * LEAST_ORDERS


def measured_costs(prosumers: int, progress: Progress) -> CallCosts:
    """Measure rounds of the least size and of a feeder's on an embedded chain; takes some 10 s."""
    large = min(MOST_ORDERS, max(LEAST_LARGE, prosumers + prosumers % 2))
    return costs_of(measured([LEAST_ORDERS, large], SHAPES, "embedded", progress))


def read_costs(path: Path) -> CallCosts:
    """
    Return the costs of a gas.json that `wattline bench gas --out` wrote.

    Raises
    ------
    InvalidInputError
        If it is no such file, or its figures are none that `costs_of` takes.
    """
    try:
        return costs_of([GasFigures(**one) for one in json.loads(path.read_bytes())])
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    except (ArithmeticError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{path}: expected a gas.json of `wattline bench gas --out`, got {error}"
        ) from error


def costs_of(figures: Sequence[GasFigures]) -> CallCosts:
    """
    Return the costs by the smallest and the largest size that were measured.

    Raises
    ------
    InvalidInputError
        If there are fewer than two sizes in both shapes, the large one has no more readings than
        the small one, or a call used no gas.
    """
    by_size: dict[Shape, list[GasFigures]] = {shape: [] for shape in SHAPES}
    for one in sorted(figures, key=lambda one: one.orders):
        if one.shape not in SHAPES:
            raise InvalidInputError(
                f"gas figures: expected the shapes {' and '.join(SHAPES)}, got {one.shape}"
            )
        by_size[one.shape].append(one)
    plain, dense = by_size["one-to-one"], by_size["dense"]
    if len(plain) < 2 or [one.orders for one in plain] != [one.orders for one in dense]:
        raise InvalidInputError(
            "gas figures: expected two sizes or more, each of them in the shapes "
            f"{' and '.join(SHAPES)}"
        )
    if plain[0].readings >= plain[-1].readings:
        raise InvalidInputError(
            f"gas figures: expected more than {plain[0].readings} readings of {plain[-1].orders} "
            f"orders, got {plain[-1].readings}"
        )
    return call_costs_of(
        _round(plain[0]),
        _round(plain[-1]),
        _round(dense[-1]),
        _round(dense[0]),
        own_order_gas=dense[-1].record_own_gas,
        hardfork=dense[-1].hardfork,
    )


def _round(one: GasFigures) -> MeasuredRound:
    gas: dict[Call, int] = {
        "post": one.post_gas,
        "clear": one.clear_gas,
        "readings": one.readings_gas,
        "settle": one.settle_gas,
        "void": one.void_gas,
    }
    for call, used in gas.items():
        if used < 1:
            raise InvalidInputError(
                f"gas figures: expected gas for {call} of {one.orders} orders, got {used}"
            )
    return MeasuredRound(
        orders=one.orders,
        trades=one.trades,
        readings=one.readings,
        gas=gas,
        calldata={
            "post": one.post_calldata_bytes,
            "clear": one.clear_calldata_bytes,
            "readings": one.readings_calldata_bytes,
            "settle": one.settle_calldata_bytes,
            "void": one.void_calldata_bytes,
        },
    )
