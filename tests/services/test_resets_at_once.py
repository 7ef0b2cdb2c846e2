"""Many confirmations of one plan at the same time, on a database that threads share."""

from __future__ import annotations

import threading

from django.db import connection

from checkpoints.models import ConsumerGroup, Reset, ShardReset
from checkpoints.services import discovery, resets
from checkpoints.services.audit import Actor
from tests.conftest import make_user, store_endpoint
from tests.services import resetting as the


def test_eight_confirmations_at_once_write_once(real_db, emu, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    discovery.discover(store_endpoint(emu), now=the.now())
    group, user = ConsumerGroup.objects.get(name="cg-0"), make_user("operator")
    the.place(emu, {0: 15})
    plan = the.make(group, user, "earliest", [0])
    results: list[object] = []
    together = threading.Barrier(8)

    def confirm():
        together.wait()
        try:
            results.append(resets.apply(plan, user=user, actor=Actor.of(user), reason="twice", now=the.now()))
        except resets.PlanUsed as used:
            results.append(used.reset)
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=confirm) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [one for one in results if isinstance(one, Exception)] == []
    assert len(the.sent(emu)) == 1
    assert (len(results), set(results)) == (8, {Reset.objects.get()})
    assert ShardReset.objects.get().outcome == "confirmed"
