"""
Every refusal of the service, as problem details (RFC 9457):

* ServiceError
  x InvalidRequest, PriceAboveCap, ZeroEnergy                          422
  x UnknownHost 400, WrongSignature, WrongMeter, NotAParticipant 403
  x NotFound 404, MethodNotAllowed 405, UnsupportedFormat 406
  x ForeignChain, OrderExists, NonceSpent, GateClosed, NotOpenYet,
    InsufficientFunds, ReadingExists, OutsideReadingTime,
    AttemptsSpent                                                       409
  x BodyTooLarge 413, RateLimited 429
  x InternalError                                                       500
  x OutboxFull, IndexBehind, ChainUnavailable                           503
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

PROBLEM_JSON = "application/problem+json"
PROBLEMS = "/problems"

Extensions = dict[str, int | str | None]


class FieldProblem(BaseModel):
    """What is wrong with one field; its value is never repeated."""

    field: str = Field(description="Where it is, with dots between.", examples=["body.energy_wh"])
    message: str = Field(examples=["Input should be a valid integer"])


class Problem(BaseModel):
    """Problem details (RFC 9457); members beside these belong to the type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Which problem.", examples=["/problems/not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["slot 1963296: nothing is known of it"])
    instance: str = Field(description="Path of the request.", examples=["/api/v1/rounds/1963296"])
    errors: list[FieldProblem] | None = Field(
        default=None, description="Of an invalid request: its fields."
    )


class ServiceError(Exception):
    """Base of every refusal; `detail` says what was expected and what came."""

    name: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self,
        detail: str,
        *,
        extensions: Extensions | None = None,
        errors: list[FieldProblem] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions = extensions or {}
        self.errors = errors
        self.headers = headers or {}

    def problem(self, instance: str) -> Problem:
        """Return the body of the answer."""
        members: dict[str, Any] = {
            "type": f"{PROBLEMS}/{self.name}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "errors": self.errors,
        }
        return Problem(**(members | self.extensions))


class InvalidRequest(ServiceError):
    """A field is missing, unknown or outside its range, or the body is not JSON."""

    name, title, status = "invalid-request", "Invalid request", 422


class PriceAboveCap(ServiceError):
    """The order's price is above the market's cap."""

    name, title, status = "price-above-cap", "Price above the cap", 422


class ZeroEnergy(ServiceError):
    """The order has no energy."""

    name, title, status = "zero-energy", "No energy", 422


class UnknownHost(ServiceError):
    """The Host header is none of the service's names."""

    name, title, status = "unknown-host", "Unknown host", 400


class WrongSignature(ServiceError):
    """The owner of the participant did not sign this order."""

    name, title, status = "wrong-signature", "Wrong signature", 403


class WrongMeter(ServiceError):
    """The meter of the participant did not sign this reading."""

    name, title, status = "wrong-meter", "Wrong meter", 403


class NotAParticipant(ServiceError):
    """Nobody has this number in this slot."""

    name, title, status = "not-a-participant", "Not a participant", 403


class NotFound(ServiceError):
    """There is no such thing, or not yet."""

    name, title, status = "not-found", "Not found", 404


class MethodNotAllowed(ServiceError):
    """The resource is there and does not know this method."""

    name, title, status = "method-not-allowed", "Method not allowed", 405


class UnsupportedFormat(ServiceError):
    """The answer cannot be had in this format."""

    name, title, status = "unsupported-format", "Unsupported format", 406


class ForeignChain(ServiceError):
    """The order or reading is for another chain or another exchange."""

    name, title, status = "foreign-chain", "Foreign chain", 409


class OrderExists(ServiceError):
    """The participant has ordered for this slot already."""

    name, title, status = "order-exists", "Order exists", 409


class NonceSpent(ServiceError):
    """The owner has spent this nonce."""

    name, title, status = "nonce-spent", "Nonce spent", 409


class GateClosed(ServiceError):
    """Orders for this slot are final."""

    name, title, status = "gate-closed", "Gate closed", 409


class NotOpenYet(ServiceError):
    """The slot does not take orders yet."""

    name, title, status = "not-open-yet", "Not open yet", 409


class InsufficientFunds(ServiceError):
    """The account has less free money than the order locks."""

    name, title, status = "insufficient-funds", "Insufficient funds", 409


class ReadingExists(ServiceError):
    """The meter has spoken for this slot already."""

    name, title, status = "reading-exists", "Reading exists", 409


class OutsideReadingTime(ServiceError):
    """The slot takes no readings now."""

    name, title, status = "outside-reading-time", "Outside reading time", 409


class AttemptsSpent(ServiceError):
    """The service has posted as much for this participant and slot as it pays for."""

    name, title, status = "attempts-spent", "Attempts spent", 409


class BodyTooLarge(ServiceError):
    """The body is larger than the service reads."""

    name, title, status = "body-too-large", "Body too large", 413


class RateLimited(ServiceError):
    """The client asks too often; Retry-After says when to come again."""

    name, title, status = "rate-limited", "Rate limited", 429


class InternalError(ServiceError):
    """The service failed; nothing about the request need be wrong."""

    name, title, status = "internal-error", "Internal error", 500


class OutboxFull(ServiceError):
    """Too many signed orders wait for the chain; Retry-After says when to come again."""

    name, title, status = "outbox-full", "Outbox full", 503


class IndexBehind(ServiceError):
    """The index knows too little of the chain."""

    name, title, status = "index-behind", "Index behind", 503


class ChainUnavailable(ServiceError):
    """The chain, or what is asked for from it, cannot be reached."""

    name, title, status = "chain-unavailable", "Chain unavailable", 503


def every_refusal() -> Iterator[type[ServiceError]]:
    """Yield every kind of refusal, by status."""
    yield from sorted(ServiceError.__subclasses__(), key=lambda kind: (kind.status, kind.name))
