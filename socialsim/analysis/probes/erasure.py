"""Linear erasure of a concept from activations: LEACE, and the plain projection it improves on."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from socialsim.core.errors import OptionError, choose

METHODS = ("leace", "projection")


@dataclasses.dataclass(frozen=True)
class Eraser:
    """x' = x - (x - mean) read @ write.  mean: `[D]`.  read: `[D, k]`.  write: `[k, D]`; k is the rank."""

    mean: NDArray
    read: NDArray
    write: NDArray

    @property
    def rank(self) -> int:
        return self.write.shape[0]

    def delta(self, x: ArrayLike) -> NDArray:
        """What erasing adds to `x [..., D]`."""
        return -((np.asarray(x, float) - self.mean) @ self.read) @ self.write

    def __call__(self, x: ArrayLike) -> NDArray:
        """`x [..., D]` without the concept."""
        return np.asarray(x, float) + self.delta(x)


@dataclasses.dataclass(frozen=True)
class Erasure:
    """Find what to take out of activations so that no linear probe finds the concept in them.

    method: "leace" (Belrose et al. 2023): W = Sigma_xx^{-1/2}, W Sigma_xz = U S V^T,
    x' = x - W^{-1} U U^T W (x - mu): of all affine maps that make x and z uncorrelated, the one that changes
    x least in the mean square. "projection" takes the span of Sigma_xz out of x orthogonally (for a binary
    concept: the difference of the class means), which is as thorough but changes more.
    tolerance: directions with less than this share of the largest variance count as silent.
    """

    method: str = "leace"
    tolerance: float = 1e-8

    def __post_init__(self):
        choose("method of erasure", self.method, METHODS)
        if not 0 < self.tolerance < 1:
            raise OptionError(f"tolerance={self.tolerance}; allowed: above 0, below 1")

    def fit(self, x: ArrayLike, z: ArrayLike) -> Eraser:
        """x: `[N, D]`.  z: `[N]` or `[N, c]`, finite numbers (classes as one-hot columns)."""
        x, z = np.asarray(x, float), np.asarray(z, float)
        z = z[:, None] if z.ndim == 1 else z
        if x.ndim != 2 or z.ndim != 2 or len(x) != len(z) or len(x) < 2 or not np.isfinite(z).all():
            raise OptionError(f"erasure: x {x.shape}, z {z.shape}; allowed: [N, D] and finite [N] or [N, c]")
        mean = x.mean(0)
        cross = (x - mean).T @ (z - z.mean(0)) / len(x)
        if self.method == "projection":
            basis = _range(cross, self.tolerance, size=np.abs(x).max() * np.abs(z).max())
            return Eraser(mean, basis, basis.T)
        eigenvalues, axes = np.linalg.eigh((x - mean).T @ (x - mean) / len(x))
        loud = eigenvalues > self.tolerance * max(float(eigenvalues[-1]), 0.0)
        root, axes = np.sqrt(eigenvalues[loud]), axes[:, loud]
        whitened = (axes.T @ cross) / root[:, None]
        basis = _range(whitened, self.tolerance, size=np.abs(z).max())  # U
        return Eraser(mean, (axes / root) @ basis, basis.T @ (axes * root).T)


def _range(matrix: NDArray, tolerance: float, *, size: float) -> NDArray:
    """Orthonormal basis `[D, k]` of the columns' span; what is rounding beside `size` is none."""
    u, s, _ = np.linalg.svd(matrix, full_matrices=False)
    return u[:, s > np.sqrt(tolerance) * max(float(s.max(initial=0.0)), 1e-9 * size)]
