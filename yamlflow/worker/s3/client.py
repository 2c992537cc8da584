"""One request after another to one bucket, each until it is answered: signed, tried again, sent to the right region.

Every request here may be sent twice without harm, but its second answer may then be
about its first try: who writes under a condition is told (`doubtful`). Must never send
anything, above all a session token, to a host that a redirect named: a redirect
gives a region, and the address is made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TypeVar

from yamlflow.core.dataclass import dataclass
from yamlflow.worker.s3.address import REGION, Place
from yamlflow.worker.s3.credentials.keyring import Keyring
from yamlflow.worker.s3.credentials.values import Credentials
from yamlflow.worker.s3.errors import Refusal, S3Error, UnreachableError, WireError
from yamlflow.worker.s3.refusals import RefusedError, Subject, error_for, refusal_of
from yamlflow.worker.s3.retries import Meaning, Patience, Waiting, meaning
from yamlflow.worker.s3.signing import Signer
from yamlflow.worker.s3.wire.bodies import EMPTY, Body
from yamlflow.worker.s3.wire.clock import Clock
from yamlflow.worker.s3.wire.connections import Connections, Reply
from yamlflow.worker.s3.wire.messages import Request

T = TypeVar("T")
TIMES = 3
"""How often a request is sent again for one and the same reason, other than a service that is busy or away."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of the bucket."""

    method: str
    key: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = EMPTY


@dataclass(frozen=True, slots=True)
class _Sender:
    """Where one try goes, and in whose name: by its answer, other threads may have changed both."""

    place: Place
    credentials: Credentials


class _Course:
    """What has happened to one request so far."""

    def __init__(self, patience: Patience) -> None:
        self.waiting = Waiting(patience)
        self.doubtful = False
        self.counts = dict.fromkeys(Meaning, 0)
        self.last: Call | None = None

    def may(self, reason: Meaning) -> bool:
        self.counts[reason] += 1
        return self.counts[reason] <= TIMES

    def begin(self, call: Call) -> Call:
        """Another call than before: the last one got something done."""
        if self.last is not None and call != self.last:
            self.waiting.start_again()
        self.last = call
        return call


class Client:
    """Safe for any number of threads."""

    def __init__(
        self, place: Place, keyring: Keyring, connections: Connections, clock: Clock, patience: Patience
    ) -> None:
        self._place = place
        self._keyring = keyring
        self._connections = connections
        self._clock = clock
        self._patience = patience
        self._reached = False

    @property
    def bucket(self) -> str:
        return self._place.bucket

    def perform(self, make: Callable[[], Call], read: Callable[[Reply], T], patience: Patience | None = None) -> T:
        """What `read` makes of a good answer. `make` is asked before every try: it may go on where the last ended."""
        course = _Course(patience or self._patience)
        while True:
            call = course.begin(make())
            sender = _Sender(self._place, self._keyring.current())
            try:
                return self._once(call, sender, read)
            except WireError as error:
                course.doubtful = True
                if not (error.stale and course.may(Meaning.LATER)):
                    self._wait(course, call, str(error))
            except RefusedError as error:
                self._consider(error, call, course, sender)

    def _once(self, call: Call, sender: _Sender, read: Callable[[Reply], T]) -> T:
        with self._connections.send(self._signed(call, sender)) as reply:
            self._reached = True
            if 200 <= reply.status < 300:
                return read(reply)
            refused = refusal_of(reply)
        if call.method == "HEAD" and refused.refusal.status in {400, 403} and not refused.refusal.region:
            refused = self._why(call, sender) or refused
        raise refused

    def _why(self, call: Call, sender: _Sender) -> RefusedError | None:
        """An answer to HEAD has no words: ask for one byte, for the words of that refusal."""
        words = replace(call, method="GET", headers={**call.headers, "range": "bytes=0-0"})
        with self._connections.send(self._signed(words, sender)) as reply:
            return refusal_of(reply) if reply.status in {400, 401, 403} else None

    def _signed(self, call: Call, sender: _Sender) -> Request:
        url = sender.place.url(call.key, call.query)
        payload = call.body.digest().hex()
        signer = Signer(sender.place.region)
        headers = signer.signed(call.method, url, call.headers, payload, sender.credentials, self._clock.now())
        return Request(call.method, url, headers, call.body)

    def _consider(self, error: RefusedError, call: Call, course: _Course, sender: _Sender) -> None:
        """Make ready for another try, or raise what is final."""
        refusal = error.refusal
        reason = meaning(refusal)
        match reason:
            case Meaning.LATER:
                course.doubtful = course.doubtful or refusal.status >= 500
                self._wait(course, call, str(refusal), refusal)
                return
            case Meaning.EXPIRED if course.may(reason):
                self._keyring.renew(sender.credentials)
                return
            case Meaning.SKEWED if error.date and course.may(reason):
                self._clock.learn(error.date)
                return
            case Meaning.ELSEWHERE if course.may(reason) and self._moved(sender.place, refusal.region):
                return
            case Meaning.SPOILT if course.may(reason):
                return
        raise self._final(refusal, call, doubtful=course.doubtful)

    def _moved(self, place: Place, region: str) -> bool:
        """Go to this region from now on; False when that is where it was sent to, or no region at all."""
        if not REGION.match(region) or region == place.region:
            return False
        self._place = replace(place, region=region)
        return True

    def _wait(self, course: _Course, call: Call, why: str, refusal: Refusal | None = None) -> None:
        if course.waiting.pause(reached=self._reached, asked=refusal.after if refusal else 0.0):
            return
        subject = self._subject(call)
        origin = self._place.url().origin
        raise UnreachableError(
            f"{subject}: {origin} did not answer as it should for {course.waiting.lasted():.0f} s: {why}",
            hint="try again later"
            if self._reached
            else "check the network, AWS_ENDPOINT_URL_S3, AWS_REGION, HTTPS_PROXY and NO_PROXY",
            bucket=subject.bucket,
            key=subject.key,
            **({"refusal": refusal} if refusal else {}),
        )

    def _final(self, refusal: Refusal, call: Call, *, doubtful: bool) -> S3Error:
        error = error_for(refusal, self._subject(call), self._keyring.origin)
        error.doubtful = doubtful
        return error

    def _subject(self, call: Call) -> Subject:
        return Subject(call.method, self._place.bucket, call.key)
