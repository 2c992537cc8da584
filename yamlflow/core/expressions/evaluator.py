"""An expression and a scope in, a value out.

Walks the tree; never `eval`. What an expression reads comes from its Scope,
the content of stored values from `load`. A field of a skipped step (null) is
null, as is a field of null inside `coalesce`; any other field of null is an
error. Every error is an ExpressionError with the span of the node it is about,
except NeedsWorkerError and what `load` and the scope raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Protocol

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import YamlflowError, unreachable
from yamlflow.core.expressions import access, operators
from yamlflow.core.expressions.contents import Load, listed, needs_worker, opened, plain, truth
from yamlflow.core.expressions.fanned import as_dict, settle
from yamlflow.core.expressions.faults import FIELD, LIMIT, NAME, TYPE, VALUE, ExpressionError, Fault
from yamlflow.core.expressions.functions import FUNCTIONS, Function
from yamlflow.core.expressions.nodes import (
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    DictDisplay,
    Field,
    Item,
    Junction,
    ListDisplay,
    Literal,
    Not,
    Root,
    Sign,
    Slice,
    Tree,
    children,
)
from yamlflow.core.expressions.parser import Expression
from yamlflow.core.expressions.texts import fill

WITH_VALUE = frozenset({"succeeded", "cached", "caught"})
WITH_FAILURE = frozenset({"failed", "upstream_failed"})


class Scope(Protocol):
    """Where the values of an expression come from.

    `root(name)` gives the value of a root, usually a (lazy) mapping, and raises
    KeyError when there is none; a skipped step's value is None, a looped step's
    a Fanned. `status(step)` is the state of a step visible from here. `host`
    holds the functions `file`, `files`, `write_lines` where they may be used;
    they raise OSError, ValueError or YamlflowError.
    """

    @property
    def host(self) -> Mapping[str, Callable[..., Any]]: ...

    def root(self, name: str) -> Any: ...

    def status(self, step: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Values:
    """The plain Scope: everything in mappings."""

    roots: Mapping[str, Any] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def root(self, name: str) -> Any:
        return self.roots[name]

    def status(self, step: str) -> str:
        return self.states[step]


def evaluate(expression: Expression, scope: Scope, load: Load = needs_worker) -> Any:
    """The value of an expression; stored values that it merely passes on stay references."""
    try:
        return _Evaluation(scope, load).value(expression.tree)
    except RecursionError:
        raise ExpressionError("a value is nested too deeply", 0, len(expression.text), None, LIMIT) from None


class _Evaluation:
    def __init__(self, scope: Scope, load: Load) -> None:
        self._scope = scope
        self._load = load
        self._forgiving = 0  # how many coalesce() we are in

    def value(self, node: Tree) -> Any:
        """The value of a node as anything but `.` and `[]` sees it: a loop's value is a plain list."""
        found = self._seen(node)
        try:
            return as_dict(found) if isinstance(node, Root) else settle(found)
        except Fault as fault:
            raise fault.at(node.start, node.end) from None

    def _seen(self, node: Tree) -> Any:
        try:
            return self._look(node)
        except Fault as fault:
            start = max(node.start, node.end - len(node.name)) if isinstance(node, Field) else node.start
            raise fault.at(start, node.end) from None

    def _look(self, node: Tree) -> Any:
        match node:
            case Literal(value=value):
                return value
            case Root(name=name):
                return self._root(name)
            case Field() | Item() | Slice():
                return self._accessed(node)
            case ListDisplay(items=items):
                return [self.value(item) for item in items]
            case DictDisplay(keys=keys, values=values):
                return {self._key(key): self.value(value) for key, value in zip(keys, values, strict=True)}
            case Not(operand=operand):
                return not self._truth(operand, "`not`")
            case Sign(symbol=symbol, operand=operand):
                return operators.signed(symbol, self.value(operand), self._load)
            case Arithmetic(symbol=symbol, left=left, right=right):
                return operators.arithmetic(symbol, self.value(left), self.value(right), self._load)
            case Comparison():
                return self._compared(node)
            case Junction(word=word, operands=operands):
                return self._joined(word, operands)
            case Conditional(condition=condition, yes=yes, no=no):
                return self.value(yes if self._truth(condition, "`if`") else no)
            case Call():
                return self._called(node)
            case _:
                raise unreachable(node)

    def _root(self, name: str) -> Any:
        try:
            return self._scope.root(name)
        except KeyError:
            raise Fault(f"`{name}` is not available here", code=NAME) from None

    def _accessed(self, node: Field | Item | Slice) -> Any:
        target = self._seen(node.target)
        if target is None and (self._forgiving or _is_step(node)):
            return None
        match node:
            case Field(name=name):
                return access.field(target, name, self._load)
            case Item(key=key):
                return access.item(target, self.value(key), self._load)
            case Slice(lower=lower, upper=upper, step=step):
                bounds = [None if bound is None else self.value(bound) for bound in (lower, upper, step)]
                return access.part(target, bounds, self._load)
            case _:
                raise unreachable(node)

    def _key(self, node: Tree) -> Any:
        key = plain(opened(self.value(node), self._load))
        if key is None or isinstance(key, (str, int, float)):
            return key
        raise Fault("a key is text or a number", hint=None, code=TYPE)

    def _truth(self, node: Tree, place: str) -> bool:
        value = opened(self.value(node), self._load)
        try:
            return truth(value, place)
        except Fault as fault:
            raise fault.at(node.start, node.end) from None

    def _compared(self, node: Comparison) -> bool:
        left = self.value(node.first)
        for symbol, operand in zip(node.symbols, node.rest, strict=True):
            right = self.value(operand)
            if not operators.compare(symbol, left, right, self._load):
                return False
            left = right
        return True

    def _joined(self, word: str, operands: tuple[Tree, ...]) -> bool:
        decisive = word == "or"
        return next((decisive for node in operands if self._truth(node, f"`{word}`") is decisive), not decisive)

    def _called(self, node: Call) -> Any:
        function = FUNCTIONS[node.function]
        if function.special:
            return self._coalesced(node) if function.name == "coalesce" else self._status(node)
        arguments = [function.opens(self.value(argument), self._load) for argument in node.arguments]
        keywords = {name: function.opens(self.value(value), self._load) for name, value in node.keywords}
        if function.host:
            return self._hosted(function, arguments, keywords)
        try:
            return function.call(*arguments, **keywords)
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise Fault(f"{function.name}: {error}", code=TYPE) from None

    def _coalesced(self, node: Call) -> Any:
        self._forgiving += 1
        try:
            found = (self.value(argument) for argument in node.arguments)
            return next((value for value in found if value is not None), None)
        finally:
            self._forgiving -= 1

    def _status(self, node: Call) -> Any:
        step = children(node)[0]
        name = step.name if isinstance(step, Field) else _literal_key(step)
        try:
            state = self._scope.status(name)
        except KeyError:
            raise Fault(f"no step `{name}`", code=FIELD) from None
        if node.function == "status":
            return state
        return state in (WITH_VALUE if node.function == "succeeded" else WITH_FAILURE)

    def _hosted(self, function: Function, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        implementation = self._scope.host.get(function.name)
        if implementation is None:
            raise Fault(f"{function.name}() cannot be used here", code=NAME)
        (given,) = function.bind(arguments, keywords).values()
        argument = (
            [fill(item) for item in listed(given, function.name)] if function.name == "write_lines" else fill(given)
        )
        try:
            return implementation(argument)
        except (OSError, ValueError, YamlflowError) as error:
            hint = error.hint if isinstance(error, YamlflowError) else None
            raise Fault(f"{function.name}: {error}", hint=hint, code=VALUE) from None


def _is_step(node: Tree) -> bool:
    """Whether a chain of names starts at `steps`."""
    while isinstance(node, (Field, Item, Slice)):
        node = node.target
    return isinstance(node, Root) and node.name == "steps"


def _literal_key(node: Tree) -> str:
    """The NAME of `steps["NAME"]`, which the parser has made sure of."""
    return str(node.key.value) if isinstance(node, Item) and isinstance(node.key, Literal) else ""
