"""For whoever runs the service: is it alive, is it ready, what does it count."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from backend.dependencies import ServiceDep
from backend.errors import PROBLEMS, IndexBehind, NotFound, every_refusal
from backend.metrics import CONTENT_TYPE_LATEST
from backend.openapi import refusals

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """The index is near enough to the chain."""

    status: Literal["ready"] = "ready"
    block: int | None = Field(description="Newest indexed block.", examples=[1_024])
    lag_blocks: int | None = Field(
        description="Blocks of the chain that the index lacks; null where no chain is watched.",
        examples=[0],
    )


class ProblemKind(BaseModel):
    """A kind of refusal, at the address that its problem details name."""

    type: str
    title: str
    status: int
    description: str


@router.get("/health", summary="Whether it is alive")
async def health() -> Health:
    """Return that the process answers."""
    return Health()


@router.get("/ready", summary="Whether it is ready", responses=refusals(IndexBehind))
async def ready(service: ServiceDep) -> Ready:
    """Return how far the index is; refuse while it is too far behind to be relied on."""
    service.require_ready()
    state = service.readiness()
    return Ready(block=state.block, lag_blocks=state.lag_blocks)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(service: ServiceDep) -> Response:
    """Return requests, latencies, listeners, outbox and lag."""
    return Response(await service.figures(), media_type=CONTENT_TYPE_LATEST)


@router.get(PROBLEMS + "/{name}", summary="What a problem is", responses=refusals(NotFound))
async def problem(
    name: Annotated[str, Path(description="As a problem's type ends.", examples=["not-found"])],
) -> ProblemKind:
    """Return what the `type` of a problem stands for."""
    for kind in every_refusal():
        if kind.name == name:
            return ProblemKind(
                type=f"{PROBLEMS}/{name}",
                title=kind.title,
                status=kind.status,
                description=(kind.__doc__ or "").strip(),
            )
    raise NotFound("no problem has this name")
