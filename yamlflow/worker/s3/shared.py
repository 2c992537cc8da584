"""The shared files of the AWS tools: `~/.aws/config` and `~/.aws/credentials`, one section a profile.

Read when somebody asks, and again on every question about credentials: another
program may have written new ones. Must never show a line of them.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.errors import ConfigurationError

Section = dict[str, str]
ABSENT: Section = {}
"""The section of a profile that has none."""


@dataclass(frozen=True, slots=True)
class SharedFiles:
    """Where the two files are, and which profile is meant; `chosen` when somebody named it."""

    config: str
    credentials: str
    profile: str
    chosen: bool

    def settings(self) -> Section:
        """The chosen profile's own lines of the configuration, and those of its services under `s3.` and `sts.`."""
        sections = read_sections(self.config)
        found = section(sections, self.profile)
        services = sections.get(f"services {found.get('services', '')}", {})
        return {**nested(services), **nested(found), **found}

    def of(self, profile: str) -> Section:
        """What both files say of a profile; for keys, the file of credentials counts."""
        return {**section(read_sections(self.config), profile), **read_sections(self.credentials).get(profile, {})}

    def knows(self, profile: str) -> bool:
        """Whether either file has a section for it, be it an empty one."""
        return section(read_sections(self.config), profile) is not ABSENT or profile in read_sections(self.credentials)

    @property
    def names(self) -> str:
        return f"{self.credentials} and {self.config}"


def shared_files(environ: Mapping[str, str]) -> SharedFiles:
    name = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
    return SharedFiles(
        config=at_home(environ.get("AWS_CONFIG_FILE") or "~/.aws/config", environ),
        credentials=at_home(environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials", environ),
        profile=name or "default",
        chosen=name is not None,
    )


def at_home(path: str, environ: Mapping[str, str]) -> str:
    home = environ.get("HOME")
    return f"{home}{path[1:]}" if home and path.startswith("~/") else os.path.expanduser(path)


def section(sections: Mapping[str, Section], profile: str) -> Section:
    """A profile of the configuration: `[profile x]`, and `[default]` also without that word."""
    for name, found in sections.items():
        words = name.split(None, 1)
        if words == ["profile", profile] or (profile == "default" and name == "default"):
            return found
    return ABSENT


def nested(found: Section) -> Section:
    """Indented lines under a name, as `s3 =` has them, as `s3.name`."""
    inner = {}
    for name, value in found.items():
        for line in value.splitlines()[1:]:
            key, equals, word = line.partition("=")
            if equals:
                inner[f"{name}.{key.strip().lower()}"] = word.strip()
    return inner


def read_sections(path: str) -> dict[str, Section]:
    """The sections of a file; none where there is no file."""
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or "it is no UTF-8 text") from None
    except configparser.Error as error:  # its words would quote the line, and a secret with it
        raise _unreadable(path, f"line {_line(error)} is neither [a section] nor name = value") from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _line(error: configparser.Error) -> str:
    errors = getattr(error, "errors", None)
    return str(errors[0][0] if errors else getattr(error, "lineno", "?"))


def _unreadable(path: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"the AWS file {path} cannot be read: {why}", hint="correct the file, or name another")
