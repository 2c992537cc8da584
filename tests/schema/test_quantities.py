"""Durations, sizes, percentages, names and secret references as they are written."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yamlflow.schema.model import quantities
from yamlflow.schema.model.cron import cron
from yamlflow.schema.model.quantities import Refused


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("1d2h3m4s5ms", 93784.005),
        ("0s", 0),
    ],
)
def test_a_duration_is_seconds(text, seconds):
    assert quantities.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "1m2h", "5 m", "-5s", "1h 30m", "1w", "5min", "1e3s", "1h1h", "5m\n"])
def test_other_text_is_no_duration(text):
    with pytest.raises(Refused, match="not a duration"):
        quantities.duration(text)


def test_a_bare_number_is_asked_for_its_unit():
    with pytest.raises(Refused) as refused:
        quantities.duration("90")
    assert refused.value.hint == "say the unit: `90s`, `90m` or `90h`"


@given(st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_a_duration_is_the_sum_of_its_parts(hours, minutes, seconds):
    assert quantities.duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2Gi", 2 * 1024**3),
        ("512Mi", 512 * 1024**2),
        ("1G", 10**9),
        ("1.5GiB", int(1.5 * 1024**3)),
        ("2000k", 2_000_000),
        ("1TB", 10**12),
    ],
)
def test_a_size_is_bytes(text, count):
    assert quantities.size(text) == count


@pytest.mark.parametrize(
    ("text", "hint"), [("16gb", "`16Gi`"), ("2g", "`2Gi`"), ("512mi", "`512Mi`"), ("64", "`64Gi`"), ("big", "`512Mi`")]
)
def test_a_wrong_size_is_answered_with_a_right_one(text, hint):
    with pytest.raises(Refused) as refused:
        quantities.size(text)
    assert hint in (refused.value.hint or "")


def test_a_size_that_nobody_can_mean_is_refused():
    with pytest.raises(Refused, match="only 16 bytes"):
        quantities.size_in_range(16, "16")
    with pytest.raises(Refused, match="more than any machine"):
        quantities.size("99999999Pi")


@pytest.mark.parametrize(("text", "share"), [("90%", 0.9), ("100%", 1.0), ("0%", 0.0), ("12.5%", 0.125)])
def test_a_percentage_is_a_share(text, share):
    assert quantities.percent(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["101%", "90", "-1%", "90 %", "%"])
def test_other_text_is_no_percentage(text):
    with pytest.raises(Refused):
        quantities.percent(text)


@pytest.mark.parametrize("text", ["fit", "a", "fit_2", "a" * 40, "match", "steps"])
def test_an_id_is_lower_case_words(text):
    assert quantities.identifier(text) == text


@pytest.mark.parametrize(
    "text", ["", "Fit", "fit-model", "2fit", "_fit", "a" * 41, "if", "lambda", "true", "null", "fit\n", "f\u0131t"]
)
def test_other_text_is_no_id(text):
    with pytest.raises(Refused):
        quantities.identifier(text)


@pytest.mark.parametrize(
    ("text", "better"), [("fit-model", "fit_model"), ("TrainAll", "train_all"), ("Ware House", "ware_house")]
)
def test_a_wrong_id_is_answered_with_a_right_one(text, better):
    with pytest.raises(Refused) as refused:
        quantities.identifier(text)
    assert f"`{better}`" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "text",
    ["aws-sm:prod/db#url", "aws-sm:prod/db", "aws-ssm:/prod/db", "k8s:db/url", "file:/run/secrets/db", "env:DB_URL"],
)
def test_a_reference_to_a_secret_is_taken(text):
    assert quantities.secret(text) == text


@pytest.mark.parametrize("text", ["hunter2", "aws-sm:", "k8s:db", "file:", "env:1X", "vault:x", "https://x"])
def test_a_secret_itself_is_refused_and_not_repeated(text):
    with pytest.raises(Refused) as refused:
        quantities.secret(text)
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["0 3 * * *", "*/15 0-6,12 1 jan-mar mon-fri", "0 0 29 2 *", "0 0 31 feb mon", "5/10 * * * 7", "0\t3 *  * *"],
)
def test_a_cron_line_of_five_fields_is_taken(text):
    assert cron(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("60 * * * *", "minute `60` is not between 0 and 59"),
        ("0 24 * * *", "hour `24` is not between 0 and 23"),
        ("0 0 0 * *", "day of the month `0`"),
        ("0 0 * 13 *", "month `13`"),
        ("0 0 * * 8", "day of the week `8`"),
        ("0 0 * * monday", "`monday` is no day of the week"),
        ("5-1 * * * *", "runs backwards"),
        ("*/0 * * * *", "no minute"),
        ("* * * *", "this one has 4"),
        ("0 0 3 * * *", "this one has 6"),
        ("@daily", "five fields"),
        ("0 0 30 2 *", "no day 30"),
        ("L * * * *", "no minute"),
        (", * * * *", "no minute"),
    ],
)
def test_a_wrong_cron_line_is_told_what_is_wrong(text, said):
    with pytest.raises(Refused) as refused:
        cron(text)
    assert said in str(refused.value)


@given(st.text(max_size=20))
def test_any_text_is_taken_or_refused(text):
    readers = (
        quantities.duration,
        quantities.size,
        quantities.percent,
        quantities.factor,
        quantities.identifier,
        quantities.secret,
        cron,
    )
    for read in readers:
        with suppress(Refused):
            read(text)
