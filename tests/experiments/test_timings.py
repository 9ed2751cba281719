"""How long a study took, over all its sittings."""

import time

from socialsim.experiments.experiment import Study
from socialsim.runs import Run


def test_times_add_up_over_sittings(tmp_path):
    def sit(begin):
        with Run.open_or_create(tmp_path / "run", {"x": 1}) as run:
            study = Study(run, 0, quiet=True)
            begin(study)
            return study

    def first(study):
        study.stage("kept", lambda: time.sleep(0.05))
        study.timed("again", lambda: time.sleep(0.05))

    one = sit(first)
    two = sit(lambda s: (s.stage("kept", lambda: 1 / 0), s.timed("again", lambda: time.sleep(0.02))))
    assert two.timings["kept"] == one.timings["kept"] and two.timings["again"] >= 0.07
    assert two.total() >= 0.1 + 0.02 and two.total() >= sum(two.timings.values())
