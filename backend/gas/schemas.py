"""What functions of the contracts cost, as JSON."""

from pydantic import BaseModel, Field

from backend.pagination import ListQuery


class GasFilter(ListQuery):
    """All functions."""


class GasRead(BaseModel):
    """Gas of the transactions that called a function and left an event."""

    contract: str = Field(examples=["Exchange"])
    function: str = Field(
        description="`deploy`, `unseen` if another contract passed the call on, or the function.",
        examples=["clear"],
    )
    calls: int = Field(ge=1)
    min_gas: int = Field(ge=0)
    median_gas: int = Field(ge=0, description="Of an even number of calls the lower of the two.")
    max_gas: int = Field(ge=0)
    total_gas: int = Field(ge=0)
