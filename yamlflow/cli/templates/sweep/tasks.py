"""The steps of pipeline.yaml: plain functions, with nothing of yamlflow in them."""

import random


def make_data(count: int = 60) -> list[list[float]]:
    """Points near the line y = 3x + 1."""
    chance = random.Random(7)
    xs = [chance.uniform(-1, 1) for _ in range(count)]
    return [[x, 3 * x + 1 + chance.gauss(0, 0.1)] for x in xs]


def fit(data: list[list[float]], rate: float, steps: int, fold: int, folds: int) -> float:
    """Fits the line by gradient descent on all folds but one; returns the mean squared error on that one."""
    train = [point for number, point in enumerate(data) if number % folds != fold]
    test = data[fold::folds]
    slope = offset = 0.0
    for _ in range(steps):
        errors = [(slope * x + offset - y, x) for x, y in train]
        slope -= rate * sum(error * x for error, x in errors) / len(train)
        offset -= rate * sum(error for error, _ in errors) / len(train)
    return sum((slope * x + offset - y) ** 2 for x, y in test) / len(test)


def score(losses: list[float], rate: float, steps: int) -> dict:
    return {"rate": rate, "steps": steps, "loss": sum(losses) / len(losses)}


def best(results: list[dict]) -> dict:
    return min(results, key=lambda result: result["loss"])
