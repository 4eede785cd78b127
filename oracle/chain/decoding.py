"""Logs as plain values: integers, texts, lists and objects; words as the fields they pack."""

from dataclasses import asdict
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic
from hexbytes import HexBytes
from web3.types import LogReceipt

from oracle.chain.artifacts import load_artifact
from oracle.domain.book import Order, Trade
from oracle.domain.record import Values

ADDRESS_MASK = (1 << 160) - 1


@cache
def events_by_topic(contract: str) -> dict[bytes, dict[str, Any]]:
    return {
        bytes(event_abi_to_log_topic(entry)): entry  # type: ignore[arg-type]
        for entry in load_artifact(contract).abi
        if entry["type"] == "event"
    }


def event_values(entry: dict[str, Any], log: LogReceipt) -> Values:
    indexed = [item for item in entry["inputs"] if item["indexed"]]
    plain = [item for item in entry["inputs"] if not item["indexed"]]
    values = {
        item["name"]: decode([item["type"]], bytes(topic))[0]
        for item, topic in zip(indexed, log["topics"][1:], strict=True)
    }
    decoded = decode([collapse_if_tuple(item) for item in plain], bytes(log["data"]))
    values |= dict(zip((item["name"] for item in plain), decoded, strict=True))
    inputs = entry["inputs"]
    if entry["name"] == "OrderSkipped":  # its word need not be an order's
        inputs = [{**item, "internalType": item["type"]} for item in inputs]
        values["order"] = values["order"].to_bytes(32, "big")
    found = {item["name"]: _plain(item, values[item["name"]]) for item in inputs}
    if entry["name"] == "SlotSettled":
        found["delivered"] = numbers(values["delivered"], 4)
    if entry["name"] == "OrdersPosted" and isinstance(values["orders"], bytes):
        found["orders"] = [_order(word) for word in numbers(values["orders"], 32)]
    return found


def numbers(packed: bytes, size: int) -> list[int]:
    """Return the numbers of `size` bytes each that an event has packed."""
    starts = range(0, len(packed), size)
    return [int.from_bytes(packed[start : start + size], "big") for start in starts]


def _order(word: int) -> Values:
    return {name: int(field) for name, field in asdict(Order.unpack(word)).items()}


def _plain(item: dict[str, Any], value: Any) -> Any:
    """Return a value as integers, texts, lists and objects; words as the fields they pack."""
    kind: str = item["type"]
    if kind.endswith("[]"):
        inner = {**item, "type": kind[:-2], "internalType": item["internalType"].removesuffix("[]")}
        return [_plain(inner, one) for one in value]
    if item.get("internalType") == "Order":
        return _order(value)
    if item.get("internalType") == "Trade":
        fields = asdict(Trade.unpack(value))
        del fields["delivered"]
        return {name: field if name == "pooled" else int(field) for name, field in fields.items()}
    if kind == "tuple":
        return {
            part["name"]: _plain(part, one)
            for part, one in zip(item["components"], value, strict=True)
        }
    if kind == "address":
        return value.lower()
    return hex_of(value) if isinstance(value, bytes) else value


def address_of(word: int) -> str:
    return f"0x{word & ADDRESS_MASK:040x}"


def hex_of(data: Any) -> str:
    return "0x" + bytes(HexBytes(data)).hex()
