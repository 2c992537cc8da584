"""The hands of the executor: a few threads that talk to the engine, one container at a time.

Everything here is safe to do again: a name that exists already is taken over
where it is ours, a container that is gone is removed. What came of it goes into
a queue; nothing here is waited for by whoever decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Literal, Union

from yamlflow.core.dataclass import dataclass
from yamlflow.core.jobs import Failure, Job
from yamlflow.executors.docker.container import Setting, configuration
from yamlflow.executors.docker.engine import Engine, EngineGoneError, RefusedError
from yamlflow.executors.docker.flight import Flight
from yamlflow.executors.docker.images import Images, NoImageError

HANDS, BROOMS = 4, 2
"""Threads that start containers, and those that collect, end and remove them: nobody waits behind a start."""

PYTHONS = ("python3", "python")
"""Names that Python may have in an image."""

_NO_PROGRAM = ("executable file not found", "no such file or directory", "exec format error")
_TAKEN = 409
_TROUBLE = 500
_NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Launched:
    """A container was started, or could not be."""

    flight: Flight
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """A container has ended: the engine's `State`, None where it is gone; `said` are its first process's last words."""

    flight: Flight
    state: Mapping[str, Any] | None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Something else: a container died (its name), one waits for its image, the engine goes or comes."""

    kind: Literal["died", "waiting", "down", "up"]
    text: str = ""
    flight: Flight | None = None


Word = Union[Launched, Collected, Said]


class Hangar:
    """Starts, collects and removes containers; `say` is called from its threads."""

    def __init__(self, engine: Engine, setting: Setting, say: Callable[[Word], None]) -> None:
        self._engine = engine
        self._setting = setting
        self._say = say
        self._images = Images(engine, setting.options.pull, setting.options.platform)
        self.python = 0  # which of its names Python has in the image, as far as is known
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="yamlflow-docker")
        self._brooms = ThreadPoolExecutor(BROOMS, thread_name_prefix="yamlflow-docker")

    def launch(self, flight: Flight, jobs: Sequence[Job]) -> None:
        self._hands.submit(self._launch, flight, jobs)

    def collect(self, flight: Flight) -> None:
        self._brooms.submit(self._collect, flight)

    def remove(self, name: str) -> None:
        self._brooms.submit(self._remove, name)

    def kill(self, name: str) -> None:
        self._brooms.submit(self._kill, name)

    def close(self, names: Sequence[str]) -> None:
        """Nothing is started any more; the named containers are gone on return."""
        self._hands.shutdown(wait=True, cancel_futures=True)
        self._brooms.shutdown(wait=True)
        with ThreadPoolExecutor(HANDS) as hands:
            list(hands.map(self._remove, names))
        self._engine.close()

    # ---------------------------------------------------------------- in the threads

    def _launch(self, flight: Flight, jobs: Sequence[Job]) -> None:
        failure: Failure | None
        try:
            failure = self._started(flight, jobs)
        except NoImageError as error:
            failure = error.failure
        except EngineGoneError as error:
            failure = Failure("start_failed", f"the Docker engine does not answer: {error}")
        except RefusedError as error:
            failure = _refused(error)
        except Exception as error:  # noqa: BLE001 - whoever waits for an answer must get one
            failure = Failure("start_failed", f"the container could not be started: {error!r}", final=True)
        self._say(Launched(flight, failure))

    def _started(self, flight: Flight, jobs: Sequence[Job]) -> Failure | None:
        name = self._setting.options.image
        image = self._images.identity(name, lambda text: self._say(Said("waiting", text, flight)))
        flight.python = max(flight.python, self.python)
        while flight.left and flight.python < len(PYTHONS):  # else it was taken back meanwhile
            python = PYTHONS[flight.python]
            self._create(flight, configuration(self._setting, jobs, image=image, folder=flight.folder, python=python))
            try:
                self._engine.start(flight.name)
            except RefusedError as error:
                if not any(words in str(error) for words in _NO_PROGRAM):
                    raise
                flight.python += 1
            else:
                return None
        return no_python(name) if flight.left else None

    def _create(self, flight: Flight, config: Mapping[str, Any]) -> None:
        """A container of that name: a new one, in place of one that never began."""
        try:
            self._engine.create(flight.name, config, self._setting.options.platform)
        except RefusedError as error:
            if error.status != _TAKEN:
                raise
            found = self._engine.inspect(flight.name)
            ours = found and (found["Config"].get("Labels") or {}).get("yamlflow/folder") == flight.folder
            if found is not None and not ours:
                message = f"a container {flight.name} is there already, and it is not ours"
                raise RefusedError(_TAKEN, message) from error
            self._engine.remove(flight.name)
            self._engine.create(flight.name, config, self._setting.options.platform)

    def _collect(self, flight: Flight) -> None:
        state, said = None, ""
        with suppress(EngineGoneError, RefusedError):  # gone: nobody will ever say more
            self._engine.wait(flight.name)
        with suppress(EngineGoneError, RefusedError):
            found = self._engine.inspect(flight.name)
            state = found["State"] if found else None
            if state and state.get("ExitCode"):
                said = self._engine.last_words(flight.name)
        self._say(Collected(flight, state, said))

    def _remove(self, name: str) -> None:
        with suppress(EngineGoneError, RefusedError):  # it is swept later
            self._engine.remove(name)

    def _kill(self, name: str) -> None:
        with suppress(EngineGoneError, RefusedError):  # its end is heard, or it had ended
            self._engine.kill(name)


def lacks_python(collected: Collected) -> bool:
    """Whether the init process of a container found no interpreter of that name."""
    code = (collected.state or {}).get("ExitCode")
    return code == _NOT_FOUND and f"exec {PYTHONS[collected.flight.python]} failed" in collected.said


def no_python(image: str) -> Failure:
    message = f"the image {image} has no Python: a step needs python3, 3.10 or newer, on the image's PATH"
    return Failure("start_failed", message, final=True)


def _refused(error: RefusedError) -> Failure:
    """Why the engine would not: what a user can put right is final."""
    text = str(error)
    if "bind source path does not exist" in text:
        hint = "the engine runs on another machine, or in one: containers need this machine's folders"
        return Failure("start_failed", f"{text}: {hint}", final=True)
    if "could not select device driver" in text:
        hint = "install the NVIDIA container toolkit"
        return Failure("start_failed", f"the engine gives no GPU to containers: {hint}", final=True)
    return Failure("start_failed", f"the engine does not start the container: {text}", final=error.status < _TROUBLE)
