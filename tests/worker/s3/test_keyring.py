"""Credentials are kept fresh, by one thread for all, and asked for no more often than need be."""

from __future__ import annotations

import threading
import time

import pytest

from yamlflow.worker.s3.credentials.keyring import EARLY, LATE, Keyring
from yamlflow.worker.s3.credentials.values import Credentials, Source
from yamlflow.worker.s3.errors import CredentialsError, WireError
from yamlflow.worker.s3.wire.clock import Clock


class Issuer:
    """A source that gives keys A, B, C, … that are good for so many seconds, or fails where it is told None."""

    def __init__(self, *seconds: float | None) -> None:
        self.seconds = list(seconds)
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()
        self.searches = 0

    def find(self) -> Source:
        self.searches += 1
        return Source("an issuer", self.load, "ask the issuer")

    def load(self) -> Credentials:
        self.asked += 1
        self.gate.wait(30)
        good_for = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        if good_for is None:
            raise WireError("the issuer is away")
        return Credentials("ABCDEFGH"[self.asked - 1], "secret", expires=time.time() + good_for)


def ring(issuer: Issuer) -> Keyring:
    return Keyring(issuer.find, Clock())


def test_good_credentials_are_asked_for_once():
    issuer = Issuer(3600)
    one = ring(issuer)
    assert [one.current().access for _ in range(100)] == ["A"] * 100
    assert (issuer.asked, issuer.searches) == (1, 1)


def test_what_never_ends_is_never_asked_for_again():
    asked = []

    def load() -> Credentials:
        asked.append(1)
        return Credentials("A", "secret")

    one = Keyring(lambda: Source("a file", load), Clock())
    assert {one.current().access for _ in range(10)} == {"A"}
    assert asked == [1]


@pytest.mark.parametrize("left", [LATE - 1, EARLY - 1])
def test_before_their_end_others_are_asked_for(left):
    issuer = Issuer(left, 3600)
    one = ring(issuer)
    one.current()
    one._quiet_until = 0  # some time later
    assert [one.current().access for _ in range(3)] == ["B"] * 3
    assert issuer.searches == 1


def test_others_go_on_with_good_ones_while_one_thread_asks():
    issuer = Issuer(EARLY - 1, 3600)
    one = ring(issuer)
    one.current()
    one._quiet_until = 0
    issuer.gate.clear()
    asking = threading.Thread(target=one.current)
    asking.start()
    while issuer.asked < 2:
        time.sleep(0.001)
    assert one.current().access == "A"
    issuer.gate.set()
    asking.join()
    assert one.current().access == "B"
    assert issuer.asked == 2


def test_many_threads_that_have_none_ask_once():
    issuer = Issuer(3600)
    one = ring(issuer)
    issuer.gate.clear()
    came = []
    threads = [threading.Thread(target=lambda: came.append(one.current().access)) for _ in range(8)]
    for thread in threads:
        thread.start()
    issuer.gate.set()
    for thread in threads:
        thread.join()
    assert (came, issuer.asked) == (["A"] * 8, 1)


def test_a_source_that_fails_early_is_forgiven_and_left_in_peace_for_a_while():
    issuer = Issuer(EARLY - 1, None)
    one = ring(issuer)
    one.current()
    one._quiet_until = 0
    assert [one.current().access for _ in range(10)] == ["A"] * 10
    assert issuer.asked == 2


def test_a_source_that_fails_in_the_last_minute_is_forgiven_while_they_are_good():
    issuer = Issuer(LATE - 1, None)
    one = ring(issuer)
    one.current()
    one._quiet_until = 0
    assert one.current().access == "A"


def test_a_source_that_fails_when_they_are_over_is_an_error_with_its_name():
    one = ring(Issuer(-1, None))
    one.current()
    with pytest.raises(CredentialsError, match="an issuer: the issuer is away") as caught:
        one.current()
    assert caught.value.hint == "ask the issuer"


def test_a_source_that_gives_short_lived_ones_only_is_not_asked_at_every_turn():
    issuer = Issuer(LATE - 30)
    one = ring(issuer)
    assert len({one.current().access for _ in range(50)}) == 1
    assert issuer.asked == 1


def test_refused_ones_are_changed_once_for_all_threads():
    issuer = Issuer(3600)
    one = ring(issuer)
    refused = one.current()
    assert [one.renew(refused).access for _ in range(5)] == ["B"] * 5
    assert issuer.asked == 2


def test_refused_ones_that_come_again_are_an_error():
    one = Keyring(lambda: Source("a file", lambda: Credentials("A", "secret"), "write new ones"), Clock())
    refused = one.current()
    with pytest.raises(CredentialsError, match="the credentials from a file have expired") as caught:
        one.renew(refused)
    assert caught.value.hint == "write new ones"


def test_a_clock_that_was_set_by_a_server_counts_for_the_end_too():
    issuer = Issuer(3600, 7200 + 3600)
    clock = Clock()
    one = Keyring(issuer.find, clock)
    one.current()
    one._quiet_until = 0
    clock.learn("Sat, 01 Jan 2050 00:00:00 GMT")
    assert one.current().access == "B"
    clock.learn("no date")
    clock.learn("")
