"""W1 to W4 as pipeline files, Makefiles and flows: the same work for each tool.

W1 a foreach over N no-op functions, two workers, a join that sums; W2 one step,
start to exit; W3 twenty steps in a row; W4 twenty arrays of 20 MB to one join.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

from yamlflow.cli.app import COMMANDS

CHAIN = 20
STEPS = 50


def yamlflow(folder: Path, work: str, count: int, **options: str) -> list[str]:
    """Write the pipeline of a workload; return the command that runs it. `options` are keys of W1's loop, or `json`."""
    _write_code(folder)
    shown = ["--progress", "none", "--json"] if options.pop("json", "") else ["-q"]
    (folder / "pipeline.yaml").write_text(_PIPELINES[work](count, **options))
    command = [sys.executable, "-m", "yamlflow", "run", *shown, "--max-workers", "2"]
    return [*command, "--max-items", str(max(count, 1)), "pipeline.yaml"]


def _write_code(folder: Path) -> None:
    for name in ("plain.py", "work.py"):
        (folder / name).write_text((Path(__file__).parent / name).read_text())


def _w1(count: int, **options: str) -> str:
    more = "".join(f", {key}: {value}" for key, value in options.items())
    return f"""yamlflow: 1
defaults: {{resources: {{cpu: 0.5}}}}
steps:
  fan: {{run: "plain.py:nothing", foreach: {{n: "range({count})"}}, max_items: {count}, inputs: {{n: each.n}}{more}}}
  join: {{run: "plain.py:total", inputs: {{values: steps.fan}}}}
"""


def _w2(_count: int) -> str:
    return 'yamlflow: 1\nsteps:\n  only: {run: "plain.py:step"}\n'


def _w3(_count: int) -> str:
    lines = ["yamlflow: 1", "steps:", '  s0: {run: "plain.py:step"}']
    lines += [f'  s{i}: {{run: "plain.py:step", inputs: {{x: steps.s{i - 1}}}}}' for i in range(1, CHAIN)]
    return "\n".join(lines) + "\n"


def _w4(count: int) -> str:
    return f"""yamlflow: 1
steps:
  fan: {{run: "work.py:array", foreach: {{n: "range({count})"}}, inputs: {{n: each.n}}}}
  join: {{run: "work.py:join", inputs: {{arrays: steps.fan}}}}
"""


def validate(folder: Path) -> list[str]:
    """Check a file of STEPS steps, each with what steps usually have."""
    _write_code(folder)
    lines = ["yamlflow: 1", "params: {lr: 0.1}", "steps:", '  s0: {run: "plain.py:step"}']
    for number in range(1, STEPS):
        lines += [
            f"  s{number}:",
            f"    description: step number {number}",
            '    run: "plain.py:step"',
            f"    inputs: {{x: steps.s{number - 1}}}",
            "    when: params.lr > 0",
            "    retry: {attempts: 2, delay: 10s}",
            "    timeout: 10m",
            "    resources: {cpu: 1, memory: 1Gi}",
        ]
    (folder / "pipeline.yaml").write_text("\n".join(lines) + "\n")
    return [sys.executable, "-m", "yamlflow", "validate", "pipeline.yaml"]


def help_text(_folder: Path) -> list[str]:
    return [sys.executable, "-m", "yamlflow", "--help"]


def bare_help(_folder: Path) -> list[str]:
    """The `--help` of a typer program of as many commands that do nothing."""
    count = sum(map(len, COMMANDS.values()))
    return [sys.executable, str(Path(__file__).parent / "baretyper.py"), str(count), "--help"]


_PIPELINES = {"W1": _w1, "W2": _w2, "W3": _w3, "W4": _w4}


def fork_loop(folder: Path, work: str, count: int) -> list[str]:
    """The bare fork loop of a workload."""
    return [sys.executable, str(Path(__file__).parent / _FORKS[work]), str(count), str(folder / "loop")]


_FORKS = {"W1": "forkloop.py", "W2": "chainloop.py", "W3": "chainloop.py", "W4": "arrayloop.py"}


def joblib(folder: Path, work: str, count: int) -> list[str]:
    """Two warm workers, results memorised on disk."""
    return [sys.executable, "-m", "tests.benchmarks.joblibloop", work, str(count), str(folder / "memory")]


def make(folder: Path, work: str, count: int) -> list[str]:
    """GNU make with one Python process per task and a join, two at a time."""
    (folder / "out").mkdir()
    (folder / "Makefile").write_text(_MAKEFILES[work](count))
    return ["make", "-s", "-j2", "-C", str(folder)]


def _make_fan(count: int) -> str:
    body = "import sys; open(sys.argv[1], 'w').write('1')"
    return f'all: {_outs(count)}\n\t@cat out/* > total\nout/%:\n\t@{sys.executable} -S -E -c "{body}" $@\n'


def _make_chain(count: int) -> str:
    body = (
        "import sys; x = int(open(sys.argv[2]).read()) if sys.argv[2:] else 0; open(sys.argv[1], 'w').write(str(x + 1))"
    )
    after = "".join(f"out/{number}: out/{number - 1}\n" for number in range(1, count))
    return f'all: out/{count - 1}\n{after}out/%:\n\t@{sys.executable} -S -E -c "{body}" $@ $<\n'


def _make_arrays(count: int) -> str:
    save = "import numpy, sys; numpy.save(sys.argv[1], numpy.full(2_500_000, float(sys.argv[2])))"
    join = "import numpy, sys; print(sum(numpy.load(name)[0] for name in sys.argv[1:]))"
    files = " ".join(f"out/{number}.npy" for number in range(count))
    return (
        f'all: {files}\n\t@{sys.executable} -c "{join}" $^ > total\nout/%.npy:\n\t@{sys.executable} -c "{save}" $@ $*\n'
    )


def _outs(count: int) -> str:
    return " ".join(f"out/{number}" for number in range(count))


_MAKEFILES = {"W1": _make_fan, "W2": _make_chain, "W3": _make_chain, "W4": _make_arrays}


def metaflow(folder: Path, work: str, count: int, python: str) -> list[str]:
    """The same as a Metaflow flow."""
    (folder / "flow.py").write_text(_FLOWS[work](count))
    return [python, "flow.py", "--no-pylint", "--quiet", "run", "--max-workers", "2", "--max-num-splits", "100000"]


def _flow(body: str) -> str:
    head = "from metaflow import FlowSpec, step\n\n\nclass Flow(FlowSpec):\n"
    return f"{head}{body}\n\nif __name__ == '__main__':\n    Flow()\n"


def _metaflow_fan(count: int, value: str, total: str) -> str:
    return _flow(f"""    @step
    def start(self):
        self.items = list(range({count}))
        self.next(self.fan, foreach="items")

    @step
    def fan(self):
        {value}
        self.next(self.join)

    @step
    def join(self, inputs):
        {total}
        self.next(self.end)

    @step
    def end(self):
        pass
""")


def _metaflow_chain(length: int) -> str:
    names = ["start", *(f"s{number}" for number in range(1, length - 1)), "end"]
    steps = [
        f"    @step\n    def {name}(self):\n        self.x = 1\n        self.next(self.{after})\n"
        for name, after in pairwise(names)
    ]
    return _flow("\n".join([*steps, "    @step\n    def end(self):\n        pass\n"]))


_FLOWS = {
    "W1": lambda n: _metaflow_fan(n, "self.value = self.input", "self.total = sum(i.value for i in inputs)"),
    "W2": lambda _n: _metaflow_chain(2),
    "W3": lambda _n: _metaflow_chain(CHAIN),
    "W4": lambda n: _metaflow_fan(
        n,
        "import numpy; self.value = numpy.full(2_500_000, float(self.input))",
        "self.total = float(sum(i.value[0] for i in inputs))",
    ),
}
