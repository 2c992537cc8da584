"""All kills in one table: `python -m tests.crashes [SIEGES]`; each siege is 15 kills or a few more."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.crashes.killing import Siege, Tally, full_plan, undisturbed


def main(sieges: int) -> None:
    total = Tally()
    with TemporaryDirectory() as name:
        folder = Path(name)
        wanted = undisturbed(folder / "undisturbed")
        for seed in range(sieges):
            total.add(Siege(folder / str(seed), seed, wanted).lay(full_plan(), hits=5))
            print(f"siege {seed + 1} of {sieges}: {total.kills.total()} kills", flush=True)
    print(total.table())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
