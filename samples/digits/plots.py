"""Pictures of the result."""

from pathlib import Path

import matplotlib as mpl
from data import Digits
from models import build
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import yamlflow

mpl.use("Agg")


def confusion(data: Digits, model: str, setting: float, folds: int, ctx: yamlflow.Context) -> Path:
    """A PNG of which digit was taken for which, over all folds."""
    parts = StratifiedKFold(folds, shuffle=True, random_state=0)
    predicted = cross_val_predict(build(model, setting), data.x, data.y, cv=parts)
    picture = ConfusionMatrixDisplay.from_predictions(data.y, predicted, cmap="Blues", colorbar=False)
    picture.ax_.set_title(f"{model} {setting:g}")
    path = Path(ctx.tmp) / "confusion.png"
    picture.figure_.savefig(path, dpi=120)
    return path
