"""How S3 is reached from here: region, endpoint, certificates, proxies, from variables and the chosen profile.

A variable goes before a profile, and what is said of S3 alone before what is said of
all services. Read once, when a bucket is opened. There is no credential in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.address import REGION
from yamlflow.worker.s3.errors import ConfigurationError
from yamlflow.worker.s3.shared import Section, shared_files
from yamlflow.worker.s3.wire.messages import Url, parse
from yamlflow.worker.s3.wire.proxies import NONE, Proxies, proxies

FIRST_REGION = "us-east-1"
"""Where a bucket is looked for when nobody says; a wrong guess costs one redirect."""


@dataclass(frozen=True, slots=True)
class Settings:
    region: str = FIRST_REGION
    endpoint: Url | None = None
    sts: Url | None = None
    addressing: str = "auto"
    fips: bool = False
    dualstack: bool = False
    ca_bundle: str = ""
    proxies: Proxies = NONE


def settings(environ: Mapping[str, str]) -> Settings:
    """The settings of this process; ConfigurationError for one that makes no sense."""
    files = shared_files(environ)
    profile = files.settings()
    if files.chosen and not files.knows(files.profile):
        raise ConfigurationError(
            f"AWS_PROFILE names {files.profile!r}, and neither {files.names} has a section for it",
            hint="correct AWS_PROFILE, or name the files in AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
        )
    return Settings(
        region=_region(environ, profile),
        endpoint=_endpoint("s3", environ, profile),
        sts=_endpoint("sts", environ, profile),
        addressing=_addressing(profile),
        fips=_is_set("AWS_USE_FIPS_ENDPOINT", environ, profile),
        dualstack=_is_set("AWS_USE_DUALSTACK_ENDPOINT", environ, profile),
        ca_bundle=environ.get("AWS_CA_BUNDLE") or profile.get("ca_bundle") or environ.get("REQUESTS_CA_BUNDLE") or "",
        proxies=proxies(environ),
    )


def _region(environ: Mapping[str, str], profile: Section) -> str:
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or profile.get("region") or FIRST_REGION
    if not REGION.match(region):  # it becomes part of a host's name
        raise ConfigurationError(f"{region!r} is not an AWS region", hint="correct AWS_REGION, like eu-central-1")
    return region


def _endpoint(service: str, environ: Mapping[str, str], profile: Section) -> Url | None:
    if _is_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", environ, profile):
        return None
    own = f"AWS_ENDPOINT_URL_{service.upper()}"
    for name in (own, "AWS_ENDPOINT_URL"):
        if environ.get(name):
            return parse(environ[name], name)
    for name in (f"{service}.endpoint_url", "endpoint_url"):
        if profile.get(name):
            return parse(profile[name], f"{name} of the AWS profile")
    return None


def _addressing(profile: Section) -> str:
    style = profile.get("s3.addressing_style") or "auto"
    if style not in {"auto", "path", "virtual"}:
        raise ConfigurationError(
            f"addressing_style of the AWS profile is {style!r}", hint="write auto, path or virtual"
        )
    return style


def _is_set(name: str, environ: Mapping[str, str], profile: Section) -> bool:
    said = environ.get(name) or profile.get(name.removeprefix("AWS_").lower()) or ""
    return said.strip().lower() == "true"
