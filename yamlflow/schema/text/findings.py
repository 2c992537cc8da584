"""The diagnostics of the tree reader: one function for each thing that YAML allows and this format does not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from yamlflow.schema.diagnostics import Diagnostic, Note, Span
from yamlflow.schema.nodes import Node, Scalar
from yamlflow.schema.source import MAX_BYTES, Source
from yamlflow.schema.spelling import suggest
from yamlflow.schema.text.events import Refused
from yamlflow.schema.text.extents import block_end, line_start, quote_hint, quoted, short

_MAX_CHARACTERS = 10  # findings about characters in one file
_SMALLEST = 'the smallest pipeline:\nyamlflow: 1\nsteps:\n  hello: {run: "module:function"}'

# What YAML forbids, what ruamel takes for a line break, a byte order mark inside, and signs that reverse text.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_KEY_UNFIT = re.compile("[\x00-\x1f\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def unfit_text(source: Source) -> list[Diagnostic]:
    """What makes the text no YAML before it is read: its size, forbidden characters."""
    if len(source.text) > MAX_BYTES or len(source.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024} KiB"
        return [Diagnostic("limit", message, source.span(0, 0), help="split it with `uses: ./other.yaml`")]
    found = (match for match in _UNFIT.finditer(source.text) if match.start() or match.group() != "\ufeff")
    return [_unfit_character(source, match.start()) for match, _ in zip(found, range(_MAX_CHARACTERS), strict=False)]


def _unfit_character(source: Source, at: int) -> Diagnostic:
    char = source.text[at]
    if _SURROGATE.match(char):
        help_text = "save the file as UTF-8"
    else:
        escape = f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"
        help_text = f'remove it; where it is meant, write "{escape}" in double quotes'
    return Diagnostic(
        "character", f"the character U+{ord(char):04X} may not stand here", source.span(at, at + 1), help=help_text
    )


def empty(source: Source) -> Diagnostic:
    return Diagnostic("empty-file", "there is nothing in this file", source.span(0, 0), help=_SMALLEST)


def second_document(source: Source, at: int) -> Diagnostic:
    span = source.span(at, max(at + 1, block_end(source.text, at)))
    return Diagnostic(
        "documents",
        "a second document begins here",
        span,
        help="one file holds one pipeline: remove `---`, or use two files",
    )


# ------------------------------------------------------------------ stepped over


def refused(source: Source, places: Refused) -> list[Diagnostic]:
    """One finding for each tag and directive that was stepped over."""
    tags = [_tag(source, start, end, places.tagged.get(end, end)) for start, end in places.tags.items()]
    return tags + [_directive(source, start, end) for start, end in places.directives.items()]


def _tag(source: Source, start: int, end: int, until: int) -> Diagnostic:
    """The finding for a tag and, up to `until`, the scalar it would have changed."""
    tag = source.text[start:end]
    message = f"`{short(tag)}` is a tag; there are no tags in a pipeline"
    return Diagnostic("tag", message, source.span(start, until), help=_tag_help(source.text, tag, start, end))


def _tag_help(text: str, tag: str, start: int, end: int) -> str:
    name = tag.lstrip("!")
    if name in {"include", "import", "reference", "inc"}:
        return "there is no text include: `uses: ./other.yaml` runs another file, anchors reuse a part of this one"
    if name in {"env", "ENV", "secret", "vault"}:
        return "environment variables: `env_allow` and `${{ env.NAME }}`; secrets: `secrets:`"
    if tag.startswith("!!") or not name:
        return "remove it; a value in quotes is a string"
    key = re.search(r"([\w-]+)[ \t]*:[ \t]*$", text[line_start(text, start) : start])
    if key is None or key.group(1) in {"when", "where", "until"}:
        rest = text[end : block_end(text, end)].strip()
        return f"use `not {short(name)}{' ' + rest if rest and rest[0] not in ',]}' else ''}`"
    return f"in quotes it is plain text: {short(quoted(tag))}; to negate, use `not {short(name)}`"


def _directive(source: Source, start: int, end: int) -> Diagnostic:
    span = source.span(start, end)
    return Diagnostic(
        "directive",
        "there are no `%` directives in a pipeline",
        span,
        help="remove the line: the file is read as YAML 1.2",
    )


# ------------------------------------------------------------------ anchors


def duplicate_anchor(name: str, place: Span, first: Span) -> Diagnostic:
    notes = (Note(f"`&{short(name)}` is first set here", first),)
    return Diagnostic(
        "duplicate-anchor",
        f"the anchor `&{short(name)}` is set twice",
        place,
        notes=notes,
        help="give one of them another name",
    )


def no_anchor(name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    if not re.fullmatch(r"[\w-]+", name):
        text = f"*{short(name)}"
        return Diagnostic(
            "needs-quotes",
            f"`{short(text)}` needs quotes: `*` begins an alias",
            span,
            help=quote_hint(text),
        )
    near = suggest(name, known)
    help_text = (
        f"did you mean `*{near}`?"
        if near
        else f'set it above with `&{short(name)}`; a text that begins with `*` needs quotes: "*{short(name)}"'
    )
    return Diagnostic("unknown-anchor", f"there is no anchor `&{short(name)}` above this line", span, help=help_text)


def cycle(name: str, span: Span, place: Span) -> Diagnostic:
    notes = (Note(f"`&{short(name)}` is set here", place),)
    return Diagnostic(
        "alias-cycle",
        f"`*{short(name)}` stands inside `&{short(name)}`: it would contain itself",
        span,
        notes=notes,
        help="write out what is meant",
    )


# ------------------------------------------------------------------ keys and values


def duplicate_key(key: Scalar, first: Span, *, merge: bool) -> Diagnostic:
    help_text = "merge several with `<<: [*a, *b]`" if merge else "remove one, or give it another name"
    return Diagnostic(
        "duplicate-key",
        f"the key `{short(key.text)}` stands here twice",
        key.span,
        notes=(Note("first here", first),),
        help=help_text,
    )


def key_type(key: Scalar) -> Diagnostic:
    kind = {bool: "a boolean", int: "an integer", float: "a number"}.get(type(key.value), "null")
    what = f"the key `{short(key.text)}` is {kind}" if key.text else "there is no key before this colon"
    return Diagnostic(
        "key-type",
        f"{what}: keys are strings",
        key.span,
        help=f"write {short(quoted(key.text))}" if key.text else "write `key: value`",
    )


def collection_key(key: Node) -> Diagnostic:
    return Diagnostic(
        "key-type",
        "a list or a mapping cannot be a key: keys are strings",
        key.span,
        help="quote it when it is meant as text",
    )


def unprintable_key(key: Scalar) -> list[Diagnostic]:
    if (unfit := _KEY_UNFIT.search(key.text)) is None:
        return []
    message = f"there is an invisible character, U+{ord(unfit.group()):04X}, in this key"
    return [Diagnostic("character", message, key.span, help="type the key again")]


def bad_merge(span: Span) -> Diagnostic:
    return Diagnostic(
        "merge", "`<<` merges mappings, and this is none", span, help="write `<<: *anchor` or `<<: [*one, *two]`"
    )


def number_range(text: str, why: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "number-range",
        f"`{short(text)}` is too large: {why}",
        span,
        help=f"as text, {quote_hint(text)}",
    )


def checked_string(text: str, span: Span) -> tuple[str, list[Diagnostic]]:
    """A quoted string with pairs of surrogates joined, and what is wrong with its characters."""
    if text.isascii() and "\0" not in text:
        return text, []
    if _SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _paired(text) else text
    if _SURROGATE.search(text):
        return _SURROGATE.sub("\ufffd", text), [
            Diagnostic(
                "escape",
                "half of a surrogate pair is no character",
                span,
                help="write the character itself, or `\\U` and eight digits",
            )
        ]
    if "\0" in text:
        return text.replace("\0", ""), [
            Diagnostic("escape", "a NUL character cannot be passed on as text", span, help="remove `\\0`")
        ]
    return text, []


def _paired(text: str) -> bool:
    return not _SURROGATE.search(re.sub("[\ud800-\udbff][\udc00-\udfff]", "", text))
