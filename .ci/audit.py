#!/usr/bin/env python3
"""Ask for known vulnerabilities of everything installed here, and say loudly what could not be asked."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_COMMAND = ("pip_audit", "--local", "--skip-editable", "--format", "json", "--progress-spinner", "off")
_LIMIT_S = 300


def report() -> Mapping[str, Any]:
    """Give what pip-audit found; without packages where it is not there or nobody answers it."""
    try:
        done = subprocess.run(  # noqa: S603  our own environment's program
            [sys.executable, "-m", *_COMMAND], capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        found: Mapping[str, Any] = json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return {"dependencies": []}
    return found


def verdict(found: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Give the exit status and what to say: a package that nobody knows was not audited."""
    packages = found["dependencies"]
    unknown = sorted(package["name"] for package in packages if "vulns" not in package)
    lines = [
        f"VULNERABLE: {package['name']} {package['version']}: {known['id']},"
        f" mended in {', '.join(known['fix_versions']) or 'no version yet'}"
        for package in packages
        for known in package.get("vulns", ())
    ]
    status = 1 if lines else 0
    n_audited = len(packages) - len(unknown)
    if not n_audited:
        lines.append("NOTE: NOT AUDITED: no service that knows vulnerabilities answers here")
    else:
        lines.append(f"{n_audited} packages audited")
        if unknown:
            lines.append(f"NOTE: NOT AUDITED, as the service does not know them: {', '.join(unknown)}")
    return status, lines


def main() -> None:
    """Print the verdict and leave with its status."""
    status, lines = verdict(report())
    print("\n".join(lines))
    sys.exit(status)


if __name__ == "__main__":
    main()
