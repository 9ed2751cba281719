"""LEACE and mean projection: no linear trace is left, and LEACE does it with the least change."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from socialsim.analysis.probes import Erasure
from socialsim.core.errors import OptionError


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    z = (rng.random(800) < 0.3).astype(float)
    x = rng.normal(size=(800, 6)) @ rng.normal(size=(6, 6)) + 3 * z[:, None] * rng.normal(size=6)
    return x, z


@pytest.mark.parametrize("method", ["leace", "projection"])
def test_nothing_linear_is_left(data, method):
    x, z = data
    erased = Erasure(method).fit(x, z)(x)
    assert LogisticRegression().fit(x, z).score(x, z) > 0.9
    np.testing.assert_allclose((erased - erased.mean(0)).T @ (z - z.mean()) / len(z), 0, atol=1e-9)
    after = LogisticRegression(C=1e6, tol=1e-8).fit(erased, z).predict_proba(erased)[:, 1]
    np.testing.assert_allclose(after, z.mean(), atol=1e-4)  # the constant predictor is the best there is


def test_leace_of_one_column_has_a_closed_form(data):
    """x' = x - Sigma_xz Sigma_xz^T Sigma^-1 (x - mu) / (Sigma_xz^T Sigma^-1 Sigma_xz)."""
    x, z = data
    centred = x - x.mean(0)
    s = centred.T @ (z - z.mean()) / len(z)
    inverse = np.linalg.inv(centred.T @ centred / len(z))
    expected = x - np.outer(centred @ inverse @ s, s) / (s @ inverse @ s)
    np.testing.assert_allclose(Erasure().fit(x, z)(x), expected, atol=1e-8)


def test_leace_changes_least(data):
    """Any other affine map that erases is an oblique projection with the same kernel: none changes less."""
    x, z = data
    centred = x - x.mean(0)
    s = centred.T @ (z - z.mean())
    least = ((Erasure().fit(x, z)(x) - x) ** 2).sum()
    rng = np.random.default_rng(1)
    others = [Erasure("projection").fit(x, z).delta(x)]
    for _ in range(50):
        direction = rng.normal(size=6)
        others.append(-np.outer(centred @ direction, s) / (direction @ s))
    for delta in others:
        np.testing.assert_allclose((x + delta - x.mean(0)).T @ (z - z.mean()) / len(z), 0, atol=1e-7)
        assert (delta**2).sum() >= least * (1 - 1e-9)


def test_leace_goes_with_the_coordinates_and_projection_does_not(data):
    x, z = data
    change = np.random.default_rng(2).normal(size=(6, 6))
    leace, plain = Erasure(), Erasure("projection")
    np.testing.assert_allclose(leace.fit(x @ change, z)(x @ change), leace.fit(x, z)(x) @ change, atol=1e-6)
    assert np.abs(plain.fit(x @ change, z)(x @ change) - plain.fit(x, z)(x) @ change).max() > 0.1


def test_several_columns_silent_units_and_nothing_to_erase(data):
    x, z = data
    three = np.eye(3)[np.random.default_rng(3).integers(3, size=len(z))]
    x = np.concatenate([x, np.zeros((len(x), 2)), x[:, :1]], axis=1)  # silent and duplicated units
    x[:, 0] += three[:, 1]
    eraser = Erasure().fit(x, three)
    assert eraser.rank == 2  # one-hot columns add up to one
    erased = eraser(x)
    np.testing.assert_allclose((erased - erased.mean(0)).T @ three / len(z), 0, atol=1e-8)
    np.testing.assert_array_equal(erased[:, 6:8], 0)
    np.testing.assert_allclose(eraser(erased), erased, atol=1e-8)  # once is enough
    for method in ("leace", "projection"):
        nothing = Erasure(method).fit(x, np.ones(len(z)))
        assert nothing.rank == 0
        np.testing.assert_array_equal(nothing(x), x)


def test_bad_input(data):
    with pytest.raises(OptionError, match="did you mean 'leace'"):
        Erasure("laece")
    with pytest.raises(OptionError, match="finite"):
        Erasure().fit(data[0], np.full(800, np.nan))
