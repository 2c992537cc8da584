"""What a callable takes, as its source says it: names, kinds, defaults, annotations.

From ast nodes to plain values. Whether an annotation admits None is asked of
a `Names` lookup, because a name may be an alias; here no file is read.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from yamlflow.core.dataclass import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_MAX_TEXT = 160


class Kind(StrEnum):
    POSITIONAL_ONLY = "positional_only"
    NORMAL = "normal"
    VAR_POSITIONAL = "var_positional"
    KEYWORD_ONLY = "keyword_only"
    VAR_KEYWORD = "var_keyword"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `annotation` is its source text; `allows_none` is None when that cannot be known.

    `is_context`: yamlflow fills it, no one passes it.
    """

    name: str
    kind: Kind
    required: bool
    annotation: str = ""
    allows_none: bool | None = False
    is_context: bool = False

    @property
    def is_named(self) -> bool:
        """Whether a value can be given under this name."""
        return self.kind not in (Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Signature:
    """A callable's parameters and place; `text` is how a note shows it, `returns` the annotation."""

    name: str
    parameters: tuple[Parameter, ...]
    text: str
    file: str
    line: int
    returns: str = ""
    generator: bool = False

    def get(self, name: str) -> Parameter | None:
        return next((item for item in self.parameters if item.name == name and item.is_named), None)

    @property
    def takes_any_name(self) -> bool:
        return any(item.kind is Kind.VAR_KEYWORD for item in self.parameters)


Judge = Callable[[ast.expr], "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an annotation means: whether None fits (None: unknown), whether it is yamlflow's Context."""

    allows_none: bool | None
    is_context: bool = False


def read_arguments(arguments: ast.arguments, judge: Judge) -> tuple[Parameter, ...]:
    """The parameters of an `arguments` node, in the order of the signature."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += arguments.defaults
    found = [
        _parameter(arg, Kind.POSITIONAL_ONLY if at < len(arguments.posonlyargs) else Kind.NORMAL, default, judge)
        for at, (arg, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    if arguments.vararg:
        found.append(Parameter(arguments.vararg.arg, Kind.VAR_POSITIONAL, required=False))
    for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(_parameter(arg, Kind.KEYWORD_ONLY, default, judge))
    if arguments.kwarg:
        found.append(Parameter(arguments.kwarg.arg, Kind.VAR_KEYWORD, required=False))
    return tuple(found)


def _parameter(arg: ast.arg, kind: Kind, default: ast.expr | None, judge: Judge) -> Parameter:
    return make_parameter(arg.arg, kind, arg.annotation, default, judge)


def make_parameter(
    name: str, kind: Kind, annotation: ast.expr | None, default: ast.expr | None, judge: Judge
) -> Parameter:
    """A parameter from the pieces of its declaration (an argument, or a dataclass field)."""
    verdict = judge(annotation) if annotation is not None else Verdict(allows_none=False)
    defaults_to_none = isinstance(default, ast.Constant) and default.value is None
    return Parameter(
        name=name,
        kind=kind,
        required=default is None,
        annotation=ast.unparse(annotation) if annotation is not None else "",
        allows_none=True if defaults_to_none else verdict.allows_none,
        is_context=verdict.is_context,
    )


def describe(name: str, arguments: ast.arguments, word: str = "def", skip: int = 0) -> str:
    """`def fit(data: Path, lr: float = 0.1)`, cut when it is very long; `skip` hides leading `self`."""
    shown = ast.arguments(
        posonlyargs=arguments.posonlyargs[skip:],
        args=arguments.args[max(0, skip - len(arguments.posonlyargs)) :],
        vararg=arguments.vararg,
        kwonlyargs=arguments.kwonlyargs,
        kw_defaults=arguments.kw_defaults,
        kwarg=arguments.kwarg,
        defaults=arguments.defaults,
    )
    empty = ast.FunctionDef(name=name, args=shown, body=[ast.Pass()], decorator_list=[], lineno=1)
    header = ast.unparse(ast.fix_missing_locations(empty)).partition(":\n")[0].removeprefix("def ")
    text = f"{word} {_spaced(header, arguments)}"
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def _spaced(header: str, arguments: ast.arguments) -> str:
    """`lr: float=0.1`, as `ast.unparse` writes it, the way people do: `lr: float = 0.1`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)]
    pairs += [(arg, value) for arg, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    for arg, default in pairs:
        if arg.annotation is not None:
            head, value = f"{arg.arg}: {ast.unparse(arg.annotation)}", ast.unparse(default)
            header = header.replace(f"{head}={value}", f"{head} = {value}", 1)
    return header


def is_generator(function: FunctionNode) -> bool:
    """Whether the body itself yields; nested functions and lambdas do not count."""
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own_nodes(function.body))


def _own_nodes(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))
