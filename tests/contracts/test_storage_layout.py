"""
Where the contracts keep what they store: a difference to storage_layout.json fails.

To accept one, run this file with UPDATE_STORAGE_LAYOUT=1 and commit the snapshot with its cause.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.sources import analysed, product_sources, standard_input

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("compiler")]

SNAPSHOT = Path(__file__).with_name("storage_layout.json")


def plain(type_name: str) -> str:
    """Return a type without the compiler's number of its declaration."""
    return re.sub(r"\)\d+", ")", type_name)


def places(layout: dict[str, Any]) -> dict[str, Any]:
    """Return slot, first byte, name and type of each variable; and the structs they are made of."""
    structs = {
        plain(name): [place(member) for member in kind["members"]]
        for name, kind in (layout["types"] or {}).items()
        if "members" in kind
    }
    return {"storage": [place(variable) for variable in layout["storage"]], "structs": structs}


def place(variable: dict[str, Any]) -> str:
    return f"{variable['slot']}+{variable['offset']} {variable['label']}: {plain(variable['type'])}"


def test_the_contracts_store_where_the_snapshot_says() -> None:
    output = analysed(standard_input({"*": ["storageLayout"]}))
    deployable = [name for name in product_sources() if "/" not in name]
    layouts = {
        contract: places(answer["storageLayout"])
        for name in deployable
        for contract, answer in output["contracts"][name].items()
    }
    text = json.dumps(layouts, indent=1, sort_keys=True) + "\n"

    if os.environ.get("UPDATE_STORAGE_LAYOUT"):
        SNAPSHOT.write_text(text, encoding="utf-8")

    assert "Exchange" in layouts
    assert SNAPSHOT.read_text(encoding="utf-8") == text
