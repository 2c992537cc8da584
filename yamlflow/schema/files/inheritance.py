"""What a step has without saying so: `defaults`, its profile's `defaults`, and what its group passes down.

Works on the tree, so that every inherited value keeps its place in the file.
Nearest wins: the step, its groups, the profile it runs on, the file's
defaults. A step only takes keys that mean something on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from re import Pattern, escape
from re import compile as compile_pattern

from yamlflow.core.dataclass import dataclass
from yamlflow.schema.files.overlays import lay_under
from yamlflow.schema.model.records import layout
from yamlflow.schema.model.steps import Defaults
from yamlflow.schema.nodes import Entry, Mapping, Node, Scalar

HOOKS = ("on_success", "on_failure", "on_exit")
LOOP_KEYS = frozenset({"max_parallel", "fail_fast", "min_success", "max_items"})
PASSED_DOWN = ("executor", "timeout", "retry", "start_timeout", "limit", "env_pass", "cwd")
_SHARED = frozenset(layout(Defaults).slots)
_GROUP_TAKES = frozenset({"needs_policy", "tags"})


@dataclass(frozen=True, slots=True)
class Placement:
    """`--executor NAME`, `--executor STEP=NAME` (globs), `--default-executor NAME`; the last one that fits wins."""

    rules: tuple[str, ...] = ()
    default: str | None = None

    def of(self, step: str, own: str | None) -> str:
        """The profile that step `a.b.c` runs on when its own choice is `own`."""
        chosen: str | None = None
        for rule in self.rules:
            pattern, equals, name = rule.rpartition("=")
            if equals and matches_step(pattern, step):
                chosen = name
        everywhere = next((rule for rule in reversed(self.rules) if "=" not in rule), None)
        return chosen or everywhere or own or self.default or "local"

    @property
    def patterns(self) -> tuple[str, ...]:
        return tuple(rule.rpartition("=")[0] for rule in self.rules if "=" in rule)

    @property
    def names(self) -> tuple[str, ...]:
        """Every profile that is named here."""
        named = [rule.rpartition("=")[2] for rule in self.rules]
        return tuple(dict.fromkeys([*named, *([self.default] if self.default else [])]))


def matches_step(pattern: str, step: str) -> bool:
    """Whether a glob (only `*` is special) means this step: by its whole id, its name, or a group around it."""
    known = _glob(pattern)
    parts = step.split(".")
    ids = [".".join(parts[: end + 1]) for end in range(len(parts))]
    return any(known.fullmatch(text) for text in (*ids, *parts))


def _glob(pattern: str) -> Pattern[str]:
    return compile_pattern(".*".join(escape(part) for part in pattern.split("*")))


def inherit(
    root: Mapping, placement: Placement, prefix: tuple[str, ...] = (), passed: Mapping | None = None
) -> Mapping:
    """The file with every step completed; `defaults` themselves stay, for those who look at them.

    `prefix` and `passed` are the ids of, and what is handed down by, the step that uses this file.
    """
    work = _Inheritance(root, placement)

    def change(name: str, value: Node) -> Node:
        if name == "steps" and isinstance(value, Mapping):
            return work.steps(value, prefix, passed)
        if name in HOOKS and isinstance(value, Mapping):
            return work.steps(value, (*prefix, name), None)
        return value

    return _map_values(root, change)


class _Inheritance:
    """The defaults of one file, at hand for every step."""

    def __init__(self, root: Mapping, placement: Placement) -> None:
        self._placement = placement
        self._defaults = _mapping(root.get("defaults"))
        self._profiles = _mapping(root.get("executors"))

    def steps(self, steps: Mapping, ids: tuple[str, ...], passed: Mapping | None) -> Mapping:
        return _map_values(steps, lambda name, value: self._step(value, (*ids, name), passed))

    def _step(self, node: Node, ids: tuple[str, ...], passed: Mapping | None) -> Node:
        if not isinstance(node, Mapping) or ids[-1] == "notify":
            return node
        own = lay_under(passed, node, ids) if passed is not None else node
        inner = node.get("steps")
        full = self._with_defaults(own, ids)
        if not isinstance(inner, Mapping):
            return full
        inner = self.steps(inner, ids, passed_down(own))
        kept = tuple(
            replace(entry, value=inner) if entry.key.value == "steps" else entry
            for entry in full.entries
            if entry.key.value not in PASSED_DOWN or node.get(str(entry.key.value)) is not None
        )
        return Mapping(full.span, kept)

    def _with_defaults(self, step: Mapping, ids: tuple[str, ...]) -> Mapping:
        for inherited in (self._profile_defaults(step, ids), self._defaults):
            if inherited is not None:
                step = lay_under(_meaningful(inherited, step), step, ids)
        return step

    def _profile_defaults(self, step: Mapping, ids: tuple[str, ...]) -> Mapping | None:
        if self._profiles is None or step.get("steps") is not None:
            return None
        own = chosen_profile(step) or (chosen_profile(self._defaults) if self._defaults else None)
        profile = self._profiles.get(self._placement.of(".".join(ids), own))
        return _mapping(profile.get("defaults")) if isinstance(profile, Mapping) else None


def passed_down(group: Mapping) -> Mapping:
    """What a group hands to its steps."""
    return Mapping(group.span, tuple(entry for entry in group.entries if entry.key.value in PASSED_DOWN))


def chosen_profile(step: Mapping) -> str | None:
    """The profile a step or `defaults` names itself."""
    executor = step.get("executor")
    if isinstance(executor, Mapping):
        executor = executor.get("use")
    return executor.value if isinstance(executor, Scalar) and isinstance(executor.value, str) else None


def _meaningful(inherited: Mapping, step: Mapping) -> Mapping:
    """What of `inherited` this step takes."""
    loops = step.get("foreach") is not None
    group = step.get("steps") is not None or step.get("uses") is not None

    def takes(entry: Entry) -> bool:
        key = str(entry.key.value)
        if key not in _SHARED:
            return False
        if key in LOOP_KEYS:
            return loops
        return key in _GROUP_TAKES if group else True

    without = Mapping(inherited.span, tuple(entry for entry in inherited.entries if takes(entry)))
    return _without_arguments(without, step)


def _without_arguments(inherited: Mapping, step: Mapping) -> Mapping:
    """An argument that the step has under `inputs` is not inherited under `with`."""
    inputs, arguments = step.get("inputs"), inherited.get("with")
    if not isinstance(inputs, Mapping) or not isinstance(arguments, Mapping):
        return inherited
    names = {entry.key.value for entry in inputs.entries}
    kept = Mapping(arguments.span, tuple(entry for entry in arguments.entries if entry.key.value not in names))
    return _map_values(inherited, lambda name, value: kept if name == "with" else value)


def _map_values(mapping: Mapping, change: Callable[[str, Node], Node]) -> Mapping:
    changed = (replace(entry, value=change(str(entry.key.value), entry.value)) for entry in mapping.entries)
    return Mapping(mapping.span, tuple(changed))


def _mapping(node: Node | None) -> Mapping | None:
    return node if isinstance(node, Mapping) else None
