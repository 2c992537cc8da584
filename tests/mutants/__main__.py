"""`python -m tests.mutants [NAME...]`: breaks a copy of the project in each way; says which ways no test notices."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.patches import Copy, StaleError, patches


def main(names: list[str]) -> int:
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        copy = Copy(Path(place))
        for patch in patches():
            if names and patch.name not in names:
                continue
            start = time.monotonic()
            try:
                said = copy.outlives(patch)
            except StaleError as error:
                said = str(error)
            bad += bool(said)
            print(f"{'SURVIVED' if said else 'killed':8}  {patch.name}  {time.monotonic() - start:.1f} s", flush=True)
            if said:
                print(said[-3000:], flush=True)
    return int(bool(bad))


sys.exit(main(sys.argv[1:]))
