"""One line of the table: what was measured, the bar it is held to, and who else did the same work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """`value` is None where it could not be measured; `missing` says why.

    `clock`: the limit is time on the machine of the bars, and stretched for this one.
    `at_least`: the value must not be below the limit, else not above.
    """

    what: str
    value: float | None
    limit: float
    unit: str
    clock: bool = False
    at_least: bool = False
    beside: str = ""
    missing: str = ""

    def here(self, stretch: float) -> float:
        """The limit on this machine."""
        return self.limit * stretch if self.clock else self.limit

    def missed(self, stretch: float) -> bool:
        if self.value is None:
            return False
        limit = self.here(stretch)
        return self.value < limit if self.at_least else self.value > limit

    def verdict(self, stretch: float) -> str:
        if self.value is None:
            return f"not judged: {self.missing}"
        return "MISSED" if self.missed(stretch) else "ok"


HEAD = f"{'work':58} {'measured':>13} {'bar':>11} {'bar here':>11}  verdict   beside it"


def line(bar: Bar, stretch: float) -> str:
    """A bar as a line of the table under HEAD."""
    measured = "-" if bar.value is None else f"{bar.value:.3g} {bar.unit}"
    sign = ">=" if bar.at_least else "<="
    here = f"{sign} {bar.here(stretch):.3g}" if bar.clock else ""
    return (
        f"{bar.what:58} {measured:>13} {f'{sign} {bar.limit:g}':>11} {here:>11}  {bar.verdict(stretch):9} {bar.beside}"
    ).rstrip()


def summary(bars: Iterable[tuple[Bar, float]]) -> tuple[str, int]:
    """The last line, and the exit code: 1 when a bar was missed. What was not judged is no pass and no miss."""
    judged = list(bars)
    missed = [bar.what for bar, stretch in judged if bar.missed(stretch)]
    unknown = [bar.what for bar, _ in judged if bar.value is None]
    passed = len(judged) - len(missed) - len(unknown)
    said = [f"{passed} of {len(judged)} bars kept"]
    said += [f"missed: {', '.join(missed)}"] if missed else []
    said += [f"not judged: {', '.join(unknown)}"] if unknown else []
    return "; ".join(said), int(bool(missed))
