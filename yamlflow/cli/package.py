"""`yamlflow package`: the files that travel with tasks to other machines, and what stays behind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yamlflow.cli.options import FileArgument, JsonOption, OverlayOption, pipeline_file
from yamlflow.cli.output.text import one_line, safe_json
from yamlflow.cli.output.words import columns, count, size
from yamlflow.cli.reading import Wish, checked, refuse
from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import SetupError

if TYPE_CHECKING:
    from yamlflow.core.graph import Graph
    from yamlflow.store.selection import Selection

NOT_SHIPPED = "not-shipped"
_FEW = 5


@dataclass(frozen=True, slots=True)
class Packed:
    """A selection as an archive: the bytes of each file, and the digest it is known by."""

    selection: Selection
    sizes: dict[str, int]
    digest: str


def package(
    file: FileArgument = None,
    listed: Annotated[bool, typer.Option("--list", help="List every file, and what is left out.")] = False,
    overlay: OverlayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which files are sent along where tasks do not run on this machine; nothing is sent."""
    from yamlflow.store.package import sizes

    selection = _selection(Wish(pipeline_file(file), overlay or ()))
    found = sizes(selection.files)
    if listed and not as_json:
        print("\n".join(_listing(selection, found)))
    packed = Packed(selection, found, _digest(selection))
    print(safe_json(_document(packed)) if as_json else _summary(packed))


def _selection(wish: Wish) -> Selection:
    """The files of the pipeline's package; it is asked for to see why a module is not in it, too."""
    from yamlflow.store.selection import Selection

    result = checked(wish)
    errors = [one for one in result.diagnostics if one.severity.value == "error" and one.code != NOT_SHIPPED]
    if errors or result.view is None:
        refuse(result, errors)
    found = result.view.travelling
    assert isinstance(found, Selection)
    return found


def travelling(graph: Graph) -> Selection | None:
    """The files that travel with a graph's tasks; None where none leaves this machine."""
    from yamlflow.schema.model import PROFILES
    from yamlflow.store.selection import select

    used = {node.executor for node in graph.nodes.values() if not node.is_group} & graph.profiles.keys()
    if not any(PROFILES[str(graph.profiles[name]["type"])].ships_code for name in used):
        return None
    return select(Path(graph.code.root), graph.code.include, graph.code.exclude)


def told(selection: Selection) -> str:
    """In one line: how many files travel, and what is left out, as far as there is room."""
    names = [one_line(out.name, 40) for out in selection.left_out]
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    left = f"; left out: {', '.join(names[:_FEW])}{more}" if names else ""
    return f"code package: {count(len(selection.files), 'file')} of {one_line(str(selection.root))}{left}"


def _digest(selection: Selection) -> str:
    from yamlflow.store.package import pack

    try:
        with tempfile.TemporaryDirectory(prefix="yamlflow-") as folder:
            return pack(selection.files, Path(folder, "code.zip"))
    except OSError as error:
        raise SetupError(f"the package cannot be made: {error}", hint="name a folder with room: TMPDIR=…") from error


def _listing(selection: Selection, sizes: dict[str, int]) -> list[str]:
    files = columns([["FILE", "SIZE"], *([one_line(name), size(number)] for name, number in sizes.items())])
    left = columns([["LEFT OUT", "BECAUSE"], *([one_line(out.name), one_line(out.why)] for out in selection.left_out)])
    return [*files, "", *([*left, ""] if selection.left_out else [])]


def _summary(packed: Packed) -> str:
    total = f"{count(len(packed.sizes), 'file')}, {size(sum(packed.sizes.values()))}"
    return f"{total} of {one_line(str(packed.selection.root))}\nsha256 {packed.digest}"


def _document(packed: Packed) -> dict[str, Any]:
    return {
        "schema": 1,
        "root": str(packed.selection.root),
        "files": [{"name": name, "size": number} for name, number in packed.sizes.items()],
        "size": sum(packed.sizes.values()),
        "digest": packed.digest,
        "left_out": [{"name": out.name, "why": out.why} for out in packed.selection.left_out],
    }
