"""Two plain functions; neither knows of yamlflow."""


def prep() -> list[tuple[float, float]]:
    """Points near the line y = 2x + 1."""
    return [(float(x), 2.0 * x + 1.0 + (-1) ** x * 0.1) for x in range(100)]


def fit(data: list[tuple[float, float]]) -> float:
    """The slope of the least-squares line through the points."""
    mean_x = sum(x for x, _ in data) / len(data)
    mean_y = sum(y for _, y in data) / len(data)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in data)
    return covariance / sum((x - mean_x) ** 2 for x, _ in data)
