"""The real scheduler and engine in a world that goes wrong, on virtual time: 20,000 seeds, and those that failed once.

    YAMLFLOW_SIMULATE=FROM-TO python -m pytest tests/simulation/test_simulation.py -k replay

runs other seeds. A seed that fails is printed with all it expands to; add it to seeds.txt, where it stays.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.simulation import coverage
from tests.simulation.launcher import memory
from tests.simulation.options import FAULTS, SHARED, expand
from tests.simulation.simulate import Counts, simulate

SEEDS = 20_000
CHUNKS = 4
"""Parts of the whole, each with every fourth plan; each must come to everything."""

QUICK = [seed for seed in range(40 * SHARED) if seed % SHARED < 5]
KEPT = Path(__file__).with_name("seeds.txt")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = memory(tmp_path)
    yield made
    made.close()


def kept() -> list[int]:
    """Seeds that failed once, with what they found."""
    lines = (line.partition("#")[0].strip() for line in KEPT.read_text().splitlines())
    return [int(line) for line in lines if line]


def run(seeds: Iterable[int], folder: Path, connection: sqlite3.Connection) -> Counts:
    counts = Counts()
    gc.collect()
    gc.freeze()
    for seed in seeds:
        try:
            simulate(seed, folder, connection, counts)
        except BaseException:
            print(f"\nseed {seed}; again: YAMLFLOW_SIMULATE={seed}-{seed + 1} python -m pytest {__file__} -k replay")
            print("\n".join(expand(seed).lines()))
            raise
    gc.unfreeze()
    return counts


def asked() -> range:
    first, _, last = os.environ.get("YAMLFLOW_SIMULATE", "0-0").partition("-")
    return range(int(first), int(last))


def test_seeds_that_failed_once_hold_now_replay(tmp_path: Path, connection: sqlite3.Connection) -> None:
    run([*asked(), *kept()], tmp_path, connection)


def test_a_few_seeds_hold(tmp_path: Path, connection: sqlite3.Connection) -> None:
    counts = run(QUICK, tmp_path, connection)
    assert counts.launches > counts.seeds * 2


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("part", range(CHUNKS))
def test_every_seed_holds_and_together_they_come_to_everything(
    part: int, tmp_path: Path, connection: sqlite3.Connection, record_property: Callable[[str, object], None]
) -> None:
    began = time.process_time()
    seeds = [seed for seed in range(SEEDS) if seed // SHARED % CHUNKS == part]
    counts = run(seeds, tmp_path, connection)
    milliseconds = 1000 * (time.process_time() - began) / counts.seeds
    crashes = sum(number for name, number in counts.happened.items() if name.startswith("crash: "))
    faults = sum(counts.happened[kind] for kind in FAULTS)
    tasks = sum(size * seeds for size, seeds in counts.sizes.items())
    average = (
        f"{counts.seeds} seeds: {tasks / counts.seeds:.1f} tasks ({min(counts.sizes)} to {max(counts.sizes)}), "
        f"{crashes / counts.seeds:.2f} crashes and {faults / counts.seeds:.2f} faults each; "
        f"{counts.launches} launches, {counts.happened['edit']} edits, {counts.ghosts} old words, "
        f"at most {counts.most_quiet} turns from the last fault to the end; {milliseconds:.1f} ms of a core each"
    )
    lines = [average, *coverage.table(counts.happened, counts.met)]
    print("\n".join(lines))
    record_property("told", "\n".join(lines))
    assert min(counts.sizes) >= 10 and max(counts.sizes) <= 60
    assert tasks / counts.seeds >= 20
    assert 2.5 < crashes / counts.seeds < 3.5
    assert 4.5 < faults / counts.seeds < 5.5
    assert not coverage.missing(counts.happened, counts.met), "never occurred"
