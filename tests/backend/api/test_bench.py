"""`wattline bench service` against a service on a socket."""

import json
import subprocess
import sys

from backend.server import Server


def asked(service: tuple[Server, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts", "bench", "service", "--url", service[1]]
    few = ["--seconds", "1", "--rate", "40", "--listeners", "3"]
    return subprocess.run([*command, *few, *options], capture_output=True, text=True, timeout=60)  # noqa: S603


def test_all_reads_are_answered_and_all_listeners_stay(
    socket_service: tuple[Server, str],
) -> None:
    result = asked(socket_service, "--json")

    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert (figures["requests"], figures["errors"], figures["listeners_lost"]) == (40, {}, 0)
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]


def test_late_answers_and_a_market_that_stands_still_fail(
    socket_service: tuple[Server, str],
) -> None:
    late = asked(socket_service, "--p99-ms", "0")
    still = asked(socket_service, "--p99-ms", "10000")

    assert (late.returncode, still.returncode) == (1, 1)
    assert "error: p99: expected at most 0 ms, got " in late.stderr
    assert "heard of no clearing" in late.stderr
    assert still.stderr == "error: expected rounds to go on meanwhile, heard of no clearing\n"
