"""The words of an expression, before Python's own parser sees it.

Python's parser accepts more than an expression may say and words its refusals
for Python programmers. The scanner knows strings and brackets, so that a hole
in a text ends at the right `}}`, and answers habits from other languages
(`&&`, `!x`, `${{ }}`) in our own words. It never decides what a name means.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from yamlflow.core.dataclass import dataclass
from yamlflow.core.expressions.faults import ExpressionError

_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\r\n]*)
  | (?P<string>(?P<prefix>(?<!\w)[rRbBuUfFtT]{1,2})?(?:
        \"\"\"(?:\\.|[^\\])*?\"\"\"
      | '''(?:\\.|[^\\])*?'''
      | "(?:\\.|[^"\\\r\n])*"
      | '(?:\\.|[^'\\\r\n])*'
    ))
  | (?P<quote>["'])
  | (?P<name>[^\W\d]\w*)
  | (?P<number>\.?\d[\w.]*)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<operator>===|!==|&&|\|\||==|!=|<=|>=|:=|=>|\*\*|//|\?\?|\?\.|[-+*/%<>=!&|^~@?;`$.,:])
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_PAIRS = {")": "(", "]": "[", "}": "{"}

_FOREIGN = {
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not x`",
    "===": "write `==`",
    "!==": "write `!=`",
    "=>": "there are no functions of your own in expressions; `>=` is greater or equal",
    "??": "write `coalesce(a, b)`",
    "?.": "write `coalesce(a.b, null)`",
    "?": "write `yes if condition else no`",
    ";": "an expression is one value; remove the `;`",
    "`": "strings stand in \"double\" or 'single' quotes",
}

_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IF": "if", "ELSE": "else"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    prefix: str = ""

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def refused(self, message: str, hint: str | None = None) -> ExpressionError:
        return ExpressionError(message, self.start, self.end, hint)


def scan(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens from `start` on, spaces left out; every character belongs to one of them."""
    for match in _TOKEN.finditer(text, start):
        if match.lastgroup != "space":
            yield Token(match.lastgroup or "other", match[0], match.start(), (match["prefix"] or "").lower())


def check(text: str) -> None:
    """Raises for a text without words, an open string, brackets that do not match, and operators of other languages."""
    opened: list[Token] = []
    only_comments = True
    for token in scan(text):
        only_comments = only_comments and token.kind == "comment"
        if token.kind == "string":
            _check_string(token)
        elif token.kind == "quote":
            raise ExpressionError(f"this string is never closed: {token.text}", token.start, len(text))
        elif token.kind == "operator":
            _check_operator(token, text)
        elif token.kind == "open":
            opened.append(token)
        elif token.kind == "close":
            _check_closing(token, opened)
    if opened:
        raise opened[-1].refused(f"`{opened[-1].text}` is never closed")
    if only_comments:
        raise ExpressionError("an expression is missing", 0, len(text))


def _check_string(token: Token) -> None:
    if "f" in token.prefix or "t" in token.prefix:
        raise token.refused("no f-strings here", 'write join("", [a, b]), or text with ${{ }} under `with`')
    if "b" in token.prefix:
        raise token.refused("no bytes here", "remove the `b`")


def _check_operator(token: Token, text: str) -> None:
    if token.text == "$":
        if text.startswith("${{", token.start):
            raise token.refused("this is an expression already", "write it without ${{ and }}")
        raise token.refused("`$` has no meaning in an expression", "parameters are `params.NAME`, variables `env.NAME`")
    if token.text in _FOREIGN:
        raise token.refused(f"`{token.text}` is not an operator here", _FOREIGN[token.text])


def _check_closing(token: Token, opened: list[Token]) -> None:
    if not opened:
        raise token.refused(f"`{token.text}` closes nothing")
    if opened.pop().text != _PAIRS[token.text]:
        raise token.refused(f"`{token.text}` does not match the bracket before it")


def hint_for(text: str) -> tuple[Token, str, str] | None:
    """For a text that does not parse: the token to blame, a message and a hint, if a habit explains it."""
    tokens = list(scan(text))
    for before, token in zip([None, *tokens[:-1]], tokens, strict=True):
        if token.kind == "name" and token.text in _WORDS:
            return token, f"`{token.text}` is written in lower case", f"write `{_WORDS[token.text]}`"
        if token.kind == "name" and before is not None and before.text == "." and keyword.iskeyword(token.text):
            return (
                token,
                f"`{token.text}` is a word of the language",
                f'write ["{token.text}"] instead of .{token.text}',
            )
    depth = 0
    for token in tokens:
        depth += (token.kind == "open") - (token.kind == "close")
        if token.text == ":=" or (token.text == "=" and depth == 0):
            return token, f"`{token.text}` assigns; nothing can be assigned here", "write `==` to compare"
    return None


def find_end(text: str, start: int) -> int | None:
    """The offset of the `}}` that closes a hole whose expression begins at `start`, or None.

    `}}` in a string or of a dict does not count; when the brackets inside do
    not match, the first `}}` outside strings does, so that the parser can say
    what is wrong.
    """
    depth = 0
    first: int | None = None
    for token in scan(text, start):
        if token.kind in ("quote", "comment"):
            break
        if token.kind == "close" and text.startswith("}}", token.start):
            if depth == 0:
                return token.start
            first = token.start if first is None else first
        depth += (token.kind == "open") - (token.kind == "close")
    if first is None:
        first = text.find("}}", start)
    return None if first == -1 else first
