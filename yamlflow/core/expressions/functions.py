"""The table of functions: name, signature, one sentence, how arguments are opened, what comes back.

Parser (do the arguments fit?), evaluator (call it), inference (types) and the
documentation read this table; adding a function is adding an entry. Functions
are pure. `file`, `files` and `write_lines` touch the outside world: their
entries describe them, the host of the evaluation supplies them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions import dates, sequences, texts
from yamlflow.core.expressions.contents import Load, opened, opened_deep, opened_items, opened_lists
from yamlflow.core.expressions.faults import nearest

Types = frozenset[str]

TEXT = frozenset({"str"})
BOOL = frozenset({"bool"})
INT = frozenset({"int"})
LIST = frozenset({"list"})
NUMBER = frozenset({"int", "float"})
DICT = frozenset({"dict"})
DATE = frozenset({"date", "datetime"})
DATE_LIKE = DATE | TEXT
PATH_LIKE = frozenset({"str", "path"})
SIZED = LIST | DICT | TEXT


def as_is(value: Any, _load: Load) -> Any:
    """References are passed on unopened."""
    return value


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language.

    `opens` prepares each argument; `accepts` and `returns` are static types by
    parameter name, a missing one is unknown. `host`: supplied by the host,
    `call` only describes it. `special`: the evaluator treats its arguments.
    """

    name: str
    signature: str
    doc: str
    call: Callable[..., Any]
    opens: Callable[[Any, Load], Any] = opened
    returns: Types | None = None
    accepts: Mapping[str, Types] = field(default_factory=dict)
    host: bool = False
    special: bool = False

    def bind(self, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Mapping[str, Any]:
        """Which argument is which parameter; a `*values` parameter holds a tuple. TypeError when they do not fit."""
        return inspect.signature(self.call).bind(*arguments, **keywords).arguments

    def misfit(self, count: int, keywords: Sequence[str]) -> str | None:
        """Why so many positional arguments and these keywords do not fit, or None when they do."""
        try:
            self.bind([None] * count, dict.fromkeys(keywords))
        except TypeError as error:
            return f"{self.name}(): {error}"
        return None


def _supplied(**parameters: Any) -> Any:
    raise AssertionError(f"supplied by the host or the evaluator: {parameters}")


def file(path: Any) -> Any:
    return _supplied(path=path)


def files(pattern: Any) -> Any:
    return _supplied(pattern=pattern)


def write_lines(list: Any) -> Any:  # noqa: A002 - the name users write
    return _supplied(list=list)


def coalesce(value: Any, /, *others: Any) -> Any:
    return _supplied(value=value, others=others)


def status(step: Any) -> Any:
    return _supplied(step=step)


def _table(*entries: Function) -> Mapping[str, Function]:
    return MappingProxyType({entry.name: entry for entry in entries})


_OVER_LIST: Mapping[str, Types] = {"list": LIST}

FUNCTIONS: Mapping[str, Function] = _table(
    Function(
        "len",
        "len(value)",
        "Number of items, keys or characters.",
        sequences.length,
        returns=INT,
        accepts={"value": SIZED},
    ),
    Function(
        "min",
        "min(list, default=...) or min(a, b, ...)",
        "The smallest.",
        sequences.minimum,
        opened_items,
    ),
    Function(
        "max",
        "max(list, default=...) or max(a, b, ...)",
        "The largest.",
        sequences.maximum,
        opened_items,
    ),
    Function("sum", "sum(list)", "Sum of numbers.", sequences.total, opened_items, NUMBER, _OVER_LIST),
    Function(
        "mean",
        "mean(list, default=...)",
        "Arithmetic mean of numbers.",
        sequences.mean,
        opened_items,
        accepts=_OVER_LIST,
    ),
    Function(
        "sorted",
        "sorted(list, reverse=false)",
        "The items in order.",
        sequences.ordered,
        opened_items,
        LIST,
        {"list": LIST, "reverse": BOOL},
    ),
    Function("any", "any(list)", "Whether at least one is true.", sequences.any_of, opened_items, BOOL, _OVER_LIST),
    Function("all", "all(list)", "Whether every one is true.", sequences.all_of, opened_items, BOOL, _OVER_LIST),
    Function(
        "range",
        "range(stop) or range(start, stop, step=1)",
        "Integers from start up to, without, stop.",
        sequences.numbers,
        returns=LIST,
        accepts={"start": INT, "stop": INT, "step": INT},
    ),
    Function("zip", "zip(a, b, ...)", "Pairs of the items of lists of equal length.", sequences.zipped, returns=LIST),
    Function(
        "enumerate",
        "enumerate(list, start=0)",
        "Pairs of number and item.",
        sequences.numbered,
        returns=LIST,
        accepts={"list": LIST, "start": INT},
    ),
    Function(
        "flatten",
        "flatten(list)",
        "A list of lists as one list; one level.",
        sequences.flatten,
        opened_lists,
        LIST,
        _OVER_LIST,
    ),
    Function(
        "compact", "compact(list)", "The items that are not null.", sequences.compact, returns=LIST, accepts=_OVER_LIST
    ),
    Function(
        "coalesce",
        "coalesce(a, b, ...)",
        "The first that is not null; a field of null is null here.",
        coalesce,
        as_is,
        special=True,
    ),
    Function("first", "first(list, default=...)", "The first item.", sequences.first, accepts=_OVER_LIST),
    Function("last", "last(list, default=...)", "The last item.", sequences.last, accepts=_OVER_LIST),
    Function("keys", "keys(mapping)", "The keys, in order.", sequences.keys, returns=LIST, accepts={"mapping": DICT}),
    Function(
        "values", "values(mapping)", "The values, in order.", sequences.values, returns=LIST, accepts={"mapping": DICT}
    ),
    Function(
        "join", "join(sep, list)", "The items as one text.", texts.join, opened_items, TEXT, {"sep": TEXT, "list": LIST}
    ),
    Function(
        "split",
        "split(text, sep=null)",
        "Text cut at a separator, or at spaces.",
        texts.split,
        returns=LIST,
        accepts={"text": TEXT, "sep": TEXT | {"none"}},
    ),
    Function(
        "basename",
        "basename(path)",
        "The last part of a path.",
        texts.basename,
        texts.path_or_name,
        TEXT,
        {"path": PATH_LIKE},
    ),
    Function(
        "stem",
        "stem(path)",
        "The last part of a path without its last suffix.",
        texts.stem,
        texts.path_or_name,
        TEXT,
        {"path": PATH_LIKE},
    ),
    Function("to_json", "to_json(value)", "JSON text; dates and paths as text.", texts.to_json, opened_deep, TEXT),
    Function("from_json", "from_json(text)", "The value that JSON text says.", texts.from_json, accepts={"text": TEXT}),
    Function("hash", "hash(value)", "SHA-256 in hex; of a stored value, of its content.", texts.digest, as_is, TEXT),
    Function(
        "file",
        "file(path)",
        "A file beside the pipeline: its content counts.",
        file,
        host=True,
        accepts={"path": PATH_LIKE},
    ),
    Function(
        "files",
        "files(pattern)",
        "The files that match, sorted: their content counts.",
        files,
        returns=LIST,
        accepts={"pattern": TEXT},
        host=True,
    ),
    Function(
        "write_lines",
        "write_lines(list)",
        "The path of a new file with one item a line.",
        write_lines,
        opened_items,
        accepts=_OVER_LIST,
        host=True,
    ),
    Function(
        "date_add",
        "date_add(date, days=0, weeks=0, months=0, years=0, hours=0, minutes=0, seconds=0)",
        'A date that much later; in a shorter month, its last day. Also reads text: date_add("2026-01-31").',
        dates.date_add,
        returns=DATE,
        accepts={"date": DATE_LIKE, **dict.fromkeys(("days", "weeks", "months", "years", "hours"), INT)},
    ),
    Function(
        "date_range",
        "date_range(start, end, days=1, weeks=0, months=0, hours=0)",
        "Dates from start to end, both included.",
        dates.date_range,
        returns=LIST,
        accepts={"start": DATE_LIKE, "end": DATE_LIKE, **dict.fromkeys(("days", "weeks", "months", "hours"), INT)},
    ),
    Function(
        "strftime",
        "strftime(date, format)",
        'A date as text, as in "%Y-%m-%d".',
        dates.strftime,
        returns=TEXT,
        accepts={"date": DATE_LIKE, "format": TEXT},
    ),
    Function(
        "status",
        "status(steps.NAME)",
        "The state of a step: succeeded, cached, caught, skipped, failed, ...",
        status,
        as_is,
        TEXT,
        special=True,
    ),
    Function(
        "succeeded",
        "succeeded(steps.NAME)",
        "Whether a step has a value: succeeded, cached or caught.",
        status,
        as_is,
        BOOL,
        special=True,
    ),
    Function(
        "failed", "failed(steps.NAME)", "Whether a step, or one before it, failed.", status, as_is, BOOL, special=True
    ),
)

_FOREIGN = {
    "always": "that is `needs_policy: all_done` on the step",
    "failure": "write failed(steps.NAME), or `needs_policy: any_failed` on the step",
    "success": "write succeeded(steps.NAME)",
    "contains": "write `x in list`",
    "startswith": "let a step compute it",
    "tojson": "write to_json(x)",
    "fromjson": "write from_json(x)",
    "hashfiles": "write hash(files(pattern))",
    "format": 'write join("", [a, b]), or text with ${{ }} under `with`',
    "str": 'write join("", [x]), or text with ${{ }} under `with`',
    "int": "declare the parameter as `type: int`; nothing is converted here",
    "float": "declare the parameter as `type: float`; nothing is converted here",
    "bool": "compare: x != 0",
    "list": "a list is written [a, b]",
    "dict": 'a mapping is written {"a": b}',
    "reversed": "write x[::-1]",
    "count": "write len(x)",
    "length": "write len(x)",
    "size": "write len(x)",
    "avg": "write mean(x)",
    "average": "write mean(x)",
    "default": "write coalesce(x, y)",
    "now": "write run.time",
    "today": "write run.date",
    "open": "write file(path) for a file; a step reads it",
    "glob": "write files(pattern)",
}


def refused_function(name: str) -> str:
    """What to write instead of a function that does not exist."""
    if name.casefold() in _FOREIGN:
        return _FOREIGN[name.casefold()]
    meant = nearest(name, FUNCTIONS)
    if meant is not None:
        return f"did you mean `{FUNCTIONS[meant].signature}`?"
    return f"there are: {', '.join(sorted(FUNCTIONS))}"
