import pytest
from tests.services import resetting as the
pytestmark = pytest.mark.django_db
def test_smoke(emu, group, people):
    the.place(emu, {0: 15, 1: 5, 2: 20, 3: 20})
    plan = the.make(group, people["operator"], "earliest", [0, 1])
    print(plan.body)
    reset = the.apply(plan, people["operator"])
    print(reset.outcome, the.outcomes(reset), emu.writes())
    from checkpoints.services import resets
    resets.look(reset, now=the.now())
    print(the.watches(reset), resets.as_json(reset))
    assert 0
