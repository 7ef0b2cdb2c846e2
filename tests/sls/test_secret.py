from __future__ import annotations

import copy
import pickle

import pytest

from checkpoints.sls import Credentials, Secret


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{:>10}".format, "%s".__mod__])
def test_a_secret_is_shown_as_stars(show):
    assert show(Secret("open sesame")) == "***"


def test_credentials_do_not_show_their_secrets():
    words = repr(Credentials("id", Secret("open"), Secret("sesame")))
    assert "open" not in words
    assert "sesame" not in words


def test_a_secret_is_revealed_on_request():
    assert Secret("open sesame").reveal() == "open sesame"


@pytest.mark.parametrize("how", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_pickled_or_copied(how):
    with pytest.raises(TypeError):
        how(Secret("open sesame"))


def test_equal_secrets_are_equal():
    assert Secret("消息") == Secret("消息")


@pytest.mark.parametrize("other", [Secret("b"), "a", None])
def test_a_secret_differs_from_other_secrets_and_from_texts(other):
    assert Secret("a") != other


def test_only_an_empty_secret_is_false():
    assert (bool(Secret("")), bool(Secret("x"))) == (False, True)


def test_a_secret_has_no_attributes_to_look_into():
    assert not hasattr(Secret("x"), "__dict__")


def test_credentials_can_be_keys_of_a_dictionary():
    assert {Credentials("id", Secret("a")): 1}[Credentials("id", Secret("a"))] == 1
