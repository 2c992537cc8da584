"""Events as lines of text, one per state change: what a pipe, a log or a CI page shows. Pure."""

from __future__ import annotations

from yamlflow.cli.output.text import one_line
from yamlflow.cli.output.words import count, duration, glyph, spoken
from yamlflow.cli.screen.rows import reason
from yamlflow.core.fingerprint import shortly
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import UNSTARTED, Failure, Outcome
from yamlflow.core.messages import (
    ArtifactLost,
    CacheMissed,
    CodeChanged,
    Event,
    ExecutorDown,
    ExecutorUp,
    Failed,
    ItemsKnown,
    Lost,
    Marked,
    Replaced,
    Started,
    State,
    Succeeded,
    Waiting,
)
from yamlflow.core.progress import RunView

_TOLD = frozenset({State.SKIPPED, State.CAUGHT, State.UPSTREAM_FAILED, State.CANCELLED, State.FAILED, State.WAITING})


def line(event: Event, view: RunView, *, unicode: bool = True) -> str | None:
    """The line about an event that `view` has taken in already; None where there is nothing to say."""
    match event:
        case Started(task=task, attempt=attempt):
            return _told(view, task, "running", _which(view, task, attempt), unicode=unicode)
        case Succeeded(outcome=Outcome(state="skipped")) | Failed(outcome=Outcome(failure=Failure(reason="cancelled"))):
            return None  # the mark that follows says it
        case Succeeded(task=task, outcome=outcome):
            return _told(view, task, outcome.state, _took(outcome), unicode=unicode)
        case Failed(task=task, outcome=outcome):
            words = ": ".join(filter(None, [_took(outcome), _why(outcome.failure)]))
            return _told(view, task, "failed", words, unicode=unicode)
        case Lost(task=task, reason=why) if why != UNSTARTED:
            return _told(view, task, "failed", why, unicode=unicode)
        case Marked(task=task, state=State.READY) if task in view.losses:
            return again(view.losses[task], view)
        case ArtifactLost(task=task, reader=reader) if task == reader:
            return again(event, view)
        case Marked(task=task, state=state, reason=why) if state in _TOLD:
            return _marked(view, task, state, why, unicode=unicode)
        case ItemsKnown(task=task, count=number):
            return f"  {one_line(view.names.display(task))}: {count(number, 'item')}"
        case _:
            return _rare(event, view)


def is_notice(event: Event) -> bool:
    """Does the line about it belong on the live view too, whose rows do not say it?"""
    lost_before = isinstance(event, ArtifactLost) and event.task == event.reader
    if isinstance(event, CodeChanged) or (isinstance(event, CacheMissed) and event.reason):
        return True
    return lost_before or (isinstance(event, Marked) and event.state is State.READY)


class Reasons:
    """Why steps run though they have a cache: each reason is news once a step, however many look-ups it takes."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def is_news(self, event: Event) -> bool:
        """False for a reason that was given before; True for anything else."""
        if not isinstance(event, CacheMissed) or not event.tasks:
            return True
        said = event.tasks[0].node, event.reason
        new = said not in self._said
        self._said.add(said)
        return new


def again(loss: ArtifactLost, view: RunView) -> str:
    """`report: a stored value of prepare is damaged (sha256 differs): running prepare again`."""
    producer = one_line(view.names.display(loss.task))
    reader = one_line(view.names.display(loss.reader)) if loss.reader.node else "outputs"
    before = f"{reader}: " if reader != producer else ""
    return f"  {before}a stored value of {producer} is {one_line(loss.why)}: running {producer} again"


def _rare(event: Event, view: RunView) -> str | None:
    match event:
        case Waiting(task=task, reason=why):
            return f"  {one_line(view.names.display(task))} waits: {one_line(why)}"
        case Replaced(task=task, reason=why):
            return f"  {one_line(view.names.display(task))} was started anew: {one_line(why)}"
        case ExecutorDown(executor=executor, reason=why):
            return f"executor {executor} does not answer: {one_line(why)}"
        case ExecutorUp(executor=executor):
            return f"executor {executor} answers again"
        case CacheMissed(tasks=(TaskId(node=step), *_), reason=why) if why:
            return f"  {step} runs: {one_line(why)}"
        case CodeChanged():
            return f"  {one_line(code_changed(event))}"
        case _:
            return None


def code_changed(event: CodeChanged) -> str:
    """What an edit of a step's code means for its results."""
    parts = shortly(event.parts)
    if event.kept is None:
        return f"{event.step} was edited while it ran ({parts}): its results are not kept for later runs"
    kept = count(event.kept, "result")
    return f"code of {event.step} changed since ({parts}); {kept} kept; --refresh {event.step} runs it again"


def _marked(view: RunView, task: TaskId, state: State, why: str, *, unicode: bool) -> str | None:
    """A decided state; a failure that an attempt reported, and a loop's or group's own, are said already."""
    if state is State.FAILED:
        failed = view.failures.get(task)
        if failed is None or failed.attempt:
            return None
        why = reason(failed.failure)
    return _told(view, task, state.value, why, unicode=unicode)


def _told(view: RunView, task: TaskId, state: str, words: str, *, unicode: bool) -> str:
    text = f"{glyph(state, unicode=unicode)} {one_line(view.names.display(task))} {spoken(state)}"
    return f"{text}: {one_line(words)}" if words else text


def _which(view: RunView, task: TaskId, attempt: int) -> str:
    """What a later attempt is."""
    running = view.running.get(task)
    if running is not None and running.rescue:
        return "catch"
    return f"attempt {attempt}" if attempt > 1 else ""


def _took(outcome: Outcome) -> str:
    return duration(outcome.usage.seconds) if outcome.usage.seconds else ""


def _why(failure: Failure | None) -> str:
    return reason(failure) if failure else ""


def heartbeat(view: RunView) -> str:
    """`still running after 5m02s: 12 of 20 tasks done, 2 running`."""
    steps = list(view.tasks())
    done, total = sum(step.done for step in steps), sum(step.total for step in steps)
    return f"still running after {duration(view.seconds)}: {done} of {total} tasks done, {len(view.running)} running"
