"""CKA and RSA against naive oracles, their invariances, and their nulls."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from socialsim.analysis.similarity import Similarity, hsic1, linear_kernel
from socialsim.core.errors import OptionError


def slow_hsic(k, m):
    """The estimator by its definition: averages over all tuples of distinct indices (Song et al. 2012)."""
    n = len(k)

    def average(size, term):
        tuples = list(itertools.permutations(range(n), size))
        return math.fsum(term(*t) for t in tuples) / len(tuples)

    return (
        average(2, lambda i, j: k[i, j] * m[i, j])
        + average(4, lambda i, j, q, r: k[i, j] * m[q, r])
        - 2 * average(3, lambda i, j, q: k[i, j] * m[i, q])
    )


def textbook_hsic(k, m):
    """[tr(KL) + 1'K1 1'L1/((n-1)(n-2)) - 2 1'KL1/(n-2)] / (n(n-3)) with zeroed diagonals."""
    n, one = len(k), np.ones(len(k))
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + middle - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))


def textbook_rsa(x, y):
    pairs = list(itertools.combinations(range(len(x)), 2))
    distances = [[math.dist(v[i], v[j]) for i, j in pairs] for v in (x, y)]
    return scipy.stats.spearmanr(*distances).statistic


def test_hsic_is_the_average_over_distinct_indices():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    k, m = linear_kernel(x), linear_kernel(y)
    assert hsic1(k, m) == pytest.approx(slow_hsic(k, m), abs=1e-10)
    assert hsic1(k, m) == pytest.approx(textbook_hsic(k, m), abs=1e-10)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 5))
    return x, np.tanh(x @ rng.normal(size=(5, 8))) + rng.normal(size=(60, 8)), np.repeat(np.arange(20), 3)


def test_cka_equals_its_oracle(data):
    x, y, groups = data
    k, m = x @ x.T, y @ y.T  # debiased HSIC does not ask for centred rows
    expected = textbook_hsic(k, m) / np.sqrt(textbook_hsic(k, k) * textbook_hsic(m, m))
    assert Similarity("cka").pair(x, y, groups=groups).estimate == pytest.approx(expected, abs=1e-10)


def test_rsa_equals_its_oracle(data):
    x, y, groups = data
    expected = textbook_rsa(x, y)
    assert Similarity("rsa").pair(x, y, groups=groups).estimate == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("method", ["cka", "rsa"])
def test_invariances(data, method):
    x, y, groups = data
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    step = Similarity(method)
    same = step.pair(x, 3 * x @ rotation + 1, groups=groups)
    assert same.estimate == pytest.approx(1) and same.low == pytest.approx(1)
    plain, moved = step.pair(x, y, groups=groups), step.pair(x @ rotation * 0.1 - 4, y, groups=groups)
    assert moved.estimate == pytest.approx(plain.estimate)
    assert step.pair(y, x, groups=groups).estimate == pytest.approx(plain.estimate)
    stretched = step.pair(x * np.array([50, 1, 1, 1, 1.0]), y, groups=groups)
    assert abs(stretched.estimate - plain.estimate) > 1e-3  # not to any linear map
    order = np.random.default_rng(2).permutation(60)
    again = step.pair(x[order], y[order], groups=groups[order])
    assert again.estimate == pytest.approx(plain.estimate)


def test_debiased_cka_of_noise_is_zero_however_wide():
    """The biased estimate calls two unrelated layers of 200 units alike on 60 rows."""
    found, biased = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        wide = [rng.normal(size=(60, 200)) for _ in range(2)]
        found.append(Similarity(shuffles=20).pair(*wide, groups=np.arange(60)).estimate)
        k, m = (linear_kernel(w) for w in wide)
        biased.append((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()))
    assert min(biased) > 0.5
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(30) and np.std(found) < 0.05


@pytest.mark.parametrize("method", ["cka", "rsa"])
def test_the_null_is_exceeded_as_often_as_it_should(method):
    """Unrelated layers that both drift from episode to episode: above the 97.5 % point in few of 60 draws;
    related ones always."""
    beyond, related = [], []
    groups = np.repeat(np.arange(12), 5)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = (rng.normal(size=(60, 6)) + 2 * rng.normal(size=(12, 6))[groups] for _ in range(2))
        step = Similarity(method, shuffles=60)
        for other, out in ((y, beyond), (x + y, related)):
            e = step.pair(x, other, groups=groups)
            out.append(e.estimate > e.null_high)
    assert np.mean(beyond) <= 0.15 and np.mean(related) >= 0.95


def test_intervals_shrink_with_groups_and_not_with_copies():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 4))
    y = x + rng.normal(size=(240, 4))

    def width(rows, groups):
        e = Similarity("cka", shuffles=20).pair(x[rows], y[rows], groups=groups)
        return e.high - e.low

    assert width(np.arange(240), np.arange(240)) < 0.8 * width(np.arange(60), np.arange(60))


def test_table_and_its_cap(data):
    x, y, groups = data
    table = Similarity(cap=30, shuffles=20)({"a": x, "b": y}, groups=groups)
    assert dict(table.sizes) == {"layer": 2, "other": 2} and (table.n == 10).all()
    np.testing.assert_allclose(np.diag(table.estimate), 1)
    assert Similarity().plot(table).axes
    few = Similarity().pair(x[:6], y[:6], groups=groups[:6])
    assert np.isnan(few.estimate) and "needed" in few.reason
    flat = Similarity().pair(x, np.ones((60, 2)), groups=groups)
    assert np.isnan(flat.estimate) and "does not vary" in flat.reason
    with pytest.raises(OptionError, match="one length"):
        Similarity()({"a": x}, groups=groups[:5])
    with pytest.raises(OptionError, match="did you mean 'cka'"):
        Similarity("cca")
