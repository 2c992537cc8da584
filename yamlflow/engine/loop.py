"""The loop: events in, state on disk, the scheduler asked, its commands carried out.

    inbox → event → values, view → scheduler → commands → commit → the world

One turn handles everything that has come in; what it leads to here (evaluating,
looking up, marking) happens in the same turn, what leaves (submitting,
cancelling) leaves after the turn's one commit. The main thread alone runs this.
Must never decide what runs next, and never call an executor itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from yamlflow.core.commands import Cancel, Command, Evaluate, Finish, LookUp, Mark, SetTimer, StartHooks, Submit
from yamlflow.core.errors import TemporaryError, YamlflowError
from yamlflow.core.graph import TaskId
from yamlflow.core.jobs import Failure, Job, Outcome, Report
from yamlflow.core.messages import (
    ArtifactLost,
    CacheMissed,
    CancelRequested,
    CodeChanged,
    Event,
    ExecutorDown,
    ExecutorUp,
    Failed,
    Lost,
    Marked,
    Restored,
    RunEnded,
    RunStarted,
    RunState,
    Submitted,
    Succeeded,
    Timer,
    TimerFired,
)
from yamlflow.core.recovery import GENERATIONS, RUN
from yamlflow.engine.answers.evaluation import Defer, Known, Wrong
from yamlflow.engine.answers.questions import refused
from yamlflow.engine.attempts.adoption import share_log
from yamlflow.engine.attempts.assembly import digest
from yamlflow.engine.attempts.earlier import restored_body
from yamlflow.engine.attempts.fingerprints import Fingerprint
from yamlflow.engine.attempts.flights import Flight, Flights, Inquiry, event_of, executor_event
from yamlflow.engine.inbox import Inbox, Item, Stop
from yamlflow.engine.outbox import Outbox
from yamlflow.engine.parts import (
    DOWN_PATIENCE,
    UNSEEN,
    AbandonedError,
    DetachedError,
    Ended,
    Listener,
    Parts,
    check_complete,
    error_of,
    learn_mark,
    losses_before,
    results_of,
)
from yamlflow.engine.pump import Pump, Reports, Trouble


class Loop:
    """Runs one launch of a run to its end."""

    def __init__(self, parts: Parts, inbox: Inbox, pumps: Mapping[str, Pump], listener: Listener) -> None:
        self._parts = parts
        self._inbox = inbox
        self._listener: Listener | None = listener
        self._clock = parts.clock
        self._epoch = self._clock.now() - self._clock.monotonic()
        self._flights = Flights()
        self._outbox = Outbox(pumps, self._flights)
        self._pending: deque[tuple[Event, bytes | None, Mapping[str, Any] | None]] = deque()
        self._fresh: list[Event] = []
        self._stops = 0
        self._looked = 0.0
        self._last_request = 0
        self._down: dict[str, float] = {}
        self._finish: RunState | None = None
        self._mends = 0
        self._ended: Ended | None = None

    def run(self, start: Callable[[float], RunStarted]) -> Ended:
        """From RunStarted to RunEnded; raises what makes going on impossible."""
        self._say(start(self._now()))
        for event in self._parts.news(self._now()):
            self._say(event)
        self._turn([])
        while self._ended is None:
            self._turn(self._inbox.wait())
        return self._ended

    # --- turns ---

    def _now(self) -> float:
        """Seconds since the epoch as they were at the start, plus monotonic ones: never backwards."""
        return self._epoch + self._clock.monotonic()

    def _turn(self, items: Sequence[Item]) -> None:
        for item in items:
            self._take(item)
        self._look_around()
        self._settle()
        self._leave()
        self._tell()

    def _say(self, event: Event, digest: bytes | None = None, outcome: Mapping[str, Any] | None = None) -> None:
        self._pending.extend((loss, None, None) for loss in losses_before(event, self._parts))
        self._pending.append((event, digest, outcome))

    def _settle(self) -> None:
        """Handles events until nothing more follows from them here."""
        while self._pending or (self._finish is not None and self._ended is None and not self._asking()):
            if not self._pending:
                self._end()
                continue
            event, digest, outcome = self._pending.popleft()
            self._parts.recorder.note(event, digest, outcome)
            self._fresh.append(event)
            self._parts.view.fold(event)
            self._learn(event)
            if not isinstance(event, UNSEEN):
                for command in self._parts.scheduler.handle(event):
                    self._obey(command)

    def _leave(self) -> None:
        """The turn's commit, then what leaves."""
        if not self._outbox and self._ended is None:
            self._parts.recorder.commit_if_due()
            return
        self._parts.recorder.commit()
        self._outbox.send()

    def _tell(self) -> None:
        """Whoever watches is told; a watcher that fails is dropped, the run goes on."""
        fresh, self._fresh = self._fresh, []
        if self._listener is None:
            return
        try:
            self._listener(self._parts.view, fresh)
        except Exception:  # noqa: BLE001 - a broken terminal must not end a run
            self._listener = None

    # --- what comes in ---

    def _take(self, item: Item) -> None:
        match item:
            case Reports(executor=executor, reports=reports):
                self._hear(executor, reports)
            case Stop():
                self._stop(item)
            case Timer():
                self._say(TimerFired(self._now(), item))
            case Trouble(executor=executor, error=error):
                if isinstance(error, YamlflowError):
                    raise error
                raise RuntimeError(f"executor {executor} failed: {error!r}") from error
            case _:
                assert_never(item)

    def _hear(self, executor: str, reports: Sequence[Report]) -> None:
        at = self._now()
        for report in reports:
            flight = self._flights.get(report.attempt_id)
            if isinstance(flight, Flight):
                event = event_of(flight, report, at)
                ends = isinstance(event, Succeeded) or report.kind in ("ended", "gone")
                if ends:
                    self._flights.land(report.attempt_id)
                if event is not None:
                    self._say(event, flight.digest if isinstance(event, (Succeeded, Failed, Lost)) else None)
                if flight.promise is not None and isinstance(event, Succeeded):
                    self._keep(flight.promise, event)
            elif isinstance(flight, Inquiry):
                self._hear_inquiry(report.attempt_id, flight, report.kind, report.outcome)
            elif (event := executor_event(executor, report, at)) is not None:
                self._say(event)
            else:
                self._parts.adoption.hold(report)

    def _keep(self, promise: Fingerprint, event: Succeeded) -> None:
        kept = self._parts.caching.keep(event.task, promise, event.outcome, event.at)
        if isinstance(kept, CodeChanged):
            self._say(kept)
        elif kept is not None:
            self._parts.recorder.keep(kept)

    def _hear_inquiry(self, name: str, inquiry: Inquiry, kind: str, outcome: Outcome | None) -> None:
        if kind not in ("ended", "gone"):
            return
        self._flights.land(name)
        failure = None
        if outcome is None or outcome.state != "succeeded":
            failure = (outcome.failure if outcome else None) or Failure("lost", "the evaluation was lost")
        if inquiry.what == "results":
            self._conclude({} if failure else self._known(outcome), failure)
        elif failure is not None:
            self._say(refused(self._now(), inquiry.task, inquiry.what, failure))
        else:
            self._ask(Evaluate(inquiry.task, inquiry.what), self._known(outcome))

    def _known(self, outcome: Outcome | None) -> Known:
        assert outcome is not None
        return self._parts.questions.known(outcome)

    def _stop(self, stop: Stop) -> None:
        self._stops += 1
        if self._stops >= 3:
            raise AbandonedError
        if stop.detach and self._stops == 1 and self._parts.adoption.lasting:
            self._parts.recorder.commit()
            raise DetachedError
        drain = stop.drain and self._stops == 1
        self._say(CancelRequested(self._now(), stop.reason, drain))  # the second one is for the hooks
        if drain:
            return
        self._outbox.recall(force=stop.force or self._stops > 1)

    def _look_around(self) -> None:
        """Requests of other terminals, executors that stay away: now and then."""
        now = self._clock.monotonic()
        if now - self._looked < 0.5:
            return
        self._looked = now
        for control in self._parts.requests(self._last_request):
            self._last_request = control.id
            if control.kind == "cancel":
                self._stop(Stop(control.body.get("reason", "cancelled"), force=bool(control.body.get("force"))))
        for executor, since in self._down.items():
            if now - since > DOWN_PATIENCE:
                reason = self._parts.view.down.get(executor, "")
                raise TemporaryError(
                    f"executor {executor} could not be reached for {DOWN_PATIENCE / 60:g} minutes: {reason}",
                    hint="wait until it answers again",
                )

    # --- what an event means here ---

    def _learn(self, event: Event) -> None:
        world = self._parts.world
        match event:
            case Succeeded(task=task, outcome=outcome):
                if outcome.state == "succeeded":
                    self._parts.losses.made_again(task, world.values.get(task), outcome.value)
                    world.values.put(task, outcome.value)
            case ExecutorDown(executor=executor):
                self._down.setdefault(executor, self._clock.monotonic())
            case ExecutorUp(executor=executor):
                self._down.pop(executor, None)
            case _:
                pass

    # --- commands ---

    def _obey(self, command: Command) -> None:
        match command:
            case Submit():
                for task in command.tasks:
                    self._prepare(command, task)
            case Mark(task=task, state=state, reason=reason):
                caught = learn_mark(self._parts.world, task, state)  # at once: the next command may read it
                self._say(Marked(self._now(), task, state, reason), None, caught)
            case Evaluate():
                self._ask(command, {})
            case LookUp(tasks=tasks):
                self._look_up(tasks)
            case Cancel():
                self._outbox.stop(command)
            case SetTimer(timer=timer, delay=delay):
                self._inbox.set_timer(timer, delay)
            case StartHooks(state=state):
                self._start_hooks(state)
            case Finish(state=state):
                self._finish = state
            case _:
                assert_never(command)

    def _prepare(self, command: Submit, task: TaskId) -> None:
        """The job of an attempt, or the attempt's failure when its inputs cannot be evaluated."""
        parts = self._parts
        action = parts.world.graph.nodes[task.node].action
        assert action is not None
        try:
            prepared = parts.assembly.prepare(task, command.attempt)
            promise = None if command.rescue else parts.caching.promise(task, prepared)
            extra = {"error": error_of(parts, task)} if command.rescue else {}
        except Wrong as error:
            self._say(Failed(self._now(), task, command.attempt, Outcome("failed", failure=error.failure)))
            return
        job = parts.assembly.job(command, task, prepared, extra)
        flight = Flight(command.executor, task, command.attempt, digest(action, prepared), promise)
        self._say(Submitted(self._now(), task, command.attempt, command.rescue))
        if command.executor in parts.adoption.lasting and not command.rescue:
            job = replace(job, given=flight.digest.hex())
            if (name := parts.adoption.claim(task, job.given)) is not None:
                self._take_over(job, name, flight)
                return
        self._outbox.put(job, flight)

    def _take_over(self, job: Job, name: str, flight: Flight) -> None:
        """An attempt that an earlier launch started does what this one was to do; with which code, nobody knows."""
        flight.promise = None
        self._flights.add(name, flight)
        share_log(job, name)
        self._hear(flight.executor, [self._parts.adoption.reports.pop(name)])

    def _ask(self, command: Evaluate, known: Known) -> None:
        task, what = command.task, command.what
        try:
            event, recorded = self._parts.questions.answer(self._now(), task, what, known)
            self._say(event, None, recorded)
        except Wrong as error:
            self._say(refused(self._now(), task, what, error.failure))
        except Defer as defer:
            self._inquire(Inquiry(self._outbox.local, task, what), defer)

    def _inquire(self, inquiry: Inquiry, defer: Defer) -> None:
        self._outbox.put(self._parts.assembly.evaluation(inquiry.task, inquiry.what, defer.deferred), inquiry)

    def _look_up(self, tasks: Sequence[TaskId]) -> None:
        answer = self._parts.lookups.find(tasks)
        for task, lost in self._parts.lookups.lost():
            self._say(ArtifactLost(self._now(), task, 0, task, digest=lost.digests[0], why=lost.why))
        for found in answer.found:
            outcome = found.outcome
            if outcome.state == "succeeded":
                self._parts.world.values.put(found.task, outcome.value)
            recorded = restored_body(outcome, found.launch)
            self._say(Restored(self._now(), found.task, found.end), found.digest, recorded)
        if answer.missed:
            self._say(CacheMissed(self._now(), tuple(answer.missed), answer.why))

    # --- the end ---

    def _start_hooks(self, state: RunState) -> None:
        self._parts.world.run.update(state=state, error=error_of(self._parts))

    def _asking(self) -> bool:
        return any(inquiry.what == "results" for _, inquiry in self._flights.inquiries())

    def _end(self) -> None:
        """The scheduler has finished: the outputs, then the last event."""
        self._conclude({}, None)

    def _conclude(self, known: Known, failure: Failure | None) -> None:
        state = self._finish
        assert state is not None
        try:
            outputs, failure = results_of(self._parts, known) if failure is None else ({}, failure)
        except Defer as defer:
            self._inquire(Inquiry(self._outbox.local, RUN, "results"), defer)
            return
        if failure is not None and failure.lost and self._mends < GENERATIONS:
            self._mends, self._finish = self._mends + 1, None
            self._say(refused(self._now(), RUN, "outputs", failure))  # who made it runs again; then the end once more
            return
        if state == "succeeded":
            check_complete(self._parts.view)
        self._say(RunEnded(self._now(), state))
        self._ended = Ended(state, outputs, failure.message if failure else "")
