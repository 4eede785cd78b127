"""Ask what runs over HTTP, and wait for what comes."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

PATIENCE_S = 30.0


def answer_of(url: str) -> tuple[int, Any]:
    """Return the status and the JSON of an answer; 0 and None where nobody listens."""
    try:
        with urlopen(url, timeout=30) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)
    except URLError:
        return 0, None


def wait_until(
    is_so: Callable[[], Any],
    said: Callable[[], str] = lambda: "in vain",
    *,
    within_s: float = PATIENCE_S,
    poll_s: float = 0.02,
) -> None:
    """Wait for a condition; where it does not come, fail with what is said."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, said()
        time.sleep(poll_s)
