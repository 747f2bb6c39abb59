"""What `make audit` says: a vulnerability fails, and what was not looked up is not taken for sound."""

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).resolve().parent.parent / ".ci" / "audit.py"


@pytest.fixture
def audit():
    spec = importlib.util.spec_from_file_location("audit", _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited"}
VULNERABLE = {
    "name": "requests",
    "version": "2.0.0",
    "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"], "aliases": [], "description": ""}],
}


@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([SOUND], 0, ["1 packages audited"]),
        (
            [SOUND, UNKNOWN],
            0,
            ["1 packages audited", "NOTE: NOT AUDITED, as the service does not know them: torch"],
        ),
        ([UNKNOWN, UNKNOWN], 0, ["NOTE: NOT AUDITED: no service that knows vulnerabilities answers here"]),
        ([], 0, ["NOTE: NOT AUDITED: no service that knows vulnerabilities answers here"]),
        (
            [VULNERABLE, SOUND],
            1,
            ["VULNERABLE: requests 2.0.0: PYSEC-2018-28, mended in 2.20.0", "2 packages audited"],
        ),
    ],
)
def test_a_vulnerability_fails_and_silence_is_said_loudly(audit, packages, status, says):
    assert audit.verdict({"dependencies": packages}) == (status, says)


@pytest.mark.parametrize("module", ["platform", "not_there"], ids=["no JSON", "not installed"])
def test_a_program_that_gives_no_report_fails_nothing(audit, monkeypatch, module):
    monkeypatch.setattr(audit, "_COMMAND", (module,))
    assert audit.report() == {"dependencies": []}
