"""Fields that many resources share: their ranges, units and examples."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

LAST_SLOT = 2**28 - 1  # in the year 9625: the calendar ends before the chain does
MAX_NUMBER = 1_055  # participants and, after them, managers

EXAMPLE_SLOT = 1_973_096
EXAMPLE_HASH = "0x5fd1b1c1e4c8a7b6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2"
EXAMPLE_OWNER = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"

SlotNumber = Annotated[
    int,
    Field(ge=0, le=LAST_SLOT, description="Delivery slot: Unix time // 900.", examples=[1_973_096]),
]
ParticipantNumber = Annotated[
    int, Field(ge=1, le=MAX_NUMBER, description="Number of a participant.", examples=[1])
]
Position = Annotated[int, Field(ge=0, description="Place in its slot's list.", examples=[0])]
EnergyWh = Annotated[int, Field(ge=0, description="Energy, in Wh.", examples=[1_500])]
Price = Annotated[
    int,
    Field(ge=0, description="In micro-USD per MWh: 1,000,000 is 1 USD.", examples=[120_000_000]),
]
Money = Annotated[int, Field(description="In micro-USD.", examples=[180_000])]
ShareBps = Annotated[int, Field(ge=0, description="In basis points.", examples=[9_500])]
Address = Annotated[
    str, Field(pattern=r"^0x[0-9a-f]{40}$", description="Address.", examples=[EXAMPLE_OWNER])
]
GivenAddress = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-fA-F]{40}$",
        description="Address, in letters of either case.",
        examples=[EXAMPLE_OWNER],
    ),
]
Hash = Annotated[
    str, Field(pattern=r"^0x[0-9a-f]{64}$", description="Hash.", examples=[EXAMPLE_HASH])
]
BlockNumber = Annotated[int, Field(ge=0, description="Block.", examples=[1_024])]
Instant = Annotated[
    datetime, Field(description="Chain time, ISO 8601 in UTC.", examples=["2026-11-21T12:15:00Z"])
]
