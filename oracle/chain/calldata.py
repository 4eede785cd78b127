"""What transactions carry besides what their events tell: certificates, signatures, salts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eth_abi.exceptions import DecodingError
from hexbytes import HexBytes
from web3.contract import Contract
from web3.exceptions import Web3Exception
from web3.types import TxData

from oracle.chain.decoding import hex_of
from oracle.domain.record import (
    CALLS_OF,
    POST,
    POST_FOR_WALLETS,
    UNSEEN,
    Call,
    ClearCall,
    EventRecord,
    OrderSignature,
    RevealedSalt,
    SignedStatement,
    Values,
)
from oracle.units import Wh


@dataclass(frozen=True, slots=True)
class Calldata:
    """What transactions carried besides what their events tell."""

    calls: list[Call] = field(default_factory=list)
    clears: list[ClearCall] = field(default_factory=list)
    statements: list[SignedStatement] = field(default_factory=list)
    order_signatures: list[OrderSignature] = field(default_factory=list)
    salts: list[RevealedSalt] = field(default_factory=list)

    def add(self, event: EventRecord, function: str, arguments: Values, skipped: set[int]) -> None:
        """Add what belongs to an event; `skipped` are the orders that its transaction skipped."""
        orders = len(arguments["orders"]) if function in (POST, POST_FOR_WALLETS) else 0
        self.calls.append(Call(event=event.position, function=function, orders=orders))
        position = event.position
        if function == "clear":
            certificate = bytes(arguments["certificate"])
            self.clears.append(ClearCall(event=position, certificate=certificate))
        elif function == "reveal":
            self.salts.append(RevealedSalt(event=position, salt=hex_of(arguments["salt"])))
        elif function in (POST, POST_FOR_WALLETS):
            self._add_orders(event, arguments["signatures"], skipped)
        elif function in STATEMENTS:
            self.statements.extend(STATEMENTS[function](position, arguments))

    def add_unseen(self, event: EventRecord) -> None:
        self.calls.append(Call(event=event.position, function=UNSEEN, orders=0))

    def _add_orders(
        self, event: EventRecord, signatures: Sequence[bytes | Values], skipped: set[int]
    ) -> None:
        taken = [position for position in range(len(signatures)) if position not in skipped]
        own = [event.values["position"]] if event.name == "OrderSkipped" else taken
        for entry, one in enumerate(signatures[position] for position in own):
            signature = bytes(one) if isinstance(one, bytes) else bytes(one["r"] + one["vs"])
            self.order_signatures.append(
                OrderSignature(event=event.position, entry=entry, signature=signature)
            )


def decoded_call(contract: Contract, transaction: TxData, event: str) -> tuple[str, Values] | None:
    """Return the function and arguments that left an event of ours; None where it is not seen."""
    if transaction.get("to") != contract.address:
        return None  # another contract was called: what it passed on is not recorded
    data = transaction["input"] if "input" in transaction else transaction["data"]
    try:
        function, arguments = contract.decode_function_input(HexBytes(data))
    except (Web3Exception, DecodingError):
        return None  # a form that the contract takes and the library does not
    if function.fn_name not in CALLS_OF[event]:
        return None  # called back from what this transaction called first
    return function.fn_name, arguments


def _readings(event: int, arguments: Values) -> list[SignedStatement]:
    return [_reading(event, fields) for fields in arguments["readings"]]


def _contradiction(event: int, arguments: Values) -> list[SignedStatement]:
    return [_reading(event, arguments["one"]), _reading(event, arguments["other"])]


def _reading(event: int, fields: Values) -> SignedStatement:
    return SignedStatement(
        event=event,
        participant=fields["participant"],
        energies=(Wh(fields["energyWh"]),),
        signature=bytes(fields["r"]) + bytes(fields["vs"]),
    )


def _storage_reading(event: int, arguments: Values) -> list[SignedStatement]:
    return [
        SignedStatement(
            event=event,
            participant=0,
            energies=(Wh(arguments["chargeWh"]), Wh(arguments["dischargeWh"])),
            signature=bytes(arguments["signature"]),
        )
    ]


STATEMENTS: Mapping[str, Callable[[int, Values], list[SignedStatement]]] = {
    "recordReadings": _readings,
    "reportContradiction": _contradiction,
    "settle": _readings,
    "record": _storage_reading,
}
