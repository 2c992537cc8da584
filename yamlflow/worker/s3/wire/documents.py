"""The XML that S3 and STS answer with, as a small tree of names and texts; namespaces are left out.

A document type is refused, and with it every entity that could grow or reach out.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from yamlflow.worker.s3.errors import WireError


class Element:
    """A name, its text, and what stands inside."""

    __slots__ = ("inside", "name", "words")

    def __init__(self, name: str) -> None:
        self.name = name
        self.words: list[str] = []
        self.inside: list[Element] = []

    def all(self, name: str) -> Iterator[Element]:
        """What stands directly inside under this name."""
        return (element for element in self.inside if element.name == name)

    def find(self, *path: str) -> Element | None:
        """The first down this path."""
        here: Element | None = self
        for name in path:
            here = next(here.all(name), None) if here else None
        return here

    def text(self, *path: str) -> str:
        found = self.find(*path)
        return "".join(found.words) if found else ""


class DoctypeError(ValueError):
    """The document has a type."""


def read_xml(content: bytes) -> Element:
    """The root; WireError for what is no XML: somebody else answered, or the answer is not whole."""
    top = Element("")
    open_now = [top]

    def start(name: str, _attributes: object) -> None:
        element = Element(name.rpartition(":")[2])
        open_now[-1].inside.append(element)
        open_now.append(element)

    def end(_name: str) -> None:
        open_now.pop()

    def text(words: str) -> None:
        open_now[-1].words.append(words)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, DoctypeError) as error:
        raise WireError(f"the answer cannot be read as XML: {error}") from None
    return top.inside[0]


def _refuse(*_: object) -> None:
    raise DoctypeError("it has a document type")


def written(name: str, *inside: str) -> str:
    return f"<{name}>{''.join(inside)}</{name}>"
