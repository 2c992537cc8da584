"""The work that needs no numpy, so that nobody pays for importing it."""


def nothing(n: int) -> int:
    return n


def total(values: list[int]) -> int:
    return sum(values)


def step(x: int = 0) -> int:
    return x + 1
