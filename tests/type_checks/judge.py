"""Whether mypy and pyright accept ``right.py`` and the examples, and refuse ``wrong.py`` at each line that says so.

``python tests/type_checks/judge.py``; also whether ``catalogue_client.pyi`` is what the descriptors say.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TRIGGERS = ROOT / "examples" / "triggers"
ACCEPTED = [
    HERE / "catalogue.py",
    HERE / "right.py",
    ROOT / "examples" / "quickstart.py",
    ROOT / "examples" / "iris" / "main.py",
    TRIGGERS / "triggers.py",
    TRIGGERS / "server.py",
    TRIGGERS / "main.py",
    TRIGGERS / "test_triggers.py",
]
WRONG = HERE / "wrong.py"
ENVIRONMENT = {**os.environ, "MYPYPATH": f"{HERE}:{TRIGGERS}", "PYTHONPATH": f"{HERE}:{TRIGGERS}"}

Found = set[tuple[Path, int]]


def mypy() -> Found:
    """Where mypy finds errors."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context"]
    done = subprocess.run(
        [*command, *map(str, ACCEPTED), str(WRONG)], capture_output=True, text=True, env=ENVIRONMENT, cwd=ROOT
    )
    if done.stderr:
        sys.exit(done.stderr)
    found = re.findall(r"^(.+?):(\d+): error: ", done.stdout, re.MULTILINE)
    return {((ROOT / path).resolve(), int(line)) for path, line in found}


def pyright() -> Found:
    """Where pyright finds errors."""
    settings = {
        "typeCheckingMode": "strict",
        # From where the settings are: pyright passes over a path that is absolute.
        "include": [str(path.relative_to(ROOT)) for path in (*ACCEPTED, WRONG)],
        "extraPaths": [str(HERE), str(TRIGGERS), str(ROOT)],
        # marshmallow's fields are only partly typed.
        **dict.fromkeys(("reportUnknownMemberType", "reportUnknownVariableType", "reportUnknownArgumentType"), "none"),
        "reportUnusedExpression": "none",
        "reportUnnecessaryComparison": "none",
        "reportMissingTypeStubs": "none",
    }
    project = ROOT / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    try:
        command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project)]
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=ROOT)
        told = json.loads(done.stdout)
    finally:
        project.unlink()
    if told["summary"]["filesAnalyzed"] != len(ACCEPTED) + 1:
        sys.exit(f"pyright has looked at {told['summary']['filesAnalyzed']} files, not at {len(ACCEPTED) + 1}")
    errors = (error for error in told["generalDiagnostics"] if error["severity"] == "error")
    return {(Path(error["file"]).resolve(), error["range"]["start"]["line"] + 1) for error in errors}


def main() -> int:
    """Judge, and tell: 0 if all is as it must be."""
    command = [sys.executable, "-m", "abeja_run.stubs", "--check", "catalogue_client"]
    failed = subprocess.run(command, env=ENVIRONMENT, cwd=HERE).returncode
    lines = WRONG.read_text(encoding="utf-8").splitlines()
    expected = {(WRONG, number) for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    for name, found in (("mypy", mypy()), ("pyright", pyright())):
        for path, line in sorted(found - expected):
            print(f"{name} refuses {path.relative_to(ROOT)}:{line}: {path.read_text().splitlines()[line - 1].strip()}")
        for path, line in sorted(expected - found):
            print(f"{name} accepts {path.relative_to(ROOT)}:{line}: {lines[line - 1]}")
        print(f"{name}: {len(found & expected)} of {len(expected)} wrong lines refused")
        failed |= found != expected
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
