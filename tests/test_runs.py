"""Runs on disk: bit-identical, whole or absent, and clear about what is wrong."""

import contextlib
import dataclasses
import gc
import hashlib
import json
import pickle
import shutil
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import xarray as xr

from socialsim.core.errors import RunError
from socialsim.runs import Run, RunWarning, files

CONFIG = {"world": "rendezvous-v0", "ppo": {"epochs": 4, "widths": (64, 64)}, "seeds": [0, 1]}


def tree(seed: int = 0):
    """A learner-like tree: typed keys, optimiser state, odd types, an empty array, plain numbers."""
    key = jax.random.key(seed)
    params = {"w": jax.random.normal(key, (3, 8)), "b": jnp.array([jnp.nan, -0.0, jnp.inf])}
    return {
        "params": params,
        "opt": optax.adam(1e-3).init(params),
        "key": key,
        "keys": jax.random.split(jax.random.key(seed, impl="rbg"), 3),
        "half": jnp.ones(5, jnp.bfloat16) * seed,
        "mask": jnp.array([True, False]),
        "bits": jnp.arange(3, dtype=jnp.uint32),
        "host": np.arange(4, dtype=np.int64) + seed,
        "empty": jnp.zeros((0, 2)),
        "none": None,
        "chunk": 7 + seed,
        "rate": 0.1,
    }


def bits(leaf) -> tuple:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return str(leaf.dtype), leaf.shape, np.asarray(jax.random.key_data(leaf)).tobytes()
    return type(leaf), *(lambda x: (str(x.dtype), x.shape, x.tobytes()))(np.asarray(leaf))


def assert_same(a, b) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert bits(x) == bits(y)


@pytest.fixture
def run(tmp_path):
    with Run.create(tmp_path / "run", CONFIG) as run:
        yield run


def test_checkpoints_are_bit_identical_and_the_last_are_kept(run):
    assert run.restore(tree()) is None
    for step in (1, 2, 3):
        run.save(step, tree(step), keep=2)
    assert run.steps() == [2, 3]
    step, found = run.restore(tree())
    assert step == 3
    assert_same(found, tree(3))
    assert_same(run.restore(tree(), step=2)[1], tree(2))
    with pytest.raises(RunError, match=r"no checkpoint 1; there are: \[2, 3\]"):
        run.restore(tree(), step=1)


def test_a_template_of_shapes_is_enough(run):
    learner = {k: v for k, v in tree(1).items() if k in ("params", "opt", "key", "keys")}
    run.save(1, learner)
    shapes = jax.eval_shape(lambda: {k: v for k, v in tree(0).items() if k in learner})
    assert_same(run.restore(shapes)[1], learner)


def test_another_tree_is_refused_by_name(run):
    run.save(1, {"w": jnp.zeros((3, 4)), "b": jnp.zeros(3)})
    message = r"holds \['w'\] as float32\[3, 4\], asked for float32\[2, 4\] \(1 of 2"
    with pytest.raises(RunError, match=message):
        run.restore({"w": jnp.zeros((2, 4)), "b": jnp.zeros(3)})
    with pytest.raises(RunError, match=r"holds \['v'\] as nothing"):
        run.restore({"w": jnp.zeros((3, 4)), "b": jnp.zeros(3), "v": jnp.zeros(1)})
    with pytest.raises(TypeError, match="leaf .*name.* is str"):
        run.save(2, {"name": "a"})
    assert run.steps() == [1]


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])


@pytest.mark.parametrize("how", ["gone", "truncated", "flipped"])
@pytest.mark.parametrize("what", ["manifest.json", "state/_METADATA", "largest"])
def test_a_damaged_checkpoint_is_named_and_passed_over(run, how, what):
    for step in (1, 2):
        run.append_metrics(step, {"loss": step})
        run.save(step, tree(step))
    folder = run.path / "checkpoints/00000002"
    files = [p for p in folder.rglob("*") if p.is_file()]
    damage(max(files, key=lambda p: p.stat().st_size) if what == "largest" else folder / what, how)
    with pytest.raises(RunError, match="checkpoint 2 of .* is damaged"):
        run.restore(tree(), step=2)
    with pytest.warns(RunWarning, match="checkpoint 2 is damaged: .*; going on from checkpoint 1"):
        step, found = run.restore(tree())
    assert step == 1
    assert_same(found, tree(1))
    assert (run.steps(), len(run.metrics())) == ([1], 1)
    for _ in range(2):  # a step can be saved again
        run.save(2, tree(2))
    assert run.restore(tree())[0] == 2


def chunks(run, last: int, since: int = 0) -> None:
    for step in range(since + 1, last + 1):
        run.append_metrics(step, {"loss": step})
        run.save(step, {"w": jnp.full(3, float(step))})


@pytest.mark.parametrize("how", ["gone", "truncated", "flipped"])
@pytest.mark.parametrize("what", ["checkpoints/00000002/manifest.json", "metrics/00000002.npz"])
def test_a_run_that_keeps_all_goes_on_before_what_is_damaged(run, what, how):
    """What came later is made again: a hole in the middle would be read as a shorter history."""
    template = {"w": jnp.zeros(3)}
    assert run.resume(template, lambda t: t["w"][0]) is None
    chunks(run, 4)
    damage(run.path / what, how)
    reader = Run.open(run.path)
    for each in (reader, run):
        with pytest.warns(RunWarning, match="checkpoint 2 is damaged: .*; going on after checkpoint 1"):
            last, parts, metrics = each.resume(template, lambda t: int(t["w"][0]))
        assert (int(last["w"][0]), parts, [int(m["loss"]) for m in metrics]) == (1, [1], [1])
    chunks(run, 4, since=1)
    _, parts, metrics = run.resume(template, lambda t: int(t["w"][0]))
    assert parts == [int(m["loss"]) for m in metrics] == [1, 2, 3, 4]


def test_a_run_whose_first_checkpoint_is_damaged_starts_again(run):
    chunks(run, 2)
    damage(run.path / "checkpoints/00000001/manifest.json", "flipped")
    with pytest.warns(RunWarning, match="going on from the start"):
        assert run.resume({"w": jnp.zeros(3)}, lambda t: t) is None
    damage(run.path / "checkpoints/00000002/manifest.json", "flipped")
    with pytest.raises(RunError, match="no good one is left: start a new run"):
        run.resume({"w": jnp.zeros(3)}, lambda t: t)


@pytest.mark.parametrize("how", ["truncated", "flipped"])
def test_a_damaged_stage_is_made_again(run, how):
    assert run.kept("stages/a.json") is None
    run.write_json("stages/a.json", {"result": [1.5, None], "seconds": 2})
    assert run.kept("stages/a.json") == {"result": [1.5, None], "seconds": 2}
    path = run.path / "stages/a.json"
    if how == "flipped":
        path.write_bytes(path.read_bytes().replace(b"1.5", b"1.4"))
    else:
        damage(path, how)
    with pytest.raises(RunError, match="run the command that made it again"):
        run.read_json("stages/a.json")
    with pytest.warns(RunWarning, match=r"stages/a.json: .*; it is made again"):
        assert run.kept("stages/a.json") is None
    assert (run.path / "stages/a.json.damaged").exists() and run.kept("stages/a.json") is None


def test_nothing_good_left(run):
    run.save(1, tree())
    damage(run.path / "checkpoints/00000001/manifest.json", "gone")
    with pytest.raises(RunError, match="no good one is left"):
        run.restore(tree())
    assert (run.path / "checkpoints/00000001").is_dir()


def test_metrics_survive_as_given_and_late_ones_are_dropped(run):
    chunk = {"loss": np.float32([0.1, np.nan]), "n": 3, "half": jnp.ones(2, jnp.bfloat16)}
    for step in (1, 2, 3):
        run.append_metrics(step, {**chunk, "n": step})
    run.save(2, tree())
    assert [int(c["n"]) for c in run.metrics(upto=1)] == [1]
    run.restore(tree())
    assert [int(c["n"]) for c in run.metrics()] == [1, 2]
    assert bits(run.metrics()[0]["loss"]) == bits(chunk["loss"])
    damage(run.path / "metrics/00000001.npz", "truncated")
    with pytest.raises(RunError, match=r"00000001.npz' is damaged"):
        run.metrics()


def test_parts_have_checkpoints_of_their_own(run):
    run.part("source").save(1, tree(1))
    run.part("target").append_metrics(1, {"a": 1})
    assert run.steps() == run.part("target").steps() == []
    assert run.part("source").steps() == [1]
    with pytest.raises(RunError, match=r"part '../x'; allowed"):
        run.part("../x")


def test_recordings(run):
    data = xr.Dataset(
        {
            "value": (("step", "channel"), np.random.default_rng(0).normal(size=(4, 2)).astype("f4")),
            "valid": (("step",), np.array([True, False, True, True])),
            "label": (("step",), np.array(list("abca"))),
        },
        coords={"channel": ["attention", "imitation"], "step": np.arange(4)},
        attrs={"world": "rendezvous-v0", "discount": np.float32(0.5), "shape": (1, 2)},
    )
    path = run.save_recording("source", data)
    found = run.recording("source")
    xr.testing.assert_equal(found, data)
    assert {n: v.dtype for n, v in found.variables.items()} == {n: v.dtype for n, v in data.variables.items()}
    assert found.attrs == {"world": "rendezvous-v0", "discount": 0.5, "shape": [1, 2]}
    run.save_recording("source", data)  # replaces
    assert run.recordings() == ["source"]
    with pytest.raises(RunError, match="unknown recording 'sauce'; .*did you mean 'source'"):
        run.recording("sauce")
    max(
        (path / "value/c").rglob("*"), key=lambda p: p.is_file()
    ).unlink()  # Zarr alone would read fill values here
    for _ in range(2):
        with pytest.raises(RunError, match="truncated or altered.*record it again"):
            Run.open(run.path).recording("source")
    with pytest.raises(RunError, match="truncated or altered"):
        run.recording("source")
    assert run.recordings() == [], "set aside, so that it is made again"


def test_recordings_are_read_in_one_order(run):
    """Zarr lists what it holds as its answers come; tables made of a recording must not depend on it."""
    names = [f"v{i:02d}" for i in range(20)]
    data = xr.Dataset({n: (("a", "b") if i % 2 else ("b", "a"), np.eye(2)) for i, n in enumerate(names)})
    run.save_recording("many", data.assign_coords(b=[1, 2], a=[3, 4]))
    read = [run.recording("many") for _ in range(4)]
    assert all(list(r.data_vars) == names and list(r.coords) == ["a", "b"] for r in read)
    assert all(r.to_dataframe().equals(read[0].to_dataframe()) for r in read)


def pieces(count: int, alive: list):
    """Pieces of a recording; `alive` is told how many of them are held in memory at once."""
    there = []
    for i in range(count):
        values = np.random.default_rng(i).normal(size=(3, 4)).astype("f4")
        there = [r for r in there if r() is not None]
        piece = xr.Dataset(
            {"value": (("step", "world"), values), "label": (("world",), np.array(list("abcd")))},
            coords={"step": np.arange(3), "channel": ["attention", "imitation"]},
            attrs={"shape": (1, 2)},
        )
        there.append(weakref.ref(piece))
        alive.append(len(there))
        yield piece
        del piece, values


def test_recordings_stream_in_pieces(run):
    alive: list[int] = []
    run.stream_recording("long", pieces(9, alive), "world")
    assert max(alive) <= 2
    whole = xr.concat(list(pieces(9, [])), "world", data_vars="minimal")
    found, lazy = run.recording("long"), run.recording("long", lazy=True)
    xr.testing.assert_equal(found, whole)
    assert found.attrs == {"shape": [1, 2]} and found.sizes["world"] == 36
    np.testing.assert_array_equal(lazy.value[:, 30:32], whole.value[:, 30:32])
    assert len(list((run.path / "recordings/long.zarr/value/c").rglob("*"))) > 9, "chunks of their own"

    def breaks():
        yield from pieces(2, [])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.stream_recording("long", breaks(), "world")
    xr.testing.assert_equal(run.recording("long"), whole)
    assert not list(run.path.rglob(".writing-*"))
    chunk = max((run.path / "recordings/long.zarr/value/c").rglob("*"), key=lambda p: p.is_file())
    damage(chunk, "truncated")
    for lazily in (True, False):
        with pytest.raises(RunError, match="truncated or altered; record it again"):
            Run.open(run.path).recording("long", lazy=lazily)


def test_files_are_written_whole_and_inside(run):
    @dataclasses.dataclass
    class Figure:
        mean: float
        interval: np.ndarray

    run.write_json("summary.json", {"a": Figure(float("nan"), np.arange(2))})
    assert run.read_json("summary.json") == {"a": {"mean": None, "interval": [0, 1]}}
    run.write_json("b.json", Figure(1.0, np.float32([2])))
    assert run.write("figures/a.txt", "µ").read_text("utf-8") == "µ"
    assert not list(run.path.rglob(".writing-*"))
    for odd in ([1, 2], {"sha256": 1}):
        with pytest.raises(TypeError, match="a mapping or dataclass"):
            run.write_json("odd.json", odd)
    for name in ("../a", "/a", ""):
        with pytest.raises(RunError, match="inside the run folder"):
            run.write(name, b"")
    with pytest.raises(RunError, match="cannot be read"):
        run.read_json("none.json")


def test_open_and_resume(tmp_path):
    path = tmp_path / "runs/demo"
    with Run.open_or_create(path, CONFIG) as run:
        run.save(1, tree(1))
    with Run.open_or_create(path, CONFIG) as run:
        assert run.config == {**CONFIG, "ppo": {"epochs": 4, "widths": [64, 64]}}
        assert run.restore(tree())[0] == 1
    other = {**CONFIG, "ppo": {"epochs": 8, "widths": (64, 64)}}
    with pytest.raises(RunError, match=r"made with ppo.epochs=4, asked for 8; use"):
        Run.open_or_create(path, other)
    with pytest.raises(RunError, match="made with seeds.1=1, asked for 2 .and 1 more"):
        Run.open_or_create(path, {**other, "extra": 1, "ppo": CONFIG["ppo"], "seeds": [0, 2]})
    reader = Run.open(path)
    assert reader.steps() == [1]
    with pytest.raises(RunError, match="reading only"):
        reader.save(2, tree())
    with pytest.raises(RunError, match="option seeds.0=nan"):
        Run.open_or_create(tmp_path / "b", {"seeds": [float("nan")]})


def snapshot(folder: Path) -> dict:
    return {p: (p.stat().st_mtime_ns, p.is_file() and p.read_bytes()) for p in folder.rglob("*")}


def test_wrong_folders_get_one_clear_line_and_stay_untouched(tmp_path):
    Run.create(tmp_path / "demo", CONFIG).close()
    config = json.loads((tmp_path / "demo/config.json").read_text())
    cases = {
        "foreign": ("notes.txt", "hello", "is not a socialsim run"),
        "torn": ("config.json", '{"format": "socialsim-run", ', "damaged or foreign"),
        "list": ("config.json", "[1]", "damaged or foreign"),
        "edited": ("config.json", json.dumps({**config, "config": {"seeds": 9}}), "was changed after"),
    }
    for name, (file, text, _) in cases.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    (tmp_path / "file").write_text("")
    before = snapshot(tmp_path)
    for name, (*_, message) in cases.items():
        for call in (lambda p: Run.open(p, write=True), lambda p: Run.open_or_create(p, CONFIG)):
            with pytest.raises(RunError, match=message) as caught:
                call(tmp_path / name)
            assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match=r"no run at '.*demox'; did you mean '.*demo'\?"):
        Run.open(tmp_path / "demox")
    with pytest.raises(RunError, match="there is a run at"):
        Run.create(tmp_path / "demo", CONFIG)
    for call in (Run.open, lambda p: Run.create(p, CONFIG)):
        with pytest.raises(RunError, match="is a file"):
            call(tmp_path / "file")
    assert snapshot(tmp_path) == before


def test_another_schema(tmp_path, monkeypatch):
    monkeypatch.setattr("socialsim.runs.folder.SCHEMA", 99)
    Run.create(tmp_path / "new", CONFIG).close()
    monkeypatch.undo()
    with pytest.raises(RunError, match=r"has schema 99 \(socialsim .*\); this socialsim reads schema 2"):
        Run.open(tmp_path / "new")


def test_one_writer_at_a_time(tmp_path):
    run = Run.create(tmp_path / "run", CONFIG)
    with pytest.raises(RunError, match=r"being written by process \d+"):
        Run.open(tmp_path / "run", write=True)
    Run.open(tmp_path / "run")
    run.close()
    Run.open(tmp_path / "run", write=True).close()


class Payload:
    """What unpickling runs."""

    def __reduce__(self):
        return Path.touch, (Path("unpickled"),)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Orbax, on garbage
def test_reading_a_run_executes_nothing_from_it(run, tmp_path, monkeypatch):
    """A pickle in place of everything that is read, with seals that fit: refused, and never run."""
    monkeypatch.chdir(tmp_path)
    evil = pickle.dumps(Payload())
    pickle.loads(evil)
    assert Path("unpickled").exists(), "the payload works"
    Path("unpickled").unlink()
    run.append_metrics(1, {"loss": 1})
    run.save(1, {"w": jnp.zeros(3)})
    run.save_recording("a", xr.Dataset({"x": ("step", np.arange(3.0))}))
    found = [p for p in run.path.rglob("*") if p.is_file() and p.name != ".lock"]
    assert len(found) > 5
    for path in found:
        whole = path.read_bytes()
        manifest = run.path / "checkpoints/00000001/manifest.json"
        sealed = manifest.read_bytes()
        path.write_bytes(evil)
        if path.is_relative_to(manifest.parent) and path != manifest:
            body = files.read_sealed(manifest)
            body["files"][path.relative_to(manifest.parent).as_posix()] = hashlib.sha256(evil).hexdigest()
            files.write_sealed(manifest, body)
        reader = Run(run.path, {}, None)
        for read in (
            lambda: Run.open(run.path),
            lambda reader=reader: reader.restore({"w": jnp.zeros(3)}, step=1),
            reader.metrics,
            lambda reader=reader: reader.recording("a"),
        ):
            with contextlib.suppress(RunError):
                read()
        path.write_bytes(whole)
        manifest.write_bytes(sealed)
        gc.collect()
        assert not Path("unpickled").exists(), path
    np.savez(run.path / "metrics/00000002.npz", loss=np.array([Payload()], dtype=object))
    with pytest.raises(RunError, match="damaged"):
        run.metrics()
    # A Zarr store of version 2, whose codecs may be pickles.
    shutil.rmtree(run.path / "recordings/a.zarr")
    store = run.path / "recordings/a.zarr/x"
    store.mkdir(parents=True)
    (store.parent / ".zgroup").write_text('{"zarr_format": 2}')
    (store.parent / ".zattrs").write_text("{}")
    meta = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "fill_value": None, "order": "C"}
    (store / ".zarray").write_text(json.dumps({**meta, "compressor": None, "filters": [{"id": "pickle"}]}))
    (store / ".zattrs").write_text('{"_ARRAY_DIMENSIONS": ["step"]}')
    (store / "0").write_bytes(pickle.dumps(np.array([Payload()], dtype=object)))
    with pytest.raises(RunError, match="cannot be read"):
        Run.open(run.path).recording("a")
    assert not Path("unpickled").exists()
