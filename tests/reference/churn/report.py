"""`python -m churn.report --aucs '[0.9, null]' --out report.html`."""

from __future__ import annotations

import argparse
import html
import json
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--aucs", type=json.loads, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    rows = "".join(f"<li>{html.escape(str(auc))}</li>" for auc in given.aucs)
    given.out.write_text(f"<!doctype html><title>churn</title><ol>{rows}</ol>")


if __name__ == "__main__":
    main()
