"""Four families of classifiers, and how to compare them."""

from dataclasses import dataclass

from data import Digits, split
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

GRID: dict[str, list[float]] = {
    "logistic": [0.1, 1.0, 10.0],
    "svm": [0.5, 2.0, 8.0],
    "neighbours": [1, 3, 9],
    "forest": [10, 30, 60],
}


@dataclass
class Score:
    accuracy: float
    errors: int


@dataclass
class Choice:
    setting: float
    accuracy: float


def settings(model: str) -> list[float]:
    """The settings to try for one family."""
    return GRID[model]


def build(model: str, setting: float) -> ClassifierMixin:
    """An unfitted classifier; `setting` is the family's one parameter."""
    if model == "logistic":
        return LogisticRegression(C=setting, max_iter=300)
    if model == "svm":
        return SVC(C=setting)
    if model == "neighbours":
        return KNeighborsClassifier(int(setting))
    return RandomForestClassifier(int(setting), random_state=0)


def fit(data: Digits, model: str, setting: float, fold: int, folds: int) -> Score:
    """Train on all folds but one, test on that one."""
    train, test = split(data, fold, folds)
    classifier = build(model, setting).fit(data.x[train], data.y[train])
    wrong = classifier.predict(data.x[test]) != data.y[test]
    print(f"{model} {setting:g} fold {fold}: {wrong.sum()} of {len(test)} wrong")
    return Score(accuracy=float(1.0 - wrong.mean()), errors=int(wrong.sum()))


def best(settings: list[float], accuracies: list[float]) -> Choice:
    """The setting with the highest mean accuracy over the folds."""
    means = {
        setting: sum(a for s, a in zip(settings, accuracies, strict=True) if s == setting) / settings.count(setting)
        for setting in dict.fromkeys(settings)
    }
    setting = max(means, key=means.__getitem__)
    return Choice(setting, means[setting])


def compare(candidates: list[dict]) -> dict:
    """The candidate with the highest accuracy."""
    return max(candidates, key=lambda one: one["accuracy"])


def ranking(candidates: list[dict]) -> str:
    """The candidates as lines, the best first."""
    ordered = sorted(candidates, key=lambda one: -one["accuracy"])
    return "\n".join(f"{one['model']:10} {one['setting']:>5g} {one['accuracy']:.4f}" for one in ordered)
