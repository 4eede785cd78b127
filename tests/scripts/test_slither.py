"""What the gate of slither says of findings and their reasons."""

import re

from scripts.compile import ROOT
from scripts.slither import Finding, faults_of, findings_in, triaged

REENTRANT = Finding("reentrancy-eth", "Exchange.withdraw")


def test_a_finding_that_is_not_triaged_is_a_fault() -> None:
    assert faults_of([REENTRANT], {}) == ["not triaged: reentrancy-eth in Exchange.withdraw"]


def test_a_reason_that_nothing_answers_to_is_a_fault() -> None:
    known = {REENTRANT: "the guard"}

    assert faults_of([], known) == ["triaged, but not found: reentrancy-eth in Exchange.withdraw"]


def test_a_finding_without_a_reason_is_a_fault() -> None:
    assert faults_of([REENTRANT], {REENTRANT: ""}) == [
        "no reason given: reentrancy-eth in Exchange.withdraw"
    ]


def test_a_triaged_finding_is_none() -> None:
    assert faults_of([REENTRANT, REENTRANT], {REENTRANT: "the guard"}) == []


def test_only_high_and_medium_count_and_are_named_by_their_place() -> None:
    contract = {"type": "contract", "name": "Exchange"}
    function = {"name": "withdraw", "type_specific_fields": {"parent": contract}}
    found = [
        {"check": "reentrancy-eth", "impact": "High", "elements": [function]},
        {"check": "timestamp", "impact": "Low", "elements": [function]},
    ]

    assert list(findings_in({"results": {"detectors": found}})) == [REENTRANT]


def test_every_triaged_finding_has_a_reason() -> None:
    assert all(len(reason) > 20 for reason in triaged().values())


def test_the_lock_of_the_audit_tools_pins_and_hashes_and_names_no_index() -> None:
    text = (ROOT / "requirements-audit.lock").read_text(encoding="utf-8")
    lines = text.replace("\\\n", " ").splitlines()

    assert any(line.startswith("slither-analyzer==") for line in lines)
    assert all(re.match(r"^[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in lines)
    assert "://" not in text
