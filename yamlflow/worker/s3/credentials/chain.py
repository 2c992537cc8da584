"""The order in which credentials are looked for; the first place that has any is the place, even if it fails."""

from __future__ import annotations

from yamlflow.worker.s3.credentials.container import container
from yamlflow.worker.s3.credentials.environment import environment
from yamlflow.worker.s3.credentials.instance import instance
from yamlflow.worker.s3.credentials.profiles import profile
from yamlflow.worker.s3.credentials.values import Source
from yamlflow.worker.s3.credentials.web_identity import web_identity
from yamlflow.worker.s3.credentials.world import World
from yamlflow.worker.s3.errors import CredentialsError

PLACES = (environment, web_identity, profile, container, instance)
WITH_A_PROFILE = (environment, profile, web_identity, container, instance)
"""When somebody named a profile, it is meant."""


def find(world: World) -> Source:
    """The first place that has credentials; CredentialsError says of each why it had none."""
    absent = []
    for look in WITH_A_PROFILE if world.files.chosen else PLACES:
        found = look(world)
        if isinstance(found, Source):
            return found
        absent.append(found)
    raise CredentialsError(
        "no AWS credentials were found\n" + "\n".join(f"  - {why}" for why in absent),
        hint="give the task a role (ECS, EKS, EC2), or hand it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as secrets",
    )
