"""`make bench`: what yamlflow promises about speed, measured beside its peers in one run.

Prints a table and ends with 1 when a bar is missed; never a timed test. A peer
that is not there is named missing, and what depends on it is not judged.
`--metaflow` installs Metaflow into a folder of its own first; `--python PATH`
names an interpreter that has it already.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.benchmarks import workloads
from tests.benchmarks.bars import HEAD, Bar, line, summary
from tests.benchmarks.floors import THERE, floors, stretch
from tests.benchmarks.measuring import ROOT, scratch, timed
from tests.benchmarks.rows import ROWS, Plan

PEERS = ("make", "joblib", "metaflow")


def main() -> int:
    options = _options()
    plan = _plan(options)
    print(_peers(plan))
    if plan.repeat > 1:
        _warm_up()
    print(f"\n{HEAD}")
    judged: list[tuple[Bar, float]] = []
    for name in options.only or ROWS:
        before = floors(plan.repeat)
        bars = list(ROWS[name](plan))
        after = floors(plan.repeat)
        now = (stretch(before) + stretch(after)) / 2
        judged += [(bar, now) for bar in bars]
        print(*(line(bar, now) for bar in bars), sep="\n", flush=True)
    print(f"\n{_machine()}")
    said, code = summary(judged)
    print(said)
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=ROWS, metavar="ROW", help=f"some rows: {', '.join(ROWS)}")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each command; the median counts")
    parser.add_argument("--tasks", type=int, default=10_000, help="the N of W1")
    parser.add_argument("--growth", type=int, default=100_000, help="tasks on the fake executor")
    parser.add_argument("--metaflow", action="store_true", help="install Metaflow first")
    parser.add_argument("--python", help="an interpreter that has Metaflow")
    parser.add_argument("--without", nargs="*", choices=PEERS, default=[], help="peers to leave out, as missing")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    found = {
        "make": shutil.which("make"),
        "joblib": sys.executable if importlib.util.find_spec("joblib") else None,
        "metaflow": options.python or _metaflow(install=options.metaflow),
    }
    peers = {name: place for name, place in found.items() if place and name not in options.without}
    return Plan(options.repeat, options.tasks, options.growth, peers)


def _metaflow(*, install: bool) -> str | None:
    """The interpreter of .venv-bench that has Metaflow, made first if that is asked for."""
    folder = ROOT / ".venv-bench"
    python = folder / "bin" / "python"
    if install and not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "metaflow", "numpy"], check=True)
    there = python.exists() and not subprocess.run([python, "-c", "import metaflow"], check=False).returncode
    return str(python) if there else None


def _peers(plan: Plan) -> str:
    missing = [name for name in PEERS if name not in plan.peers]
    hint = " (--metaflow installs it)" if "metaflow" in missing else ""
    return f"peers: {', '.join(plan.peers) or 'none'}" + (f"; missing: {', '.join(missing)}{hint}" if missing else "")


def _warm_up() -> None:
    """Once without a clock: bytecode is written, files are in memory."""
    with scratch() as folder:
        timed(workloads.yamlflow(folder, "W4", 2), folder)
        for build in (workloads.validate, workloads.help_text, workloads.bare_help):
            timed(build(folder), Path(folder))


def _machine() -> str:
    """The floors, each beside that of the machine of the bars."""
    found = floors()
    said = ", ".join(f"{name} {found[name]:.3g} ms ({there:g} there)" for name, there in THERE.items())
    return f"floors: {said}\n`bar here` is the bar times what the floors take here: {stretch(found):.2f} at the end"


if __name__ == "__main__":
    sys.exit(main())
