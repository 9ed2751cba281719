"""Online description length: closed forms, and what saves bits and what does not."""

import numpy as np
import pytest

from socialsim.analysis.probes import OnlineCode, Target
from socialsim.analysis.probes.mdl import label_classes
from socialsim.core.errors import OptionError

N, GROUPS = 1200, 40
GROUP = np.repeat(np.arange(GROUPS), N // GROUPS)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(N, 16))


def test_a_probe_that_knows_nothing_pays_for_the_label_frequencies():
    """From constant activations L is the code of smoothed frequencies, here computed by a plain loop."""
    labels = (np.random.default_rng(1).random(N) < 0.2).astype(float)
    found = OnlineCode(penalties=(1.0,)).one(np.zeros((N, 3)), Target(labels, "binary"), groups=GROUP)
    code = OnlineCode()
    rows, starts = code._order(label_classes(Target(labels), 4), GROUP)
    y, bits, before = labels[rows].astype(int), 0.0, [0.0, 0.0]
    for i, label in enumerate(y):
        if i in starts:
            before = [float((y[:i] == c).sum()) for c in (0, 1)]
        bits += 1.0 if i < starts[1] else -np.log2((before[label] + 0.5) / (sum(before) + 1))
    assert float(N / found.null) == pytest.approx(bits)
    # The probe smooths with one pseudo-count per class over its own frequencies: the same within 1 %.
    assert float(found.codelength) == pytest.approx(bits, rel=0.01)
    assert found.null > 1.2 and abs(found.gain) < 0.01


def test_plain_concepts_compress_and_weaker_ones_less(x):
    rng = np.random.default_rng(1)
    noise = rng.normal(size=N)
    targets = {f"{s}": Target((x[:, 0] + s * noise > 0).astype(float), "binary") for s in (0.1, 1.0, 5.0)}
    found = OnlineCode()({"layer": x}, targets, groups=GROUP).sel(layer="layer")
    assert list(found.compression.values) == sorted(found.compression.values, reverse=True)
    assert found.compression[0] > 3 and (found.gain_low[:2] > 0).all()
    assert float(found.gain[0]) < 1  # a bit is worth one bit at most


def test_noise_saves_no_bits():
    """A gain is claimed of noise in few of many draws; its mean is not positive."""
    gains = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = Target(rng.normal(size=600))
        groups = np.repeat(np.arange(30), 20)
        found = OnlineCode(resamples=200).one(rng.normal(size=(600, 12)), y, groups=groups)
        gains.append((float(found.gain), float(found.gain_low)))
    mean, low = np.array(gains).T
    assert mean.mean() < 0.001 and (low > 0).mean() <= 0.1


def test_frequencies_are_no_finding(x):
    """Rare labels compress without any activations: the gain says so, the compression does not."""
    y = Target((np.random.default_rng(2).random(N) < 0.05).astype(float), "binary")
    found = OnlineCode().one(x, y, groups=GROUP)
    assert found.compression > 2.5 and found.gain_high < 0.01


def test_blocks_are_made_of_whole_groups():
    code = OnlineCode(cap=500)
    labels = np.where(np.arange(N) % 7 == 0, -1, 1)
    rows, starts = code._order(labels, GROUP)
    assert len(rows) <= 500 and (labels[rows] >= 0).all() and len(np.unique(rows)) == len(rows)
    changes = np.flatnonzero(np.diff(GROUP[rows])) + 1
    assert set(starts[1:]) <= set(changes) and starts[0] == 0
    assert len(changes) + 1 == len(np.unique(GROUP[rows]))  # no group comes back


def test_classes():
    assert set(label_classes(Target(np.array([0.0, 1, 1, np.nan])), 4)) == {0, 1, -1}
    counts = np.bincount(label_classes(Target(np.arange(100.0)), 4))
    assert len(counts) == 4 and np.ptp(counts) <= 1


def test_undefined_and_bad_input(x):
    found = OnlineCode().one(x, Target(np.ones(N)), groups=GROUP)
    assert np.isnan(found.compression) and found.reason == "fewer than two labels"
    found = OnlineCode().one(x, Target(np.full(N, np.nan)), groups=GROUP)
    assert np.isnan(found.gain_low)
    with pytest.raises(OptionError, match="one length"):
        OnlineCode().one(x, Target(np.ones(3)), groups=GROUP)
    with pytest.raises(OptionError, match="rising shares"):
        OnlineCode(blocks=(0.5, 0.2))
