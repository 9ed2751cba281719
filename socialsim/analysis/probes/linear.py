"""Linear readouts with grouped cross-validation: ridge and sparse regression, discriminants, logistic
regression.

All targets that share their rows are fitted at once: one decomposition of the features per fold serves every
concept and its control tasks, which is what makes a table of probes cheap.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, lasso_path
from sklearn.model_selection import GroupKFold

from socialsim.analysis.statistics import Numbers, cluster_sums
from socialsim.core.errors import OptionError, choose, integer

KINDS = ("regression", "binary")


@dataclasses.dataclass(frozen=True)
class LinearReadout:
    """Held-out predictions of `targets [N, K]` from `features [N, D]`, split by group and never by time step.

    folds: of scikit-learn's GroupKFold.  alphas: ridge penalties per row, chosen by generalised
    cross-validation within the training folds, one per target.  classifier: "ridge" regresses balanced class
    codes and cuts halfway between the class means of the training folds (a regularised linear discriminant:
    the same direction, fast); "logistic" is scikit-learn's, class-balanced.  penalty: "l2", or "l1" for
    sparse readouts, where alphas are shares of the penalty at which nothing is left (not for "logistic").
    """

    folds: int = 5
    alphas: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    classifier: str = "ridge"
    penalty: str = "l2"

    def __post_init__(self):
        integer("folds", self.folds, low=2)
        choose("classifier", self.classifier, ("ridge", "logistic"))
        choose("penalty", self.penalty, ("l2", "l1"))
        if (self.classifier, self.penalty) == ("logistic", "l1"):
            raise OptionError("classifier='logistic' with penalty='l1'; allowed: 'ridge' with 'l1'")
        if not self.alphas or min(self.alphas) <= 0:
            raise OptionError(f"alphas={self.alphas}; allowed: one or more, all above 0")

    def __call__(self, features: NDArray, targets: NDArray, groups: NDArray, binary: NDArray) -> NDArray:
        """Predictions `[N, K]`; those of binary targets are 0 or 1. binary: `[K]`, which targets are 0/1."""
        count = len(np.unique(groups))
        if count < 2:
            raise OptionError(f"probe: {count} groups; allowed: 2 or more (rows are split by group)")
        out = np.zeros(targets.shape)
        for train, test in GroupKFold(min(self.folds, count)).split(features, groups=groups):
            x, held = _standardised(features[train], features[test])
            out[test] = self._fold(x, targets[train], held, binary)
        return out

    def _fold(self, x, y, held, binary):
        logistic = binary & (self.classifier == "logistic")
        out = np.zeros((len(held), y.shape[1]))
        for k in np.flatnonzero(logistic):
            out[:, k] = _logistic(x, y[:, k], held)
        rest = np.flatnonzero(~logistic)
        if len(rest):
            out[:, rest] = self._ridge(x, y[:, rest], held, binary[rest])
        return out

    def _ridge(self, x, y, held, binary):
        share = np.clip(y.mean(0), 1e-9, 1 - 1e-9)
        coded = np.where(binary, np.where(y > 0.5, 1 / share, -1 / (1 - share)), y)
        middle = coded.mean(0)
        fit = ridge if self.penalty == "l2" else sparse
        weights = fit(x, coded - middle, self.alphas)
        predicted = held @ weights
        positive = (y > 0.5).astype(float)
        centres = [(m.T @ x / np.maximum(m.sum(0), 1)[:, None]) for m in (positive, 1 - positive)]
        cut = ((centres[0] + centres[1]).T * weights).sum(0) / 2  # halfway between projected class means
        return np.where(binary, predicted > cut, predicted + middle)


def _standardised(train: NDArray, test: NDArray) -> tuple[NDArray, NDArray]:
    """Both in units of the training rows' spread, which is 1 for what does not vary (as scikit-learn has it,
    whose scaler takes as long as the ridge)."""
    n, mean = len(train), train.mean(0)
    x = train - mean
    variance = np.einsum("nd,nd->d", x, x) / n
    tiny = np.finfo(float).eps * n
    still = variance <= tiny * variance + (tiny * mean) ** 2
    scale = np.where(still, 1.0, np.sqrt(variance))
    x /= scale
    return x, (test - mean) / scale


def ridge(x: NDArray, y: NDArray, alphas: tuple[float, ...]) -> NDArray:
    """Weights `[D, K]` for centred `x [N, D]` and `y [N, K]`.

    alphas: penalties per row; each target takes the one that generalised cross-validation likes best, the
    least RSS / (1 - df / N)^2 (Golub, Heath & Wahba 1979).
    """
    n = len(x)
    eigenvalues, basis = np.linalg.eigh(x.T @ x / n)
    eigenvalues = np.maximum(eigenvalues, 0.0)
    rotated = basis.T @ (x.T @ y / n)
    least, chosen = np.full(y.shape[1], np.inf), np.zeros_like(rotated)
    for alpha in alphas:
        w = rotated / (eigenvalues + alpha)[:, None]
        rss = (y * y).mean(0) - 2 * (rotated * w).sum(0) + (eigenvalues[:, None] * w * w).sum(0)
        df = 1 + (eigenvalues / (eigenvalues + alpha)).sum()
        criterion = np.maximum(rss, 0.0) / max(1 - df / n, 1e-6) ** 2
        better = criterion < least
        least, chosen = np.where(better, criterion, least), np.where(better, w, chosen)
    return basis @ chosen


def sparse(x: NDArray, y: NDArray, alphas: tuple[float, ...]) -> NDArray:
    """Lasso weights `[D, K]` for centred `x [N, D]` and `y [N, K]` (Tibshirani 1996).

    alphas: shares of the least penalty that leaves no weight, above 0 and at most 1 (larger ones count as
    1); chosen as in `ridge`, with as many degrees of freedom as weights (Zou, Hastie & Tibshirani 2007).
    """
    n = len(x)
    gram, cross = x.T @ x, x.T @ y
    shares = np.unique(np.minimum(alphas, 1.0))[::-1]
    out = np.zeros((x.shape[1], y.shape[1]))
    for k in range(y.shape[1]):
        top = float(np.abs(cross[:, k]).max()) / n
        if top <= 0:
            continue
        penalties = np.maximum(shares * top, 1e-12)
        options: dict[str, Any] = {"alphas": penalties, "precompute": gram, "Xy": cross[:, k], "tol": 1e-3}
        path = lasso_path(x, y[:, k], **options)[1]
        rss = ((y[:, k, None] - x @ path) ** 2).mean(0)
        df = 1 + (path != 0).sum(0)
        out[:, k] = path[:, (rss / np.maximum(1 - df / n, 1e-6) ** 2).argmin()]
    return out


def _logistic(x, y, held):
    if len(np.unique(y)) < 2:
        return np.full(len(held), y[0])
    return LogisticRegression(class_weight="balanced", max_iter=300).fit(x, y).predict(held)


def score_sums(kind: str, target: NDArray, predicted: NDArray, groups: NDArray) -> NDArray:
    """Per-group sums `[G, 4]` from which `score` is computed, also for resampled groups."""
    if kind == "binary":
        hit = target == predicted
        return cluster_sums(groups, target, 1 - target, hit * target, hit * (1 - target))
    centred = target - target.mean()  # against cancellation
    return cluster_sums(groups, np.ones_like(target), centred, centred**2, (target - predicted) ** 2)


def score(kind: str, sums: NDArray) -> Numbers:
    """R^2 (regression) or balanced accuracy (binary) from sums `[..., 4]`; NaN where undefined."""
    a, b, c, d = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "binary":
            return np.where((a > 0) & (b > 0), 0.5 * (c / a + d / b), np.nan)
        total = c - b * b / a
        return np.where(total > 0, 1 - d / total, np.nan)


def chance(kind: str) -> float:
    """What a readout scores that knows nothing: R^2 0, balanced accuracy 1/2."""
    return 0.5 if kind == "binary" else 0.0
