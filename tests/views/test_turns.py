"""Pages are put together one after the other, in the order in which they were asked for."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from checkpoints.views.turns import Turns, by_turns

PATIENCE = 10


class Queue:
    """Threads that take a turn each and hold it until they are told to go on."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.began: list[int] = []
        self.together = 0
        self.most = 0

    def work(self, number: int, came: threading.Event, go_on: threading.Event) -> None:
        came.set()
        with self.turns.turn():
            self.together += 1
            self.most = max(self.most, self.together)
            self.began.append(number)
            assert go_on.wait(PATIENCE)
            self.together -= 1


def test_threads_come_in_one_at_a_time_in_the_order_in_which_they_came():
    queue, go_on = Queue(), threading.Event()
    threads = []
    for number in range(8):
        came = threading.Event()
        threads.append(threading.Thread(target=queue.work, args=(number, came, go_on)))
        threads[-1].start()
        assert came.wait(PATIENCE)
        while number and len(queue.turns._waiting) < number:
            pass  # until it stands in the queue
    go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert queue.began == list(range(8))
    assert queue.most == 1


def test_a_view_that_fails_hands_its_turn_on():
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    with turns.turn():
        pass


def test_a_view_answers_as_it_would_without():
    view = by_turns(lambda _request, number: HttpResponse(f"{number}"))
    assert view(RequestFactory().get("/"), number=5).content == b"5"


def test_with_a_database_server_nobody_waits_for_a_turn(settings: Any):
    settings.EMBEDDED = False
    inner = by_turns(lambda _request: HttpResponse("inner"))
    outer = by_turns(inner)
    assert outer(RequestFactory().get("/")).content == b"inner"
