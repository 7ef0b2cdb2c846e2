"""People who keep the pages open: several on one group at the same moment, and several at one alert."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import requests

PASSWORD = "correct horse battery staple"
OPEN_ALERT = re.compile(r'href="/alerts/(\d+)/"')
HTMX = {"HX-Request": "true"}
PATIENCE = 60
DONE, REFUSED = 303, 422
PAIRS = (
    ("acknowledge", "acknowledge"),
    ("acknowledge", "silence"),
    ("silence", "silence"),
    ("unsilence", "unsilence"),
    ("unsilence", "unsilence"),
)
ACTS = {
    "acknowledge": ("alert.acknowledged", {}),
    "silence": ("alert.silenced", {"reason": "looked at", "seconds": "1800"}),
    "unsilence": ("alert.unsilenced", {}),
}


@dataclass
class Seen:
    """What the people met."""

    pages: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)  # an answer nobody should get
    lost: list[tuple[float, str]] = field(default_factory=list)  # no answer: when, and which page
    accepted: Counter[tuple[int, str]] = field(default_factory=Counter)  # alert and action
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, path: str, status: int, expected: tuple[int, ...]) -> None:
        """Count an answer."""
        with self._lock:
            self.pages[re.sub(r"\d+", "N", path)] += 1
            if status not in expected:
                self.odd.append(f"{path} answered {status}")

    def accept(self, alert: int, action: str) -> None:
        """Count something that was done."""
        with self._lock:
            self.accepted[alert, action] += 1


class Person:
    """Somebody who is signed in; each request makes a connection of its own, so any process may answer."""

    def __init__(self, base: str, name: str, seen: Seen) -> None:
        self.base, self.name, self.seen = base, name, seen
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Connection"] = "close"

    def sign_in(self) -> None:
        """Sign in on the page for it."""
        self.session.get(f"{self.base}/login/", timeout=PATIENCE)
        answer = self.post("/login/", username=self.name, password=PASSWORD)
        assert answer == 302, f"{self.name} cannot sign in: {answer}"

    def get(self, path: str, *, fragment: bool = False) -> str:
        """Look at a page, or at its fragment as htmx asks for it; returns it."""
        try:
            answer = self.session.get(self.base + path, headers=HTMX if fragment else {}, timeout=PATIENCE)
        except requests.RequestException:
            self.seen.lost.append((time.time(), path))
            return ""
        self.seen.page(path, answer.status_code, (200,))
        return answer.text

    def post(self, path: str, **fields: str) -> int:
        """Send a form; returns the status, 0 when there was no answer."""
        headers = {"X-CSRFToken": self.session.cookies["csrftoken"]}
        try:
            answer = self.session.post(
                self.base + path, fields, headers=headers, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException:
            self.seen.lost.append((time.time(), path))
            return 0
        self.seen.page(path, answer.status_code, (302, DONE, REFUSED))
        return answer.status_code

    def act(self, alert: int, what: str) -> None:
        """Do something about an alert."""
        action, fields = ACTS[what]
        if self.post(f"/alerts/{alert}/{what}/", **fields) == DONE:
            self.seen.accept(alert, action)


def together(people: Sequence[Person], *acts: Callable[[Person], object]) -> None:
    """Let each person do one of the acts, all of them at the same moment."""
    start = threading.Barrier(len(acts))

    def run(person: Person, act: Callable[[Person], object]) -> None:
        start.wait(PATIENCE)
        act(person)

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, *pair) for pair in zip(people, acts, strict=True)]:
            done.result()


def watch(watchers: Sequence[Person], groups: Sequence[int], turn: int, _dice: Random) -> None:
    """Look at one group: all at the same moment, each with the fragment that reads anew."""
    path = f"/groups/{groups[turn % len(groups)]}/?fresh=1"
    together(watchers, *[lambda person: person.get(path, fragment=True)] * len(watchers))


def browse(readers: Sequence[Person], groups: Sequence[int], turn: int, _dice: Random) -> None:
    """Look at the other pages, each person at another one."""
    group = groups[turn % len(groups)]
    pages = ["/", f"/groups/{group}/", f"/groups/{group}/history/", "/alerts/"]
    own = [pages[(turn + number) % len(pages)] for number in range(len(readers))]
    together(readers, *[lambda person, page=page: person.get(page) for page in own])


def handle(operators: Sequence[Person], _groups: Sequence[int], _turn: int, dice: Random) -> None:
    """Do something about one open alert, two people at the same moment."""
    found = OPEN_ALERT.findall(operators[0].get("/alerts/"))
    if found:
        alert, pair = int(dice.choice(found[:6])), dice.choice(PAIRS)
        together(operators, *[lambda person, what=what: person.act(alert, what) for what in pair])


SCENES = ((watch, "watcher"), (browse, "reader"), (handle, "operator"))


@contextmanager
def around(base: str, names: Sequence[str], groups: Sequence[int], pause: float) -> Iterator[Seen]:
    """Have these people around until the block ends; a name begins with what its owner does."""
    seen, ended = Seen(), threading.Event()
    people = [Person(base, name, seen) for name in names]
    for person in people:
        person.sign_in()

    def live(scene: Callable[..., None], kind: str) -> None:
        own = [person for person in people if person.name.startswith(kind)]
        dice, turn = Random(kind), 0
        while not ended.wait(pause):
            try:
                scene(own, groups, turn, dice)
            except Exception as error:  # noqa: BLE001 - told at the end
                seen.odd.append(f"{kind}: {error!r}")
            turn += 1

    threads = [threading.Thread(target=live, args=scene) for scene in SCENES]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join(PATIENCE)
