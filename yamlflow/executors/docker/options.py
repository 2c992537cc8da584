"""What a profile of type `docker` says, as plain data."""

from __future__ import annotations

from yamlflow.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """The keys of the profile (README, "Docker"); `grace`: seconds between SIGTERM and SIGKILL.

    `patience`: seconds after which an item of a packed loop counts as a long one, and
    those behind it get containers of their own.
    """

    image: str = ""
    host: str = ""
    context: str = ""
    network: str = ""
    volumes: tuple[str, ...] | list[str] = ()
    user: str = ""
    pull: str = "missing"
    platform: str = ""
    read_only: bool = False
    init: bool = True
    extra_hosts: tuple[str, ...] | list[str] = ()
    grace: float = 10.0
    patience: float = 2.0
