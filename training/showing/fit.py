"""Fit the show-model's prior to the rows of `collect`, and measure it on projects that were left out.

``python -m training.showing.fit ROWS.jsonl... --prior FILE.json --figures FILE.json --plot FILE.png``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infill_completion.suggest.showing.features import ShowFeatures

Numbers = NDArray[np.float64]

RIDGE = 1.0
BINS = 8


def fitted(features: Numbers, is_right: Numbers) -> tuple[float, Numbers]:
    """Return bias and weights of a ridge logistic regression, by Newton's method on standardized features.

    Args:
        features: Rows of features, shape ``[n, f]``.
        is_right: 0 or 1, shape ``[n]``.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-9
    inputs = np.c_[np.ones(len(features)), (features - mean) / scale]
    ridge = RIDGE * np.r_[0, np.ones(features.shape[1])]
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        expected = sigmoid(inputs @ weights)
        gradient = inputs.T @ (is_right - expected) - ridge * weights
        curvature = (inputs * (expected * (1 - expected))[:, None]).T @ inputs + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    unscaled = weights[1:] / scale
    return float(weights[0] - unscaled @ mean), unscaled


def held_out(features: Numbers, is_right: Numbers, projects: NDArray[np.str_]) -> Numbers:
    """Return the probability of each row by a model that was fitted without its project."""
    probabilities = np.zeros(len(is_right))
    for project in np.unique(projects):
        left_out = projects == project
        bias, weights = fitted(features[~left_out], is_right[~left_out])
        probabilities[left_out] = sigmoid(bias + features[left_out] @ weights)
    return probabilities


def sigmoid(scores: Numbers) -> Numbers:
    """Return the logistic function of each score."""
    result: Numbers = 1 / (1 + np.exp(-np.clip(scores, -40, 40)))
    return result


def ranking_quality(probabilities: Numbers, is_right: Numbers) -> float:
    """Return the share of pairs of a right and a wrong suggestion in which the right one is rated higher."""
    ranks = np.empty(len(probabilities))
    ranks[np.argsort(probabilities)] = np.arange(len(probabilities))
    return float((ranks[is_right == 1].mean() - ranks[is_right == 0].mean()) / len(probabilities) + 0.5)


def reliability(probabilities: Numbers, is_right: Numbers) -> list[dict[str, float]]:
    """Return, for bins of equal size, the mean probability and the share that is right."""
    parts = np.array_split(np.argsort(probabilities), BINS)
    return [
        {"expected": float(probabilities[part].mean()), "right": float(is_right[part].mean()), "count": len(part)}
        for part in parts
    ]


def _shown(shown: NDArray[np.bool_], is_right: Numbers, saved: Numbers) -> dict[str, float]:
    """Return how much is shown, how much of that is right, and the shares of the right ones and their characters."""
    gained = is_right * saved
    return {
        "shown": float(shown.mean()),
        "right": float(is_right[shown].mean()) if shown.any() else 0.0,
        "right_shown": float(is_right[shown].sum() / is_right.sum()),
        "saved": float(gained[shown].sum() / gained.sum()),
    }


def figures(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the prior and the figures of the fit."""
    features = np.array([row["features"] for row in rows])
    is_right = np.array([row["is_right"] for row in rows], dtype=float)
    saved = np.array([row["saved"] for row in rows], dtype=float)
    projects = np.array([row["project"] for row in rows])
    confidence, length = sigmoid(features[:, 0]), np.exp(features[:, 1])
    probabilities = held_out(features, is_right, projects)
    of_confidence = held_out(features[:, :1], is_right, projects)
    bias, weights = fitted(features, is_right)
    bins = reliability(probabilities, is_right)
    found = {
        "suggestions": len(rows),
        "projects": len(np.unique(projects)),
        "right": float(is_right.mean()),
        "ranking": {
            "confidence": ranking_quality(of_confidence, is_right),
            "show_model": ranking_quality(probabilities, is_right),
        },
        "calibration_error": sum(part["count"] * abs(part["expected"] - part["right"]) for part in bins) / len(rows),
        "by_confidence": [
            {"least": least, **_shown(confidence >= least, is_right, saved)} for least in (0.0, 0.3, 0.5, 0.6, 0.7, 0.8)
        ],
        "by_show_model": [
            {"cost_characters": cost, **_shown(gains >= 0, is_right, saved)}
            for cost in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)
            for gains in [probabilities * length - (1 - probabilities) * cost]
        ],
        "reliability": bins,
    }
    named = dict(zip(ShowFeatures._fields, (round(float(weight), 4) for weight in weights), strict=True))
    return {"bias": round(bias, 4), "weights": named}, found


def plot(bins: Sequence[dict[str, float]], path: Path) -> None:
    """Draw the reliability of the held-out probabilities."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
    axes.plot([part["expected"] for part in bins], [part["right"] for part in bins], "o-", color="#0a5cb8")
    axes.set(xlabel="probability by the show-model", ylabel="share that was exactly right", xlim=(0, 1), ylim=(0, 1))
    axes.set_title("Suggestions in projects left out of the fit", fontsize=10)
    figure.savefig(path)


def main(options: argparse.Namespace) -> None:
    """Write the prior, the figures and the plot."""
    rows = [json.loads(line) for file in options.rows for line in file.read_text("utf-8").splitlines()]
    prior, found = figures(rows)
    for path, table in ((options.prior, prior), (options.figures, found)):
        if path is not None:
            path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    if options.plot is not None:
        plot(found["reliability"], options.plot)
    print(json.dumps({**prior, **found}, indent=1))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("rows", nargs="+", type=Path)
    arguments.add_argument("--prior", type=Path)
    arguments.add_argument("--figures", type=Path)
    arguments.add_argument("--plot", type=Path)
    main(arguments.parse_args())
