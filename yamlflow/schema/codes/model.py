"""What can be wrong with a key or its value: names, types, units, and keys that do not go together. Data only."""

from __future__ import annotations

from yamlflow.schema.codes.page import Code


def _file(*lines: str) -> str:
    """A whole file around the lines of one step."""
    return "yamlflow: 1\nsteps:\n  fit:\n    run: train:fit\n" + "".join(f"    {line}\n" for line in lines)


def _top(*lines: str) -> str:
    """A whole file with more lines at the top."""
    return "yamlflow: 1\n" + "".join(f"{line}\n" for line in lines) + 'steps:\n  fit: {run: "train:fit"}\n'


CODES = (
    Code(
        "not-a-pipeline",
        "this is some other file",
        "None of the keys at the top is one of a pipeline's. A pipeline file starts with `yamlflow: 1`.",
        "on: push\njobs: {}\n",
        _file(),
    ),
    Code(
        "missing-version",
        "the file does not say that it is a pipeline",
        "`yamlflow: 1` is the version of the file format. It lets later versions read old files rightly, "
        "and tells a pipeline from any other YAML.",
        'steps:\n  fit: {run: "train:fit"}\n',
        _file(),
    ),
    Code(
        "wrong-version",
        "the file is of another version",
        "There is one version of the file format: `yamlflow: 1`, a number without quotes.",
        'yamlflow: 2\nsteps:\n  fit: {run: "train:fit"}\n',
        _file(),
    ),
    Code(
        "unknown-key",
        "there is no such key here",
        "A key is misspelt, is another tool's word, or belongs elsewhere. Nothing is ever ignored: a key that does "
        "nothing would be worse than an error. Keys of your own start with `x-`, at the top of the file.",
        _file("timeot: 1h"),
        _file("timeout: 1h"),
    ),
    Code(
        "misplaced-key",
        "the key exists, but means nothing here",
        "A group leaves what concerns a process (`env`, `resources`, `cache` …) to the steps inside; `repeat` goes "
        "with a group; `where` and `key` go with `foreach`; `defaults` has no keys that say what one step does.",
        _file("where: each.fold > 1"),
        _file("foreach: {fold: range(5)}", "where: each.fold > 1"),
    ),
    Code(
        "missing-key",
        "something needed is not there",
        "A step needs one of `run`, `command`, `sh`, `uses` and `steps`; `repeat` needs `max`; a profile needs `type`; "
        "a parameter needs a default or a type.",
        "yamlflow: 1\nsteps:\n  fit: {timeout: 1h}\n",
        _file("timeout: 1h"),
    ),
    Code(
        "conflicting-keys",
        "two keys that exclude each other",
        "A step does one thing, an output has one place, `catch` has one of `set` and `run`, a parameter with a "
        "default is never required.",
        _file("sh: python train.py"),
        _file(),
    ),
    Code(
        "duplicate-argument",
        "one name in two maps",
        "An argument stands under `inputs`, as an expression, or under `with`, as it stands; never under both. The "
        "same holds for a variable under `env` and `secrets`.",
        _file("inputs: {lr: params.lr}", "with: {lr: 0.1}"),
        _file("inputs: {lr: params.lr}", "with: {epochs: 3}"),
    ),
    Code(
        "wrong-type",
        "another kind of value is wanted",
        "The key wants text, a number, a list or a mapping, and got something else. The message shows an example.",
        _file("timeout: [1h]"),
        _file("timeout: 1h"),
    ),
    Code(
        "ambiguous-scalar",
        "YAML reads this differently than it looks",
        "Without quotes `3.10` is the number 3.1, and in YAML 1.2 `yes`, `no`, `on` and `off` are text. Quote text "
        "that looks like a number; write `true` or `false` for booleans.",
        _file("image: 3.10"),
        _file('image: "3.10"'),
    ),
    Code(
        "bad-value",
        "the value is out of range, or none of the allowed ones",
        "The type is right, but the value is not one the key can have. The message says which can.",
        _file("isolation: thread"),
        _file("isolation: shared"),
    ),
    Code(
        "bad-name",
        "this cannot be a name",
        "Ids of steps are made of a-z, 0-9 and `_`, start with a letter and have at most 40 characters: they become "
        "names in expressions, labels and files, and `a-b` would be a subtraction. Words of the expression language "
        "(`if`, `in`, `true` …) are no names.",
        'yamlflow: 1\nsteps:\n  fit-model: {run: "train:fit"}\n',
        'yamlflow: 1\nsteps:\n  fit_model: {run: "train:fit"}\n',
    ),
    Code(
        "bad-duration",
        "this is no length of time",
        "A duration is a number and a unit, `ms`, `s`, `m`, `h` or `d`, largest first: `10s`, `1h30m`, `1.5d`. A bare "
        "number has no unit and is refused.",
        _file("timeout: 30"),
        _file("timeout: 30s"),
    ),
    Code(
        "bad-size",
        "this is no amount of memory",
        "A size is a number and a unit: `512Mi` and `2Gi` (powers of 1024), `500M` and `1G` (powers of 1000), or "
        "bytes. Less than a mebibyte is taken for a forgotten unit.",
        _file("resources: {memory: 16gb}"),
        _file("resources: {memory: 16Gi}"),
    ),
    Code(
        "bad-gpu",
        "this is no request for GPUs",
        'GPUs are a number (`2`), a type and a number (`"a100:2"`), or a mapping '
        "(`{type: [a100, h100], count: 2, memory: 40Gi}`).",
        _file('resources: {gpu: "a100:many"}'),
        _file('resources: {gpu: "a100:2"}'),
    ),
    Code(
        "bad-percent",
        "this is no percentage",
        "A percentage is a number from 0 to 100 and a percent sign.",
        _file("foreach: {fold: range(5)}", "min_success: 0.9"),
        _file("foreach: {fold: range(5)}", "min_success: 90%"),
    ),
    Code(
        "bad-cron",
        "this is no cron line",
        "A schedule has five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or jan-dec) and "
        "weekday (0-7 or sun-sat), each a number, `*`, a range, a list, or one of these with a step.",
        _top('schedule: {cron: "0 25 * * *"}'),
        _top('schedule: {cron: "0 3 * * mon-fri"}'),
    ),
    Code(
        "bad-secret",
        "this is no reference to a secret",
        "Secrets are named, never written down: `aws-sm:name#key`, `aws-ssm:/path`, `k8s:name/key`, `file:/path`, "
        "`env:NAME`, or a list of names for variables of the caller's environment.",
        _file("secrets: {TOKEN: hunter2}"),
        _file("secrets: {TOKEN: env:HF_TOKEN}"),
    ),
    Code(
        "bad-type",
        "parameters have no such type",
        "A parameter is str, int, float, bool, date, datetime, duration, path, json, list[T] or dict[str, T].",
        _top("params: {folds: {type: integer, default: 5}}"),
        _top("params: {folds: {type: int, default: 5}}"),
    ),
    Code(
        "hole-not-allowed",
        "no `${{ }}` here",
        "Holes fill text. A key that is read before the parameters are known takes none; a number, a duration or a "
        "boolean takes one that is the whole value.",
        _file("timeout: ${{ params.minutes }}m"),
        _file("timeout: ${{ params.timeout }}"),
    ),
    Code(
        "hole-in-expression",
        "an expression needs no `${{ }}`",
        "`when`, `foreach`, `where`, `key`, `until`, `start`, `inputs` and a group's `outputs` are expressions as they "
        "stand. `${{ }}` fills holes in text, under `with`, `env`, `image` and `command`.",
        _file("when: ${{ params.deploy }}"),
        _file("when: params.deploy"),
    ),
)
