"""samples/digits, which is also `make demo`: the same grid, computed here without yamlflow, in every cell."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field

import pytest

from tests.samples.copies import ROOT, Copy

pytestmark = pytest.mark.needs("numpy")

FOLDS = 5
GRID = {
    "logistic": [0.1, 1.0, 10.0],
    "svm": [0.5, 2.0, 8.0],
    "neighbours": [1, 3, 9],
    "forest": [10, 30, 60],
}
Cells = dict[tuple[str, float, int], float]


@dataclass
class Demo:
    """One run of the sample: the copy it ran in, what it printed, its document."""

    copy: Copy
    printed: str
    document: dict = field(default_factory=dict)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The sample, run as `make demo` runs it."""
    copy = Copy("digits", tmp_path_factory.mktemp("digits"))
    printed = copy.call("run", "pipeline.yaml").stdout
    return Demo(copy, printed)


@pytest.fixture(scope="module")
def cells():
    """The accuracy of every fit, from scikit-learn alone."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold

    x, y = load_digits(return_X_y=True)
    x = x / 16.0
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y))
    found: Cells = {}
    for model, settings in GRID.items():
        for setting in settings:
            for number, (train, test) in enumerate(folds):
                fitted = classifier(model, setting).fit(x[train], y[train])
                found[model, setting, number] = fitted.score(x[test], y[test])
    return found


def classifier(model: str, setting: float):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    return {
        "logistic": lambda: LogisticRegression(C=setting, max_iter=300),
        "svm": lambda: SVC(C=setting),
        "neighbours": lambda: KNeighborsClassifier(int(setting)),
        "forest": lambda: RandomForestClassifier(int(setting), random_state=0),
    }[model]()


def means(cells: Cells) -> dict[tuple[str, float], float]:
    return {
        (model, setting): sum(cells[model, setting, fold] for fold in range(FOLDS)) / FOLDS
        for model, settings in GRID.items()
        for setting in settings
    }


def test_the_grid_has_sixty_cells(cells):
    assert len(cells) == 60


def test_every_cell_is_what_scikit_learn_alone_gives(demo, cells, monkeypatch):
    import yamlflow

    monkeypatch.setattr(sys, "path", [*sys.path])  # reading a value makes its module importable
    result = yamlflow.load(run="last", state_dir=demo.copy.state)
    for (model, setting, fold), accuracy in cells.items():
        name = f"by_model[{model}].fit[setting={setting},fold={fold}]"
        assert result[f"{name}.accuracy"] == pytest.approx(accuracy, abs=1e-12), name


def test_the_best_is_the_best(demo, cells):
    best = means(cells)
    model, setting = max(best, key=best.__getitem__)
    outputs = json.loads(demo.copy.call("artifacts", "show", "compare", "--json").stdout)
    assert (outputs["model"], outputs["setting"]) == (model, setting)
    assert outputs["accuracy"] == pytest.approx(best[model, setting], abs=1e-12)


def test_the_best_model_and_its_accuracy_are_printed(demo, cells):
    best = means(cells)
    model, setting = max(best, key=best.__getitem__)
    assert model in demo.printed
    assert f"{best[model, setting]:.4f}" in demo.printed


def test_make_demo_runs_this_file():
    lines = (ROOT / "Makefile").read_text().splitlines()
    recipe = lines[next(number for number, line in enumerate(lines) if line.startswith("demo:")) + 1]
    assert recipe.strip().endswith("yamlflow run samples/digits/pipeline.yaml")


def test_the_confusion_matrix_is_a_picture(demo, tmp_path):
    target = tmp_path / "confusion.png"
    demo.copy.call("artifacts", "get", "confusion", "-o", str(target))
    assert target.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert target.stat().st_size > 5000


def test_a_fit_can_be_looked_at_by_its_name(demo):
    said = demo.copy.call("logs", "by_model[svm].fit[setting=2.0,fold=0]").stdout
    assert "svm 2 fold 0: 2 of 360 wrong" in said
