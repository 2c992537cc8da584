"""What can be wrong with what steps do: callables, loops, conditions, where they run. Data only."""

from __future__ import annotations

from yamlflow.schema.codes.page import Code
from yamlflow.schema.diagnostics import Severity


def _file(*lines: str, top: str = "") -> str:
    """A whole file around these lines of `steps`."""
    return f"yamlflow: 1\n{top}steps:\n" + "".join(f"  {line}\n" for line in lines)


def _run(reference: str, more: str = ", with: {s: '1'}") -> str:
    return f'fit: {{run: "{reference}"{more}}}'


_PREP = 'prep: {run: "json:loads", with: {s: "1"}, when: params.go}'
_GO = "params: {go: false}\n"

CODES = (
    Code(
        "bad-callable",
        "this names no callable",
        "A callable is `package.module:callable`, or `file.py:callable` for a file beside the pipeline.",
        _file(_run("json.loads")),
        _file(_run("json:loads")),
    ),
    Code(
        "module-not-found",
        "there is no such module",
        "Modules are sought beside the file, in its `src/`, in the project's root and its `src/`, then among installed "
        "packages. Nothing is imported to find them.",
        _file(_run("jsn:loads")),
        _file(_run("json:loads")),
    ),
    Code(
        "module-broken",
        "the module is no Python",
        "The module exists and cannot be parsed; the step would fail when it starts.",
        '# broken.py has a syntax error\nyamlflow: 1\nsteps:\n  fit: {run: "broken:fit"}\n',
        _file(_run("json:loads")),
    ),
    Code(
        "callable-not-found",
        "the module has no such callable",
        "The module's source was read, and nothing in it binds this name. Where a name may be made at run time nothing "
        "is said.",
        _file(_run("json:laods")),
        _file(_run("json:loads")),
    ),
    Code(
        "not-callable",
        "this cannot be called",
        "A step calls a function, a class, or a class or static method.",
        _file(_run("json:decoder")),
        _file(_run("json:loads")),
    ),
    Code(
        "generator",
        "a generator gives no value",
        "A step's result is stored, so it must be there as a whole: return a list, or loop over its items "
        "with `foreach`.",
        _file('fit: {run: "pkgutil:walk_packages"}'),
        _file('fit: {run: "os:listdir", with: {path: "."}}'),
    ),
    Code(
        "unknown-argument",
        "the callable does not take this argument",
        "Everything under `inputs` and `with` is passed by name. The note shows the signature and where it stands.",
        _file(_run("statistics:mean", ", with: {data: [1, 2], weight: 1}")),
        _file(_run("statistics:mean", ", with: {data: [1, 2]}")),
    ),
    Code(
        "missing-argument",
        "the callable needs another argument",
        "A parameter without a default needs an entry under `inputs` or `with`; a parameter annotated "
        "`yamlflow.Context` is filled by itself.",
        _file(_run("statistics:mean", "")),
        _file(_run("statistics:mean", ", with: {data: [1, 2]}")),
    ),
    Code(
        "not-a-condition",
        "a condition is true or false",
        '`when`, `where` and `until` are never guessed from other values: an empty list, 0 and "no" are not false.',
        _file(_run("json:loads", ", with: {s: '1'}, when: params.n"), top="params: {n: 1}\n"),
        _file(_run("json:loads", ", with: {s: '1'}, when: params.n > 0"), top="params: {n: 1}\n"),
    ),
    Code(
        "constant-condition",
        "no round changes this condition",
        "`until` is asked after each round. It must read something that a round changes.",
        _file(
            "loop:",
            "  repeat: {until: 1 > 2, max: 3}",
            "  steps:",
            '    score: {run: "json:loads", with: {s: "1"}}',
        ),
        _file(
            "loop:",
            "  repeat: {until: steps.score > 2, max: 3}",
            "  steps:",
            '    score: {run: "json:loads", with: {s: "1"}}',
        ),
    ),
    Code(
        "not-text",
        "this cannot fill a hole in text",
        "Text, numbers, true and false, dates and paths fill a hole. For a list or a mapping say how it is written.",
        _file('show: {command: [echo, "names: ${{ params.names }}"]}', top="params: {names: [a, b]}\n"),
        _file('show: {command: [echo, "names: ${{ to_json(params.names) }}"]}', top="params: {names: [a, b]}\n"),
    ),
    Code(
        "hole-in-script",
        "a script has no holes",
        "What fills a hole would be run by the shell. A script has its `inputs` and `with` as environment variables.",
        _file('show: {sh: "echo ${{ params.name }}"}', top="params: {name: x}\n"),
        _file('show: {sh: "echo $name", inputs: {name: params.name}}', top="params: {name: x}\n"),
    ),
    Code(
        "not-a-list",
        "a loop goes over a list",
        "A list, a tuple, a range or a one-dimensional array. Text, sets and mappings are refused: say which "
        "list of them "
        "is meant.",
        _file(_run("json:dumps", ", foreach: {i: params.n}, inputs: {obj: each.i}"), top="params: {n: 3}\n"),
        _file(_run("json:dumps", ", foreach: {i: range(params.n)}, inputs: {obj: each.i}"), top="params: {n: 3}\n"),
    ),
    Code(
        "unequal-lengths",
        "lists that go in step have equal lengths",
        "`zip` pairs the first items, the second items, and so on. For every combination write the names "
        "beside each other.",
        _file(_run("json:dumps", ", foreach: {zip: {a: [1, 2], b: [1]}}, inputs: {obj: each.a}")),
        _file(_run("json:dumps", ", foreach: {a: [1, 2], b: [1]}, inputs: {obj: each.a}")),
    ),
    Code(
        "duplicate-item",
        "two items have one key",
        "An explicit `key` names one item, in logs, commands and `dict[str, T]`.",
        _file(_run("json:dumps", ", foreach: {a: [x, x]}, key: each.a, inputs: {obj: each.a}")),
        _file(_run("json:dumps", ", foreach: {a: [x, y]}, key: each.a, inputs: {obj: each.a}")),
    ),
    Code(
        "too-many-items",
        "the loop has too many items",
        "10,000 items unless `max_items` says otherwise, nested loops multiplied: a guard against a slip in a product.",
        _file(_run("json:dumps", ", foreach: {i: range(20000)}, inputs: {obj: each.i}")),
        _file(_run("json:dumps", ", foreach: {i: range(20000)}, inputs: {obj: each.i}, max_items: 20000")),
    ),
    Code(
        "may-be-skipped",
        "the value may not be there",
        "A step with `when` may be skipped, and then has no value. Say what holds then: `coalesce(x, y)`, a parameter "
        "annotated `T | None`, or the same `when` on the reader.",
        _file(_PREP, 'show: {run: "json:dumps", inputs: {obj: steps.prep}}', top=_GO),
        _file(_PREP, 'show: {run: "json:dumps", inputs: {obj: "coalesce(steps.prep, 0)"}}', top=_GO),
    ),
    Code(
        "unreachable-step",
        "this step never runs",
        "Its condition is false whatever the parameters are, or it waits for a failure of nothing.",
        _file(_run("json:loads", ", with: {s: '1'}, when: false")),
        _file(_run("json:loads")),
        Severity.WARNING,
    ),
    Code(
        "plain-secret",
        "a secret in plain text",
        "What stands in a file is committed, logged and recorded. Under `secrets` there are only references, resolved "
        "where the step runs.",
        _file(_run("json:loads", ", with: {s: '1'}, env: {API_TOKEN: abc123}")),
        _file(_run("json:loads", ", with: {s: '1'}, secrets: {API_TOKEN: \"env:API_TOKEN\"}")),
        Severity.WARNING,
    ),
    Code(
        "unknown-executor",
        "there is no such executor",
        "Executors are declared under `executors`, in the project's or in the user's configuration; `local` "
        "always exists.",
        _file(_run("json:loads", ", with: {s: '1'}, executor: aws")),
        _file(_run("json:loads", ", with: {s: '1'}, executor: local")),
    ),
    Code(
        "unknown-limit",
        "there is no such limit",
        "A limit is declared at the top of the file: how many tasks may hold its name at once.",
        _file(_run("json:loads", ", with: {s: '1'}, limit: api")),
        _file(_run("json:loads", ", with: {s: '1'}, limit: api"), top="limits: {api: 2}\n"),
    ),
    Code(
        "no-image",
        "there is no image to run",
        "Containers need an image: on the step, or on the profile for all steps that name none.",
        _file(_run("json:loads", ", with: {s: '1'}, executor: box"), top="executors: {box: {type: docker}}\n"),
        _file(
            _run("json:loads", ", with: {s: '1'}, executor: box"),
            top='executors: {box: {type: docker, image: "python:3.12"}}\n',
        ),
    ),
    Code(
        "no-cluster",
        "this executor runs no clusters",
        "Gangs of nodes run on `local`, `batch` and `kubernetes`.",
        _file(
            _run("json:loads", ", with: {s: '1'}, executor: box, cluster: 4"),
            top='executors: {box: {type: docker, image: "python:3.12"}}\n',
        ),
        _file(_run("json:loads", ", with: {s: '1'}, cluster: 4")),
    ),
    Code(
        "cannot-share",
        "this step cannot share a process",
        "`isolation: shared` has many small tasks done one after another in one process. A command is a process of "
        "its own, and what a step with secrets prints goes through a pipe of its own.",
        _file("fit: {sh: make fit, isolation: shared}"),
        _file("fit: {sh: make fit}"),
    ),
    Code(
        "known-too-late",
        "this must be known before the run",
        "A typed key such as `timeout` is read before anything starts; what comes from a step is known only later.",
        "# outer.yaml\nyamlflow: 1\nsteps:\n  prep: {run: \"json:loads\", with: {s: '1'}}\n"
        "  all: {uses: ./inner.yaml, inputs: {patience: steps.prep}}   # inner.yaml: timeout: ${{ params.patience }}\n",
        "# outer.yaml\nyamlflow: 1\nsteps:\n  all: {uses: ./inner.yaml, with: {patience: 1h}}\n",
    ),
    Code(
        "uses-cycle",
        "files use each other in a circle",
        "A file that uses itself, directly or through others, would never end. Rounds are `repeat`.",
        "# again.yaml\nyamlflow: 1\nsteps:\n  more: {uses: ./again.yaml}\n",
        "# again.yaml\nyamlflow: 1\nsteps:\n  more: {uses: ./other.yaml}\n",
    ),
    Code(
        "unused-key",
        "this key has no effect here",
        "Hooks, schedules and deadlines belong to a run; a file that is used as a step is a part of another run. "
        "What travels is said by the file that is run. `spot`, `shm` and `disk` mean nothing to processes of this "
        "machine.",
        '# inner.yaml, used by another file\nyamlflow: 1\ndeadline: 2h\nsteps:\n  fit: {run: "json:loads", '
        "with: {s: '1'}}\n",
        "# inner.yaml\nyamlflow: 1\nsteps:\n  fit: {run: \"json:loads\", with: {s: '1'}}\n",
        Severity.WARNING,
    ),
    Code(
        "bad-parameter",
        "a parameter's value does not fit",
        "The value has another type than the parameter, or is outside its choices and bounds. The note says "
        "where it came "
        "from: the command line, the environment, a parameters file, or the step that uses the file.",
        "# yamlflow run pipeline.yaml -p lr=abc\n"
        + _file(_run("json:dumps", ", inputs: {obj: params.lr}"), top="params: {lr: 0.1}\n"),
        "# yamlflow run pipeline.yaml -p lr=0.2\n"
        + _file(_run("json:dumps", ", inputs: {obj: params.lr}"), top="params: {lr: 0.1}\n"),
    ),
    Code(
        "missing-parameter",
        "a parameter needs a value",
        "A parameter without a default must be given for every run: `-p name=value`, `YAMLFLOW_PARAM_NAME`, or a "
        "parameters file.",
        "# yamlflow run pipeline.yaml\n"
        + _file(_run("json:dumps", ", inputs: {obj: params.day}"), top="params: {day: {type: date}}\n"),
        "# yamlflow run pipeline.yaml -p day=2026-01-31\n"
        + _file(_run("json:dumps", ", inputs: {obj: params.day}"), top="params: {day: {type: date}}\n"),
    ),
    Code(
        "cache-blind-source",
        "the cache cannot see what this step reads",
        "A result is used again while code, inputs, arguments and files are the same. A step that reads none of them, "
        "a download for instance, would run once and never again. `ttl` says for how long its result is good, `key` "
        "what it depends on.",
        _file(_run("json:loads", ", with: {s: '1'}, cache: true")),
        _file(_run("json:loads", ", with: {s: '1'}, cache: {ttl: 1d}")),
        Severity.WARNING,
    ),
    Code(
        "not-shipped",
        "a module does not travel with the task",
        "A step that runs in a container or on another machine finds what `code` ships there, and no other file of the "
        "project. A module that its callable imports is ignored by git, excluded, outside of the root, or looks like a "
        "secret. `yamlflow package --list` shows what is shipped.",
        "# tasks.py lies beside it\n"
        + _file(
            _run("tasks:fit", ", executor: box"),
            top="executors: {box: {type: docker, image: python}}\ncode: {exclude: [tasks.py]}\n",
        ),
        _file(_run("tasks:fit", ", executor: box"), top="executors: {box: {type: docker, image: python}}\n"),
    ),
    Code(
        "not-yet-supported",
        "this version does not do that yet",
        "The key is part of the file format, and a later version honours it. It is refused before a run, "
        "never ignored; "
        "`validate` accepts it.",
        "# yamlflow run pipeline.yaml\n" + _file(_run("json:loads", ", with: {s: '1'}, cluster: 4")),
        "# yamlflow run pipeline.yaml\n" + _file(_run("json:loads")),
    ),
)
