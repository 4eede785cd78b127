"""The service as a process: a socket, logs, and an orderly end."""

import gc
import logging
import socket
import sys

import structlog
import uvicorn
from fastapi import FastAPI

from backend.service import Service
from oracle.daemon.log import STAMPS, Lines, LogFormat, rendering

ENDS_WITHIN_S = 5  # then connections are cut
LISTEN_QUEUE = 1_024
SWITCH_INTERVAL_S = 0.000_5


class Server(uvicorn.Server):
    """Ends live streams first: a server that waits for them waits for ever."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app,
            access_log=False,  # we have our own
            backlog=LISTEN_QUEUE,
            lifespan="on",
            log_config=None,
            proxy_headers=False,  # the application reads those of proxies that it was told to trust
            server_header=False,
            timeout_graceful_shutdown=ENDS_WITHIN_S,
            ws="none",
        )
        super().__init__(config)
        self._service: Service = app.state.service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.live.close()
        await super().shutdown(sockets)


def set_up_interpreter() -> None:
    """
    Let no request wait for what is not its own; for the process of one service.

    The loop takes the interpreter's lock at every event: beside threads that read and index it
    would wait 5 ms each time. And what is there by now stays: a full collection would look through
    all of it while nobody is answered.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()


def listening_socket(host: str, port: int) -> socket.socket:
    """
    Return a socket that is bound; port 0 for any free one.

    Raises
    ------
    OSError
        If the address is not ours or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: each answer would wait 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from error
    return bound


def set_up_logs(format_: LogFormat) -> None:
    """Write every log of the process to standard error, one event a line."""
    rendered = rendering(format_, sys.stderr)
    structlog.configure(
        processors=[*STAMPS, *rendered],
        logger_factory=lambda *_: Lines(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=STAMPS,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
