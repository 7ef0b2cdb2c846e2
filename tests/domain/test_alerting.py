"""Where an alert stands after each sample: tables of samples, and what people are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain import alerting
from checkpoints.domain.alerting import Event, Standing, State
from checkpoints.domain.messages import Refusal

START = datetime(2026, 11, 20, tzinfo=UTC)
YES, NO, NOT_KNOWN = True, False, None
SAMPLES = {"y": YES, "n": NO, "?": NOT_KNOWN}


def at(minute):
    return START + timedelta(minutes=minute)


def run(samples, *, wanted=3, begin=None, first=1):
    """Take one sample a minute; returns the last standing and (minute, event) of all that was told."""
    standing, told = begin or Standing(), []
    for minute, word in enumerate(samples, first):
        standing, event = alerting.step(
            standing, holds=SAMPLES[word], sampled_at=at(minute), samples=wanted, now=at(minute)
        )
        if event:
            told.append((minute, event.value))
    return standing, told


@pytest.mark.parametrize(
    ("samples", "state", "told"),
    [
        ("n", "resolved", []),
        ("?", "resolved", []),
        ("y", "pending", []),
        ("yy", "pending", []),
        ("yyy", "firing", [(3, "fired")]),
        ("yyyyyy", "firing", [(3, "fired")]),
        ("yyn", "resolved", []),
        ("yynyy", "pending", []),
        ("y?y?y", "firing", [(5, "fired")]),
        ("???", "resolved", []),
        ("yyyn", "firing", [(3, "fired")]),
        ("yyynn", "firing", [(3, "fired")]),
        ("yyynnn", "resolved", [(3, "fired"), (6, "resolved")]),
        ("yyynnynn", "firing", [(3, "fired")]),
        ("yyynn?n", "resolved", [(3, "fired"), (7, "resolved")]),
        ("yyy????????", "firing", [(3, "fired")]),
        ("yyynnnnnn", "resolved", [(3, "fired"), (6, "resolved")]),
        ("yyynnnyy", "pending", [(3, "fired"), (6, "resolved")]),
        ("yyynnnyyy", "firing", [(3, "fired"), (6, "resolved"), (9, "fired")]),
    ],
)
def test_three_samples_in_a_row_fire_and_three_resolve(samples, state, told):
    standing, events = run(samples)
    assert (standing.state.value, events) == (state, told)


def test_what_goes_back_and_forth_neither_fires_nor_resolves():
    assert run("yn" * 60) == (Standing(sampled_at=at(120)), [])
    standing, told = run("yyy" + "ny" * 60)
    assert (standing.state, told) == (State.FIRING, [(3, "fired")])


def test_one_sample_is_enough_where_the_rule_says_so():
    assert run("yn", wanted=1)[1] == [(1, "fired"), (2, "resolved")]


def test_the_same_reading_never_counts_twice():
    standing = Standing()
    for _ in range(5):
        standing, event = alerting.step(standing, holds=True, sampled_at=at(1), samples=3, now=at(9))
        assert event is None
    assert (standing.state, standing.streak) == (State.PENDING, 1)
    older, _ = alerting.step(standing, holds=True, sampled_at=at(0), samples=3, now=at(9))
    assert older == standing


def test_since_is_the_first_of_the_samples_that_fired():
    assert run("nyyy")[0].since == at(2)
    assert run("yynyyy")[0].since == at(4)
    assert run("yyyn")[0].since == at(1)


def test_an_acknowledged_alert_is_told_of_again_only_when_it_is_resolved():
    standing = alerting.acknowledge(run("yyy")[0])
    assert standing.state is State.ACKNOWLEDGED
    standing, told = run("yyynnn", begin=standing, first=10)
    assert (standing.state, standing.acknowledged, told) == (State.RESOLVED, False, [(15, "resolved")])


def test_a_silence_that_begins_while_pending_keeps_quiet_and_is_told_when_it_ends():
    standing = alerting.silence(run("yy")[0], at(20))
    assert standing.state is State.PENDING
    standing, told = run("yyy", begin=standing, first=10)
    assert (standing.state, told) == (State.SILENCED, [])
    standing, told = run("yyyy", begin=standing, first=19)
    assert (standing.state, told) == (State.FIRING, [(20, "fired")])


def test_a_silence_of_what_fires_is_told_again_once_when_it_ends():
    standing = alerting.silence(run("yyy")[0], at(20))
    standing, told = run("y" * 20, begin=standing, first=10)
    assert (standing.state, told) == (State.FIRING, [(20, "fired")])


def test_after_a_silence_nothing_is_told_before_a_sample_that_holds():
    standing = alerting.silence(run("yyy")[0], at(20))
    standing, told = run("??n?", begin=standing, first=21)
    assert (standing.state, told) == (State.FIRING, [])
    assert run("y", begin=standing, first=30)[1] == [(30, "fired")]


def test_what_was_told_and_then_silenced_is_told_when_it_is_resolved():
    standing = alerting.silence(run("yyy")[0], at(60))
    standing, told = run("nnn", begin=standing, first=10)
    assert (standing.state, told) == (State.RESOLVED, [(12, "resolved")])


def test_what_was_never_told_is_not_told_to_be_resolved():
    standing = alerting.silence(run("yy")[0], at(60))
    assert run("ynnn", begin=standing, first=10)[1] == []


def test_a_silence_lasts_while_an_alert_comes_and_goes():
    standing = alerting.silence(run("yyy")[0], at(60))
    standing, _ = run("nnn", begin=standing, first=10)
    standing, told = run("yyy", begin=standing, first=20)
    assert (standing.state, told) == (State.SILENCED, [])


def test_the_end_of_a_silence_brings_the_acknowledgement_back_and_tells_nothing():
    standing = alerting.silence(alerting.acknowledge(run("yyy")[0]), at(20))
    assert standing.state is State.SILENCED
    standing, told = run("yyy", begin=standing, first=21)
    assert (standing.state, told) == (State.ACKNOWLEDGED, [])


def test_a_silence_is_ended_by_hand():
    standing = alerting.silence(run("yyy")[0], at(60))
    standing = alerting.unsilence(standing)
    assert (standing.state, standing.silenced_until) == (State.FIRING, None)
    assert run("y", begin=standing, first=10)[1] == []


def test_a_silence_ended_by_hand_tells_of_what_was_never_told():
    standing = alerting.silence(run("yy")[0], at(60))
    standing, _ = run("y", begin=standing, first=10)
    assert run("y", begin=alerting.unsilence(standing), first=11)[1] == [(11, "fired")]


@pytest.mark.parametrize("samples", ["n", "y"])
def test_only_what_fires_is_acknowledged(samples):
    with pytest.raises(Refusal):
        alerting.acknowledge(run(samples)[0])


def test_what_is_resolved_is_not_silenced():
    with pytest.raises(Refusal):
        alerting.silence(run("n")[0], at(9))


@pytest.mark.parametrize(("samples", "event"), [("y", None), ("yyy", Event.RESOLVED)])
def test_when_nobody_looks_any_more_it_is_resolved_and_told_if_its_beginning_was(samples, event):
    standing, told = alerting.end(run(samples)[0])
    assert (standing.state, standing.told_at, told) == (State.RESOLVED, None, event)
