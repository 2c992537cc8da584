"""Each place that a task's credentials come from, and the order of them."""

from __future__ import annotations

import copy
import json
import pickle
import shlex
import sys

import pytest

from tests.worker.s3.answers import SECRET, TOKEN, error, in_seconds, role_keys, sts_keys
from tests.worker.s3.conftest import world
from tests.worker.s3.servers import Asked, Said, serving
from yamlflow.worker.s3.credentials.chain import find
from yamlflow.worker.s3.credentials.container import container
from yamlflow.worker.s3.credentials.values import Credentials
from yamlflow.worker.s3.credentials.world import World
from yamlflow.worker.s3.errors import ConfigurationError, CredentialsError
from yamlflow.worker.s3.wire.clock import moment_of
from yamlflow.worker.s3.wire.connections import Connections
from yamlflow.worker.s3.wire.proxies import proxies

ROLE = "arn:aws:iam::123456789012:role/task"
ACTION = "AssumeRole"
WITH_TOKEN = "AssumeRoleWithWebIdentity"


def keys(environ: dict[str, str]) -> tuple[str, str, str]:
    found = find(world(environ)).load()
    return found.access, found.secret, found.token


def trouble(environ: dict[str, str]) -> CredentialsError:
    """The error that this ends with; nothing secret is in it."""
    with pytest.raises(CredentialsError) as caught:
        find(world(environ)).load()
    said = f"{caught.value}{caught.value.hint}{vars(caught.value)}"
    assert SECRET not in said and TOKEN not in said
    assert caught.value.exit_code == 77
    return caught.value


# ---------------------------------------------------------------- variables


def test_keys_in_variables_are_taken_and_their_ends_are_cut_of_white_space():
    environ = {"AWS_ACCESS_KEY_ID": " AKID\n", "AWS_SECRET_ACCESS_KEY": f"{SECRET}\r\n", "AWS_SESSION_TOKEN": TOKEN}
    assert keys(environ) == ("AKID", SECRET, TOKEN)


def test_one_half_of_a_key_is_named():
    assert "AWS_SECRET_ACCESS_KEY is not set" in str(trouble({"AWS_ACCESS_KEY_ID": "AKID"}))


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_a_key_with_a_line_break_inside_is_refused_without_being_shown(name):
    environ = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "y"}
    assert "has signs in it that none has" in str(trouble({**environ, name: f"{SECRET}\r\nX-Injected: {TOKEN}"}))


def test_the_end_of_keys_in_variables_may_be_said():
    environ = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"}
    assert find(world(environ)).load().expires is None
    ends = {**environ, "AWS_CREDENTIAL_EXPIRATION": "2030-01-01T00:00:00Z"}
    assert find(world(ends)).load().expires == 1893456000
    assert "end at no time" in str(trouble({**environ, "AWS_CREDENTIAL_EXPIRATION": "soon"}))


@pytest.mark.parametrize(
    "text",
    ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.123456789Z", "2030-01-01T01:00:00+01:00", "2030-01-01T00:00:00"],
)
def test_every_way_to_write_a_moment_is_read(text):
    assert moment_of(text) == 1893456000


# ---------------------------------------------------------------- shared files


def files(tmp_path, *, config: str = "", credentials: str = "", **more: str) -> dict[str, str]:
    (tmp_path / "config").write_text(config)
    (tmp_path / "credentials").write_text(credentials)
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        **more,
    }


PAIR = f"aws_access_key_id = {{}}\naws_secret_access_key = {SECRET}\n"


def test_the_default_profile_of_the_credentials_file_is_taken(tmp_path):
    assert keys(files(tmp_path, credentials="[default]\n" + PAIR.format("ONE")))[0] == "ONE"


def test_the_files_are_looked_for_at_home(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\n" + PAIR.format("HOME"))
    assert keys({"HOME": str(tmp_path)})[0] == "HOME"


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_named_profile_is_taken_from_either_file(tmp_path, name):
    credentials = "[default]\n" + PAIR.format("ONE") + "[two]\n" + PAIR.format("TWO") + f"aws_session_token={TOKEN}\n"
    config = "[profile three]\n" + PAIR.format("THREE")
    assert keys(files(tmp_path, credentials=credentials, config=config, **{name: "two"})) == ("TWO", SECRET, TOKEN)
    assert keys(files(tmp_path, credentials=credentials, config=config, **{name: "three"}))[0] == "THREE"


def test_for_keys_the_credentials_file_counts(tmp_path):
    config = "[default]\n" + PAIR.format("CONFIG")
    assert keys(files(tmp_path, config=config, credentials="[default]\n" + PAIR.format("KEYS")))[0] == "KEYS"


def test_a_file_that_changes_is_read_again(tmp_path):
    environ = files(tmp_path, credentials="[default]\n" + PAIR.format("ONE"))
    source = find(world(environ))
    assert source.load().access == "ONE"
    files(tmp_path, credentials="[default]\n" + PAIR.format("TWO"))
    assert source.load().access == "TWO"


def test_one_half_of_a_profiles_key_is_named(tmp_path):
    said = trouble(files(tmp_path, credentials="[default]\naws_access_key_id = X\n"))
    assert "the AWS profile default has one half of a key" in str(said)


def test_a_profile_that_nobody_wrote_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError, match="AWS_PROFILE names 'other'"):
        world(files(tmp_path, credentials="[default]\n" + PAIR.format("ONE"), AWS_PROFILE="other"))


@pytest.mark.parametrize("line", ["sso_session = work", "sso_start_url = https://x", "login_session = me"])
def test_a_profile_that_wants_a_browser_says_what_to_do_instead(tmp_path, line):
    said = trouble(files(tmp_path, config=f"[default]\n{line}\n"))
    assert "needs a login in a browser" in str(said)
    assert "aws configure export-credentials" in said.hint


def program(tmp_path, said: str, code: int = 0) -> dict[str, str]:
    text = f"import sys; print({said!r}); print({SECRET!r}, file=sys.stderr); sys.exit({code})"
    command = shlex.join([sys.executable, "-c", text])
    return files(tmp_path, config=f"[default]\ncredential_process = {command}\n")


def test_a_program_of_a_profile_is_asked(tmp_path):
    said = {"Version": 1, "AccessKeyId": "PROG", "SecretAccessKey": SECRET, "SessionToken": TOKEN}
    environ = program(tmp_path, json.dumps({**said, "Expiration": "2030-01-01T00:00:00+00:00"}))
    assert keys(environ) == ("PROG", SECRET, TOKEN)
    assert find(world(environ)).load().expires == 1893456000


def test_a_program_that_fails_or_says_something_else_is_an_error_that_shows_nothing_of_it(tmp_path):
    assert "credential_process of the AWS profile default ended with 3" in str(trouble(program(tmp_path, TOKEN, 3)))
    assert "answered without credentials" in str(trouble(program(tmp_path, f"my secret is {SECRET}")))
    lost = files(tmp_path, config="[default]\ncredential_process = /no/such/program\n")
    assert "cannot be run: FileNotFoundError" in str(trouble(lost))


# ---------------------------------------------------------------- roles


def role_files(tmp_path, server, lines: str = "source_profile = base\n", **more: str) -> dict[str, str]:
    config = f"[profile task]\nrole_arn = {ROLE}\nregion = eu-west-1\n{lines}"
    credentials = "[base]\n" + PAIR.format("BASE")
    more = {"AWS_PROFILE": "task", "AWS_ENDPOINT_URL_STS": server.url, **more}
    return files(tmp_path, config=config, credentials=credentials, **more)


def test_a_role_over_another_profile_is_taken_on(tmp_path):
    lines = "source_profile = base\nexternal_id = ext\nrole_session_name = me\nduration_seconds = 900\n"
    with serving(sts_keys(ACTION, "ROLE")) as server:
        assert keys(role_files(tmp_path, server, lines)) == ("ROLE", SECRET, TOKEN)
    (asked,) = server.asked
    assert asked.form == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "me",
        "DurationSeconds": "900",
        "ExternalId": "ext",
    }
    assert "Credential=BASE/" in asked.headers["authorization"]
    assert "/eu-west-1/sts/aws4_request" in asked.headers["authorization"]


def test_a_role_may_stand_on_a_role(tmp_path):
    lines = f"source_profile = middle\n[profile middle]\nrole_arn = {ROLE}2\nsource_profile = base\n"
    with serving(sts_keys(ACTION, "MIDDLE"), sts_keys(ACTION, "TOP")) as server:
        assert keys(role_files(tmp_path, server, lines))[0] == "TOP"
    assert [asked.form["RoleArn"] for asked in server.asked] == [f"{ROLE}2", ROLE]
    assert "Credential=MIDDLE/" in server.asked[1].headers["authorization"]


def test_a_role_may_stand_on_the_keys_of_its_own_profile(tmp_path):
    with serving(sts_keys(ACTION, "ROLE")) as server:
        own = "source_profile = task\n" + PAIR.format("OWN")
        assert keys(role_files(tmp_path, server, own))[0] == "ROLE"
    assert "Credential=OWN/" in server.asked[0].headers["authorization"]


def test_a_role_may_stand_on_the_containers_credentials(tmp_path):
    def script(asked: Asked) -> Said:
        return role_keys("BOX") if asked.method == "GET" else sts_keys(ACTION, "ROLE")

    with serving(script) as server:
        lines = "credential_source = EcsContainer\n"
        environ = role_files(tmp_path, server, lines, AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url)
        assert keys(environ)[0] == "ROLE"
    assert "Credential=BOX/" in server.asked[1].headers["authorization"]
    assert server.asked[1].headers["x-amz-security-token"] == TOKEN


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "role_arn wants source_profile"),
        ("source_profile = empty\n[profile empty]\nregion = x\n", "empty has no credentials"),
        ("source_profile = b\n[profile b]\nrole_arn = x\nsource_profile = task\n", "task, b name each other"),
        ("source_profile = base\nmfa_serial = arn:x\n", "one-time code"),
        ("credential_source = EcsContainer\n", "cannot take on its role: container: neither"),
    ],
)
def test_a_role_that_stands_on_nothing_says_why(tmp_path, lines, words):
    with serving(Said(500)) as server:
        assert words in str(trouble(role_files(tmp_path, server, lines)))
        assert server.asked == []


def test_a_role_that_is_denied_says_so_in_the_words_of_sts(tmp_path):
    denied = Said(403, "<ErrorResponse>" + error(403, "AccessDenied").body.partition("?>")[2] + "</ErrorResponse>")
    with serving(denied) as server:
        said = trouble(role_files(tmp_path, server))
        assert f"STS for {ROLE} gave no credentials: AccessDenied: What AccessDenied says" in str(said)
        assert len(server.asked) == 1


def test_a_busy_sts_is_asked_again(tmp_path):
    busy = Said(400, "<E><Error><Code>Throttling</Code></Error></E>")
    with serving(Said(503), busy, sts_keys(ACTION, "ROLE")) as server:
        assert keys(role_files(tmp_path, server))[0] == "ROLE"


@pytest.mark.parametrize("body", ["<html>", "<a/>", "{}", ""])
def test_what_is_no_answer_of_sts_is_none(tmp_path, body):
    with serving(Said(200, body)) as server:
        assert "STS" in str(trouble(role_files(tmp_path, server)))


def web(tmp_path, server, token: str = "the.web.token\n", **more: str) -> dict[str, str]:
    (tmp_path / "token").write_text(token)
    more = {"AWS_ROLE_ARN": ROLE, "AWS_ENDPOINT_URL_STS": server.url, **more}
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), **more}


def test_a_web_identity_token_is_changed_for_a_role_unsigned(tmp_path):
    with serving(sts_keys(WITH_TOKEN, "WEB")) as server:
        assert keys(web(tmp_path, server, AWS_ROLE_SESSION_NAME="job-7")) == ("WEB", SECRET, TOKEN)
    form, headers = server.asked[0].form, server.asked[0].headers
    assert (form["Action"], form["WebIdentityToken"], form["RoleSessionName"]) == (WITH_TOKEN, "the.web.token", "job-7")
    assert "authorization" not in headers


def test_the_token_is_read_again_for_every_question(tmp_path):
    with serving(sts_keys(WITH_TOKEN, "WEB")) as server:
        source = find(world(web(tmp_path, server)))
        source.load()
        (tmp_path / "token").write_text("a.newer.token")
        source.load()
    assert [asked.form["WebIdentityToken"] for asked in server.asked] == ["the.web.token", "a.newer.token"]


def test_a_profile_may_name_a_web_identity_token(tmp_path):
    (tmp_path / "token").write_text("of.the.profile")
    with serving(sts_keys(WITH_TOKEN, "WEB")) as server:
        lines = f"web_identity_token_file = {tmp_path / 'token'}\n"
        assert keys(role_files(tmp_path, server, lines))[0] == "WEB"
    assert server.asked[0].form["WebIdentityToken"] == "of.the.profile"


def test_what_is_wrong_with_a_web_identity_is_named(tmp_path):
    with serving(Said(500)) as server:
        assert "AWS_ROLE_ARN is not" in str(trouble(web(tmp_path, server, AWS_ROLE_ARN="")))
        assert "is empty" in str(trouble(web(tmp_path, server, "")))
        assert "no single line" in str(trouble(web(tmp_path, server, "a\nb")))
        gone = {**web(tmp_path, server), "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "gone")}
        assert "gone: No such file" in str(trouble(gone))
        assert server.asked == []


# ---------------------------------------------------------------- containers


def full(server, **more: str) -> dict[str, str]:
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/v1/credentials?x=1", **more}


def test_a_container_asks_its_address_with_the_token_of_the_variable(tmp_path):
    with serving(role_keys("BOX")) as server:
        assert keys(full(server, AWS_CONTAINER_AUTHORIZATION_TOKEN="Basic abc")) == ("BOX", SECRET, TOKEN)
    assert (server.asked[0].target, server.asked[0].headers["authorization"]) == ("/v1/credentials?x=1", "Basic abc")


def test_pod_identity_reads_its_token_from_the_file_every_time(tmp_path):
    path = tmp_path / "token"
    path.write_text("one\n")
    with serving(role_keys("POD")) as server:
        environ = full(server, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(path), AWS_CONTAINER_AUTHORIZATION_TOKEN="no")
        source = find(world(environ))
        source.load()
        path.write_text("two")
        source.load()
    assert [asked.headers["authorization"] for asked in server.asked] == ["one", "two"]


@pytest.mark.parametrize(
    ("variable", "value", "address"),
    [
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1", "http://169.254.170.2/v2/credentials/1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/x", "http://169.254.170.23/v1/x"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2::23]/v1/x", "http://[fd00:ec2::23]/v1/x"),
    ],
)
def test_the_agents_of_aws_are_asked_at_their_addresses(variable, value, address):
    with serving(role_keys("AGENT")) as server:
        there = Connections(proxies=proxies({"HTTP_PROXY": server.url}))  # stands in for the agent
        assert find(world({variable: value}, nearby=there)).load().access == "AGENT"
    assert server.asked[0].target == address


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://10.0.0.1/",
        "http://evil.example/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://169.254.170.2.evil.example/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
def test_a_plain_address_of_anybody_else_is_sent_no_token(url):
    said = trouble({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN})
    assert "over plain http that may only be this machine or an agent of AWS" in str(said)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]/", "http://localhost:1/"])
def test_this_machine_may_be_asked_in_plain(url):
    assert not isinstance(container(world({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})), str)


def test_any_host_may_be_asked_encrypted():
    assert not isinstance(container(world({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://vault.example/x"})), str)


def test_an_address_with_a_name_in_it_is_none():
    with pytest.raises(ConfigurationError, match="AWS_CONTAINER_CREDENTIALS_FULL_URI is not an address"):
        container(world({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1@evil.example/"}))


def test_a_relative_address_that_is_none_is_refused():
    said = trouble({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "@evil.example/"})
    assert "does not begin with /" in str(said)


def test_a_redirect_of_a_container_is_not_followed():
    with serving(Said(302, headers={"Location": "http://evil.example/"})) as server:
        assert "gave no credentials: status 302" in str(trouble(full(server)))


def test_a_container_that_is_busy_is_asked_again_and_one_that_refuses_is_not():
    with serving(Said(500), Said(200, b"x", cut=0), role_keys("BOX")) as server:
        assert keys(full(server))[0] == "BOX"
    with serving(Said(403, json.dumps({"code": "AccessDenied", "message": "no role", "secret": SECRET}))) as server:
        assert "AccessDenied: no role" in str(trouble(full(server)))
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body", ["", "plain", "[]", "{}", '{"AccessKeyId": "A"}', '{"Code": "AssumeRoleUnauthorized"}']
)
def test_an_answer_without_credentials_is_an_error(body):
    with serving(Said(200, body)) as server:
        assert "answered without credentials" in str(trouble(full(server)))


# ---------------------------------------------------------------- EC2


class Metadata:
    """The metadata service of an instance, version 2 only."""

    def __init__(self, role: str = "task-role", said: Said | None = None) -> None:
        self.role = role
        self.said = said or role_keys("INSTANCE")

    def __call__(self, asked: Asked) -> Said:
        if asked.method == "PUT" and asked.path == "/latest/api/token":
            assert asked.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
            return Said(200, "session")
        if asked.headers.get("x-aws-ec2-metadata-token") != "session":
            return Said(401)
        if asked.path == "/latest/meta-data/iam/security-credentials/":
            return Said(200, self.role) if self.role else Said(404)
        return self.said if asked.path.endswith(f"/{self.role}") else Said(404)


def on_ec2(server) -> dict[str, str]:
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url, "AWS_EC2_METADATA_DISABLED": ""}


def test_an_instance_is_asked_with_a_session_first():
    with serving(Metadata()) as server:
        assert keys(on_ec2(server)) == ("INSTANCE", SECRET, TOKEN)
    assert {asked.method for asked in server.asked[:1]} == {"PUT"}


def test_a_metadata_service_without_version_2_is_not_asked_in_the_old_way():
    def old(asked: Asked) -> Said:
        return Said(404) if asked.method == "PUT" else Said(200, "role")

    with serving(old) as server:
        assert "EC2 metadata" in str(trouble(on_ec2(server)))
    assert {asked.method for asked in server.asked} == {"PUT"}


def test_an_instance_without_a_role_says_so():
    with serving(Metadata(role="")) as server:
        assert "no AWS credentials were found" in str(trouble(on_ec2(server)))


def test_a_page_of_somebody_else_is_no_metadata():
    with serving(Said(200, "<html>Welcome to the hotel's network</html>")) as server:
        assert "did not answer as such a service does" in str(trouble(on_ec2(server)))


@pytest.mark.parametrize("said", [Said(200, '{"Code": "AssumeRoleUnauthorizedAccess"}'), Said(200, "{}")])
def test_an_instance_whose_role_cannot_be_had_is_an_error(said):
    with serving(Metadata(said=said)) as server:
        assert "EC2 metadata answered without credentials" in str(trouble(on_ec2(server)))


def test_the_newer_address_is_asked_where_it_is_meant():
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6", "AWS_EC2_METADATA_DISABLED": "false"}
    with serving(Metadata()) as server:
        there = Connections(proxies=proxies({"HTTP_PROXY": server.url}))
        assert find(world(environ, nearby=there)).load().access == "INSTANCE"
    assert server.asked[0].target == "http://[fd00:ec2::254]/latest/api/token"


# ---------------------------------------------------------------- the order


def everything(tmp_path, server) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "VARIABLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        **web(tmp_path, server),
        **files(tmp_path, credentials="[default]\n" + PAIR.format("PROFILE")),
        **full(server),
        **on_ec2(server),
    }


def test_the_first_place_that_has_credentials_is_the_place(tmp_path):
    def script(asked: Asked) -> Said:
        if asked.method == "POST":
            return sts_keys(WITH_TOKEN, "WEB")
        return role_keys("BOX") if asked.path == "/v1/credentials" else Metadata()(asked)

    order = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE"]
    order += ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    with serving(script) as server:
        environ = everything(tmp_path, server)
        named = {**environ, "AWS_PROFILE": "default", "AWS_ACCESS_KEY_ID": ""}
        assert keys(named)[0] == "PROFILE"
        came = [keys(environ)[0]]
        for name in order:
            del environ[name]
            came.append(keys(environ)[0])
    assert came == ["VARIABLE", "WEB", "PROFILE", "BOX", "INSTANCE"]


def test_a_place_that_fails_is_not_left_for_another(tmp_path):
    with serving(Said(500)) as server:
        environ = {**everything(tmp_path, server), "AWS_ACCESS_KEY_ID": ""}
        assert "STS for" in str(trouble(environ))


def test_nothing_anywhere_says_of_every_place_why(tmp_path):
    said = trouble(files(tmp_path))
    for word in ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "credentials"), "EC2 metadata"):
        assert word in str(said)
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in str(said)
    assert "give the task a role" in said.hint


# ---------------------------------------------------------------- nothing shows or keeps them


def test_credentials_show_nothing_and_do_not_travel():
    one = Credentials("AKIDX", SECRET, TOKEN)
    assert repr(one) == str(one) == "Credentials(...)"
    for travel in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="do not leave the process"):
            travel(one)


def test_a_source_and_its_world_show_no_credential(tmp_path):
    environ = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
    here: World = world(environ)
    shown = repr(here) + repr(find(here))
    assert SECRET not in shown and TOKEN not in shown


def test_the_time_that_keys_are_good_for_is_read(tmp_path):
    with serving(role_keys("BOX", ends=1000)) as server:
        ends = find(world(full(server))).load().expires
    assert ends is not None and abs(ends - moment_of(in_seconds(1000))) < 60
