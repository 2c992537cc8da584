"""The work of the benchmarks, for every tool the same."""

import numpy as np


def nothing(n: int) -> int:
    return n


def total(values: list[int]) -> int:
    return sum(values)


def step(x: int = 0) -> int:
    return x + 1


def array(n: int) -> np.ndarray:
    return np.full(2_500_000, float(n))  # 20 MB


def join(arrays: list[np.ndarray]) -> float:
    return float(sum(one[0] for one in arrays))
