"""The engine's API: which engine, what it can do, and its answers in our own words.

The one module that knows docker-py, and only its low-level client. An engine
that is not there, may not be used or goes away is an error with what to do next.
Called from several threads; keeps nothing but the connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yamlflow.core.dataclass import dataclass
from yamlflow.core.errors import AccessError, SetupError, YamlflowError

TIMEOUT = 60
POOL = 24
Config = Mapping[str, Any]


class EngineGoneError(Exception):
    """The engine does not answer."""


class RefusedError(Exception):
    """The engine says no; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Abilities:
    """What kind of engine it is: that decides as whom a task writes its files."""

    rootless: bool = False
    podman: bool = False


def find(host: str = "", context: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """The address of the engine: what is said, `DOCKER_HOST`, docker's current context, the usual sockets.

    Raises SetupError for a context that there is not.
    """
    if host:
        return host
    if not context and environ.get("DOCKER_HOST"):
        return environ["DOCKER_HOST"]
    named = _address_of(context)
    if named:
        return named
    runtime = environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    usual = ("/var/run/docker.sock", f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock")
    return "unix://" + next((path for path in usual if Path(path).exists()), usual[0])


def _address_of(context: str) -> str:
    """Where a docker context leads; empty for the default one."""
    docker = _library()
    try:
        found = docker.context.ContextAPI.get_context(context or None)
    except docker.errors.DockerException as error:
        raise SetupError(f"the docker context cannot be read: {error}", hint="see: docker context ls") from error
    if found is None and context:
        raise SetupError(f"there is no docker context `{context}`", hint="see: docker context ls")
    if found is None or found.name == "default":
        return ""
    return str(found.Host)


def _library() -> Any:
    """docker-py, imported when an engine is really wanted."""
    try:
        import docker
    except ImportError as error:
        hint = "pip install 'yamlflow[docker]'"
        raise SetupError("the package docker is missing, which talks to Docker engines", hint=hint) from error
    return docker


class Engine:
    """One engine. Methods raise EngineGoneError or RefusedError."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._docker = _library()
        self._api = self._connected()
        self.abilities = self._look()

    def _connected(self) -> Any:
        """Raises SetupError or AccessError where no engine can be talked to."""
        try:
            return self._docker.APIClient(base_url=self.address, version="auto", timeout=TIMEOUT, max_pool_size=POOL)
        except self._docker.errors.DockerException as error:
            raise _unreachable(self.address, error) from error

    def _look(self) -> Abilities:
        with self._answers():
            security = self._api.info().get("SecurityOptions") or ()
            parts = [part.get("Name", "") for part in self._api.version().get("Components") or ()]
        return Abilities(any("rootless" in option for option in security), any("Podman" in name for name in parts))

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """What goes wrong inside, in our words."""
        from requests.exceptions import RequestException

        try:
            yield
        except self._docker.errors.APIError as error:
            raise RefusedError(error.status_code or 500, str(error.explanation or error)) from error
        except (RequestException, self._docker.errors.DockerException, OSError) as error:
            raise EngineGoneError(str(error)) from error

    # ---------------------------------------------------------------- images

    def image(self, name: str) -> dict[str, Any] | None:
        """What is known of an image that is here; None where it is not."""
        try:
            with self._answers():
                found: dict[str, Any] = self._api.inspect_image(name)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        return found

    def pull(self, name: str, platform: str) -> Iterator[dict[str, Any]]:
        """What the engine says while it fetches; a failure is one of its words, `error`."""
        with self._answers():
            yield from self._api.pull(name, stream=True, decode=True, platform=platform or None)

    # ---------------------------------------------------------------- containers

    def create(self, name: str, config: Config, platform: str) -> None:
        with self._answers():
            self._api.create_container_from_config(config, name, platform or None)

    def start(self, name: str) -> None:
        with self._answers():
            self._api.start(name)

    def inspect(self, name: str) -> dict[str, Any] | None:
        """None where there is no such container."""
        try:
            with self._answers():
                found: dict[str, Any] = self._api.inspect_container(name)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        return found

    def wait(self, name: str) -> None:
        """Until it does not run: `die` may be heard before that is so."""
        with self._answers():
            self._api.wait(name, timeout=TIMEOUT)

    def last_words(self, name: str) -> str:
        """What its first process said at last."""
        with self._answers():
            return bytes(self._api.logs(name, tail=20)).decode(errors="replace").strip()

    def kill(self, name: str) -> None:
        """At once; no matter whether it runs."""
        try:
            with self._answers():
                self._api.kill(name)
        except RefusedError as error:
            if error.status not in (404, 409):
                raise

    def remove(self, name: str) -> None:
        """With what it wrote to itself, running or not; no matter whether it is there."""
        try:
            with self._answers():
                self._api.remove_container(name, v=True, force=True)
        except RefusedError as error:
            if error.status not in (404, 409):
                raise

    def containers(self, label: str) -> Sequence[dict[str, Any]]:
        """All with this label, running or not."""
        with self._answers():
            found: list[dict[str, Any]] = self._api.containers(all=True, filters={"label": label})
        return found

    def deaths(self, label: str, since: float) -> Any:
        """A stream of containers with this label that end; its `close` from any thread ends it, then `release` it."""
        filters = {"type": "container", "label": label, "event": ["die", "destroy"]}
        with self._answers():
            return self._api.events(since=int(since) or None, filters=filters, decode=True)

    def release(self, stream: Any) -> None:
        """Close what a stream reads from: closed while being read, it leaves that to the garbage collector."""
        response = getattr(stream, "_response", None)
        if response is not None:
            response.close()

    def close(self) -> None:
        self._api.close()


def _unreachable(address: str, error: Exception) -> YamlflowError:
    """Why there is no talking to an engine, and what to do."""
    if "Permission denied" in str(error):
        hint = "join the group that may: sudo usermod -aG docker $USER, then log in anew; or use a rootless engine"
        return AccessError(f"no right to use the Docker engine at {address}", hint=hint)
    if "version" in str(error) and "old" in str(error):
        return SetupError(f"the Docker engine at {address} is too old: {error}", hint="use Docker 20.10 or newer")
    hint = "start one (sudo systemctl start docker), or name another: DOCKER_HOST, or `host:` in the profile"
    return SetupError(f"no Docker engine answers at {address}", hint=hint)
