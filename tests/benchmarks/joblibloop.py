"""W1 and W4 with joblib: warm workers, results memorised on disk.

Usage: joblibloop.py W1|W4 COUNT FOLDER
"""

import sys

from joblib import Memory, Parallel, delayed

from tests.benchmarks import plain, work


def main(name: str, count: int, folder: str) -> None:
    memory = Memory(folder, verbose=0)
    function, join = (plain.nothing, plain.total) if name == "W1" else (work.array, work.join)
    values = Parallel(n_jobs=2)(delayed(memory.cache(function))(number) for number in range(count))
    assert memory.cache(join)(values) == count * (count - 1) // 2


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
