"""How many small faults the tests notice: `python tools/mutants.py [--sample 120] [signals statistics]`.

Mutants are made by the operators of cosmic-ray (`pip install cosmic-ray`) and by a few of our own for what
it does not do: a call without one of its keywords, a call or a second assignment left out, `min` for `max`
and the like, returned values in another order, another word for a string. Places are drawn at random, and
one change at each. Annotations, docstrings, sentences and what is raised are no places, and changes that no
array survives (`a << b` for `a + b`, `a is b` for `a == b`) are none.

A mutant is killed if the tests of its module fail, or hang. Each is tried in a copy of the tree by a forked
process that has the libraries imported already and `socialsim` not yet (Linux); the likeliest killers come
first. Tests that play whole games or count how often an interval covers are left out for their time, so that
the share is, if anything, too low. Prints those that live, and the rows for docs/reliability.md; the exit
status is 1 below `WANTED`.
"""

import argparse
import ast
import contextlib
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cosmic_ray.ast
import pytest
import scipy.stats
from cosmic_ray import mutating, plugins

ROOT = Path(__file__).resolve().parents[1]
WANTED = 0.85

MODULES = {
    "signals": ("socialsim/core/signals.py", ["tests/core/test_signal_rules.py"]),
    "statistics": (
        "socialsim/analysis/statistics.py",
        [
            *("tests/analysis/test_estimates.py", "tests/analysis/test_statistics.py"),
            *("-k", "not (covers or holds_its_rate or groups_whole)"),
        ],
    ),
}
NEED_ARGUMENTS = ("core/VariableReplacer", "core/VariableInserter")
SENSELESS = {"RShift", "LShift", "BitAnd", "BitOr", "BitXor", "Is", "IsNot", "Invert"}  # for numbers
TWINS = [("min", "max"), ("minimum", "maximum"), ("all", "any"), ("zeros", "ones"), ("sum", "mean")]
OTHER = {a: b for pair in TWINS for a, b in (pair, pair[::-1])}

Place = tuple[int, int]  # line, column


class Mutant(NamedTuple):
    line: int
    before: str
    after: str
    code: str


# -- making ----------------------------------------------------------------------------------------------


class Source:
    """A module's text, with where its nodes begin and end."""

    def __init__(self, text: str):
        self.text, self.tree = text, ast.parse(text)
        self.lines = text.splitlines(keepends=True)
        self.spared = [self.span(node) for node in _spared(self.tree)]

    def span(self, node: ast.AST) -> tuple[Place, Place]:
        """(begin, end) in characters; `ast` counts bytes."""

        def place(line: int, byte: int) -> Place:
            return line, len(self.lines[line - 1].encode()[:byte].decode())

        return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)

    def at(self, place: Place) -> int:
        return sum(map(len, self.lines[: place[0] - 1])) + place[1]

    def is_spared(self, place: Place) -> bool:
        return any(begin <= place < end for begin, end in self.spared)

    def get(self, node: ast.AST) -> str:
        begin, end = map(self.at, self.span(node))
        return self.text[begin:end]

    def put(self, *changes: tuple[ast.AST, str]) -> str:
        """The text with other words for some nodes, none within another."""
        text = self.text
        for node, new in sorted(changes, key=lambda c: self.span(c[0]), reverse=True):
            begin, end = map(self.at, self.span(node))
            text = text[:begin] + new + text[end:]
        return text


def _spared(tree: ast.Module) -> Iterator[ast.AST]:
    """Annotations, aliases of types, what is raised, and docstrings."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                yield getattr(node, name)
        if isinstance(node, ast.Raise) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            yield node
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Subscript | ast.List):
            yield node


def library_changes(source: Source) -> Iterator[tuple[tuple, Callable[[], str | None]]]:
    """(place, how to change it) by the operators of cosmic-ray."""
    tree = cosmic_ray.ast.get_ast(source.text)
    for name in sorted(set(plugins.operator_names()) - set(NEED_ARGUMENTS)):
        old, *new = name.split("_")[1:] or [""]
        if (SENSELESS.intersection(new) and old not in SENSELESS) or "Shift" in name:
            continue
        operator, occurrence = plugins.get_operator(name)(), 0
        for node in cosmic_ray.ast.ast_nodes(tree):
            for begin, _ in operator.mutation_positions(node):

                def change(operator=operator, occurrence=occurrence):
                    return mutating.mutate_code(source.text, operator, occurrence)

                yield (begin, name.split("_")[0]), change
                occurrence += 1


def own_changes(source: Source) -> Iterator[tuple[tuple, Callable[[], str | None]]]:
    """(place, how to change it) by the operators that cosmic-ray lacks."""

    def changed(kind: str, *changes: tuple[ast.AST, str]):
        return (source.span(changes[0][0])[0], kind), lambda: source.put(*changes)

    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield changed("left out", (node, "pass"))
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                rest = [source.get(a) for a in (*node.args, *node.keywords) if a is not keyword]
                if keyword.arg is not None:
                    text = f"{source.get(node.func)}({', '.join(rest)})"
                    yield (source.span(keyword)[0], "keyword"), lambda n=node, t=text: source.put((n, t))
        word = getattr(node, "id", getattr(node, "attr", None))
        if word in OTHER and isinstance(node, ast.Attribute if word == "sum" else ast.AST):
            yield changed("twin", (node, re.sub(rf"{word}$", OTHER[word], source.get(node))))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
            first, second = node.value.elts[:2]
            yield changed("order", (first, source.get(second)), (second, source.get(first)))
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            yield changed("sign", (node, source.get(node).replace("+=", "-=", 1)))
        word = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else " "
        if " " not in word and source.get(node)[0] in "'\"":  # with spaces: sentences, messages
            yield changed("word", (node, repr(f"not_{word}")))
        if isinstance(node, ast.FunctionDef):
            known = {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
            for part in (p for p in ast.walk(node) if isinstance(p, ast.Assign)):
                names = {n.id for t in part.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
                if names and names <= known:
                    yield changed("left out", (part, "pass"))
                known |= names


def mutants(text: str, chance: random.Random, most: int) -> list[Mutant]:
    """One change at each of up to `most` places drawn at random; those that are no Python are left out."""
    source = Source(text)
    places: dict[tuple, list[Callable[[], str | None]]] = {}
    for changes in (library_changes, own_changes):
        for place, change in changes(source):
            if not source.is_spared(place[0]):
                places.setdefault(place, []).append(change)
    drawn, made = [places[place] for place in sorted(places)], []
    print(f"{len(drawn)} places, {sum(map(len, drawn))} mutants", file=sys.stderr)
    chance.shuffle(drawn)
    for choices in drawn:
        code = chance.choice(choices)()
        try:
            if code is None or ast.dump(ast.parse(code)) == ast.dump(source.tree):
                continue
        except SyntaxError:
            continue
        pairs = zip(text.splitlines(), code.splitlines(), strict=False)
        line, before, after = next((i, a, b) for i, (a, b) in enumerate(pairs, 1) if a != b)
        made.append(Mutant(line, before.strip(), after.strip(), code))
        if len(made) == most:
            break
    return made


# -- trying ----------------------------------------------------------------------------------------------


class Trial:
    """A pytest plugin: those tests first that killed most for their time, the quickest where none has yet;
    and an alarm where `socialsim` is not the copy's."""

    def __init__(self, copy: Path):
        self.copy, self.place = copy, copy / "tests.json"
        self.seconds, self.kills = json.loads(self.place.read_text()) if self.place.exists() else ({}, {})

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        def worth(item: pytest.Item) -> float:
            return (1 + self.kills.get(item.nodeid, 0)) / (0.05 + self.seconds.get(item.nodeid, 0.0))

        items.sort(key=worth, reverse=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.seconds.setdefault(report.nodeid, report.duration)
        if report.failed:
            self.kills[report.nodeid] = self.kills.get(report.nodeid, 0) + 1

    def pytest_sessionfinish(self) -> None:
        self.place.write_text(json.dumps([self.seconds, self.kills]))
        if not sys.dont_write_bytecode:
            (self.copy / "libraries.txt").write_text("\n".join(libraries()))
        found = importlib.util.find_spec("socialsim")  # a mutant may have broken the import itself
        if found is None or not Path(str(found.origin)).is_relative_to(self.copy):
            os._exit(97)


def libraries() -> list[str]:
    """What is imported here and installed, the interpreter's own modules among it."""
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return [name for name, file in files.items() if file and Path(file).is_relative_to(sys.prefix)]


def tried(copy: Path, tests: list[str], seconds: float, compiled: bool = True) -> tuple[int, float]:
    """(status of pytest in a forked process, -1 where it took longer than `seconds`; how long it took)."""
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        try:
            os.chdir(copy)
            sys.path.insert(0, str(copy))
            sys.dont_write_bytecode = compiled  # mutants of one size within a second would share one
            log = os.open(copy / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            options = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of imports before this one
            options += ["-x", "-q", "--tb=line", "-o", f"cache_dir={copy.parent / 'cache'}"]
            status = pytest.main([*options, *tests], plugins=[Trial(copy)])
            sys.stdout.flush()
            os._exit(int(status))
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(98)
    while time.monotonic() - begin < seconds:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), time.monotonic() - begin
        time.sleep(0.02)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -1, seconds


def measure(module: str, most: int, seed: int, folder: Path) -> tuple[int, int]:
    """(killed, tried)."""
    place, tests = MODULES[module]
    copy = folder / module
    ignored = shutil.ignore_patterns("__pycache__", "weights")
    for part in ("socialsim", "tests"):
        shutil.copytree(ROOT / part, copy / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    (copy / place).with_name("__init__.py").write_text("")  # the tests need but the one module of its package
    text = (ROOT / place).read_text()
    status, _ = tried(copy, tests, 3600, compiled=False)
    for name in (copy / "libraries.txt").read_text().split() if status == 0 else []:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    status, usual = (status, 0.0) if status else tried(copy, tests, 3600)  # programs are compiled now
    if status != 0:
        said = (copy / "log.txt").read_text()[-2000:]
        sys.exit(f"{module}: the tests fail without a mutant ({status}):\n{said}")
    (copy / place).write_text(f"{text}\nraise RuntimeError\n")
    if tried(copy, tests, 60 + 5 * usual)[0] == 0:
        sys.exit(f"{module}: the tests do not read {place} of the copy")
    made = mutants(text, random.Random(seed), most)
    killed = 0
    for number, mutant in enumerate(made, 1):
        (copy / place).write_text(mutant.code)
        status, _ = tried(copy, tests, 30 + 5 * usual)
        if status in (97, 98):
            sys.exit(f"{module}: a trial went wrong:\n{(copy / 'log.txt').read_text()[-2000:]}")
        killed += status != 0
        if status == 0:
            print(f"lives: {place}:{mutant.line}: {mutant.before}  ->  {mutant.after}", flush=True)
        if number % 20 == 0:
            print(f"{module}: {killed} of {number}", file=sys.stderr, flush=True)
    return killed, len(made)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "modules", nargs="*", metavar="module", help=f"of {', '.join(MODULES)}; all without one"
    )
    parser.add_argument("--sample", type=int, default=120, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if unknown := set(given.modules) - set(MODULES):
        parser.error(f"modules {sorted(unknown)}; allowed: {', '.join(MODULES)}")
    os.environ["JAX_PLATFORMS"] = "cpu"
    rows, fine = [], True
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for module in given.modules or MODULES:
            killed, number = measure(module, given.sample, given.seed, Path(folder))
            low, high = scipy.stats.binomtest(killed, number).proportion_ci(method="wilson")
            share = f"{100 * killed / number:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"
            rows.append(f"| `{MODULES[module][0]}` | {number} | {killed} | {share} | {given.seed} |")
            fine &= killed >= WANTED * number
    print("\n".join(["| module | mutants | killed | share | `--seed` |", "|---|---|---|---|---|", *rows]))
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
