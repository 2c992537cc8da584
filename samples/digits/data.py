"""The digits that ship inside scikit-learn: 1,797 images of 8 x 8 pixels."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold


class Digits(NamedTuple):
    """`x`: (1797, 64) float64, pixels from 0 to 1; `y`: (1797,) int, the digit."""

    x: np.ndarray
    y: np.ndarray


def load() -> Digits:
    """The whole data set."""
    x, y = load_digits(return_X_y=True)
    return Digits(x / 16.0, y)


def split(data: Digits, fold: int, folds: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers for training and for testing in fold `fold` of `folds`; always the same ones."""
    parts = StratifiedKFold(folds, shuffle=True, random_state=0).split(data.x, data.y)
    return list(parts)[fold]
