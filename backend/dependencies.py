"""What requests are answered from."""

from typing import Annotated

from fastapi import Depends, Request

from backend.index_view import IndexReader
from backend.service import Service


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _index(request: Request) -> IndexReader:
    service: Service = request.app.state.service
    return service.index


ServiceDep = Annotated[Service, Depends(_service)]
IndexDep = Annotated[IndexReader, Depends(_index)]
