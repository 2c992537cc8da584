"""Checks across steps, one module per family, each a function from a View to diagnostics.

A rule looks at a pipeline that was decoded; what one key says by itself was
checked there. One cause, one message: a rule is silent about what another one
(or `decode`) has reported already. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from yamlflow.schema.diagnostics import Diagnostic
from yamlflow.schema.rules import (
    arguments,
    caching,
    conditions,
    executors,
    holes,
    loops,
    names,
    order,
    plaintext,
    rounds,
    shipping,
    skipping,
    steps,
    text,
    unused,
)
from yamlflow.schema.scopes.view import View

Rule = Callable[[View], Iterator[Diagnostic]]

RULES: tuple[Rule, ...] = (
    names.check_references,
    names.check_hidden_names,
    order.check_needs,
    order.check_circles,
    order.check_reachable,
    loops.check_sources,
    loops.check_axes,
    loops.check_sizes,
    rounds.check_rounds,
    skipping.check_skipped,
    conditions.check_types,
    arguments.check_callables,
    text.check_literals,
    steps.check_steps,
    plaintext.check_secrets,
    executors.check_executors,
    executors.check_placement,
    holes.check_holes,
    unused.check_parameters,
    caching.check_caches,
    shipping.check_shipping,
)


def apply_rules(view: View) -> list[Diagnostic]:
    """What all rules find, in the order of the rules."""
    return [found for rule in RULES for found in rule(view)]
