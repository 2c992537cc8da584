"""A checked pipeline to a Graph: every reference resolved, every default applied.

Only called when no rule found an error; what it still refuses are values that
do not fit the keys they fill. Reads no file, evaluates nothing but parameters.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from yamlflow.core.graph import Graph, Node, Param, Shipment
from yamlflow.core.values import Document, UnstorableError, encode
from yamlflow.schema.compiler.actions import as_documents
from yamlflow.schema.compiler.nodes import make_node
from yamlflow.schema.compiler.profiles import plain_profiles
from yamlflow.schema.compiler.ranks import ranks
from yamlflow.schema.diagnostics import Diagnostic
from yamlflow.schema.files.holes import fill
from yamlflow.schema.files.project import import_roots
from yamlflow.schema.model import Refused
from yamlflow.schema.scopes.places import Place, Unit
from yamlflow.schema.scopes.view import View
from yamlflow.schema.spans import Path as Keys


def compile_graph(view: View) -> tuple[Graph | None, list[Diagnostic]]:
    """The graph, or what keeps it from being one."""
    found: list[Diagnostic] = []
    order = ranks(view)
    nodes: dict[str, Node] = {}
    for place in view.places:
        _settle(place, found)
        nodes[place.id] = make_node(view, place, order[place.id])
    return (None if found else _graph(view, nodes)), found


def _settle(place: Place, found: list[Diagnostic]) -> None:
    """Fills the typed holes of a step from the parameters."""
    problems: list[tuple[Keys, Refused]] = []
    place.step = fill(place.step, place.unit.values, problems)
    for path, refused in problems:
        said = refused.message or "this value does not fit"
        found.append(Diagnostic(refused.code or "bad-value", said, place.value(*path), help=refused.hint))


def _graph(view: View, nodes: dict[str, Node]) -> Graph:
    unit = view.unit
    units = list(unit.units())
    name = unit.model.name or Path(unit.file).stem.strip("<>")
    return Graph(
        name=name,
        nodes=nodes,
        roots=tuple(place.id for place in unit.steps.values()),
        params=_params(unit),
        hooks={hook: tuple(place.id for place in places.values()) for hook, places in unit.hooks.items() if places},
        outputs=as_documents(unit.model.outputs),
        limits={key: count for one in reversed(units) for key, count in one.model.limits.items()},
        deadline=unit.model.deadline,
        code_roots=tuple(dict.fromkeys(str(root) for one in units for root in import_roots(one.folder))),
        code=_shipment(view),
        env_allow=tuple(dict.fromkeys(variable for one in units for variable in one.model.env_allow)),
        description=unit.model.description or "",
        digest=hashlib.sha256(repr((name, nodes, unit.model.outputs)).encode()).hexdigest(),
        profiles=plain_profiles(view),
    )


def _shipment(view: View) -> Shipment:
    code = view.unit.model.code
    return Shipment(str(view.shipped_root), *((code.include, code.exclude) if code is not None else ()))


def _params(unit: Unit) -> dict[str, Param]:
    return {
        name: Param(
            name,
            str(param.type),
            _document(unit.values.get(name)),
            param.help or "",
            param.secret,
            name in unit.given,
        )
        for name, param in unit.model.params.items()
    }


def _document(value: object) -> Document:
    try:
        return encode(value)
    except UnstorableError:
        return str(value)
