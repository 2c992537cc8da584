"""What AWS answers, as tests need it, and variables that name a server of a test's own."""

from __future__ import annotations

import json
import time

from tests.worker.s3.servers import Said, Server

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEBYaDsessiontokenEXAMPLE=="
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}


def variables(server: Server, **more: str) -> dict[str, str]:
    """An environment in which S3 is this server, and no home has files."""
    return {"HOME": "/nonexistent", "AWS_ENDPOINT_URL": server.url, "AWS_REGION": "eu-west-1", **KEYS, **more}


def error(status: int, code: str, *, headers: dict[str, str] | None = None, more: str = "") -> Said:
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>What {code} says</Message>'
        f"<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId>{more}<RequestId>REQ1</RequestId></Error>"
    )
    return Said(status, document, {"x-amz-request-id": "REQ1", "Content-Type": "application/xml", **(headers or {})})


def in_seconds(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def role_keys(access: str, *, ends: float = 3600, token: str = TOKEN) -> Said:
    """As a container's service and EC2's metadata give them."""
    said = {
        "Code": "Success",
        "AccessKeyId": access,
        "SecretAccessKey": SECRET,
        "Token": token,
        "Expiration": in_seconds(ends),
    }
    return Said(200, json.dumps(said))


def sts_keys(action: str, access: str, *, ends: float = 3600) -> Said:
    return Said(
        200,
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
        f"<AccessKeyId>{access}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
        f"<SessionToken>{TOKEN}</SessionToken><Expiration>{in_seconds(ends)}</Expiration>"
        f"</Credentials></{action}Result></{action}Response>",
    )
