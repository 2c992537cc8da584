"""The floor of W4: arrays of 20 MB saved by forked processes, two at a time, and joined by one more.

Usage: arrayloop.py COUNT FOLDER
"""

import sys
from functools import partial

import numpy as np

from tests.benchmarks.chainloop import end, make_room, start


def save(file: str, number: float) -> None:
    np.save(file, np.full(2_500_000, number))


def join(files: list[str]) -> float:
    return float(sum(np.load(file)[0] for file in files))


def main(count: int, folder: str) -> None:
    make_room(folder)
    files = [f"{folder}/{number}.npy" for number in range(count)]
    for number, file in enumerate(files):
        start(str(number), folder, partial(save, file, float(number)))
        if number > 0:
            end()
    end()
    start("join", folder, partial(join, files))
    assert end() == count * (count - 1) / 2


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
