"""What an expression reads: every chain of static names on a root.

`steps.fit.each.model[0]` is one reference, root `steps`, path
`("fit", "each", "model", 0)`. A chain ends before a slice or a subscript that
is computed; what the subscript reads is a reference of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.nodes import Call, Comparison, Field, Item, ListDisplay, Literal, Root, Tree, children

STATUS_FUNCTIONS = frozenset({"status", "succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class Reference:
    """One thing that is read, and where in the text.

    `guarded`: a missing (skipped) value is provided for, because the reference
    stands inside `coalesce(...)`, is compared with null, or is an item of a
    list that `compact(...)` cleans. `status_only`: only the state of the step
    is asked, not its value.
    """

    root: str
    path: tuple[str | int, ...]
    start: int
    end: int
    guarded: bool = False
    status_only: bool = False

    def __str__(self) -> str:
        return self.root + "".join(f".{part}" if _is_word(part) else f"[{part!r}]" for part in self.path)


def static_reference(node: Tree, *, guarded: bool = False, status_only: bool = False) -> Reference | None:
    """The reference that `node` as a whole is, or None when it is anything else."""
    path: list[str | int] = []
    inner = node
    while not isinstance(inner, Root):
        match inner:
            case Field(target=target, name=name):
                path.append(name)
            case Item(target=target, key=Literal(value=key)) if type(key) in (str, int):
                path.append(key)
            case _:
                return None
        inner = target
    return Reference(inner.name, tuple(reversed(path)), node.start, node.end, guarded, status_only)


def find_references(node: Tree, *, guarded: bool = False) -> Iterator[Reference]:
    """Every reference below `node`, the longest ones, in order of appearance."""
    whole = static_reference(node, guarded=guarded)
    if whole is not None:
        yield whole
        return
    match node:
        case Call(function=function) if function in STATUS_FUNCTIONS:
            yield from _statuses(node)
        case Call(function="coalesce"):
            yield from _below(node, guarded=True)
        case Call(function="compact", arguments=(ListDisplay() as items,), keywords=()):
            yield from _below(items, guarded=True)
        case Comparison() if _compares_with_null(node):
            yield from _below(node, guarded=True)
        case _:
            yield from _below(node, guarded=guarded)


def _below(node: Tree, *, guarded: bool) -> Iterator[Reference]:
    for child in children(node):
        yield from find_references(child, guarded=guarded)


def _statuses(call: Tree) -> Iterator[Reference]:
    for argument in children(call):
        reference = static_reference(argument, status_only=True)
        if reference is not None:
            yield reference


def _compares_with_null(node: Comparison) -> bool:
    """Whether it is `x == null` or `x != null`, in either order."""
    if len(node.symbols) != 1 or node.symbols[0] not in ("==", "!="):
        return False
    return any(isinstance(side, Literal) and side.value is None for side in (node.first, node.rest[0]))


def _is_word(part: str | int) -> bool:
    return isinstance(part, str) and part.isidentifier()
