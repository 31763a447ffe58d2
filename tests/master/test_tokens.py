"""Tokens of NodeManagers: which is whose, and for how long one is waited for."""

from __future__ import annotations

from trainmaster.master.tokens import TRIES, NodeTokens


def known(**tokens: bytes) -> NodeTokens:
    made = NodeTokens()
    made.learn(tokens, 0.0)
    return made


def test_a_token_opens_its_node_for_all_containers() -> None:
    tokens = known(n=b"t")
    assert tokens.of("c1", "n") == tokens.of("c2", "n") == b"t"
    assert tokens.of("c3", "elsewhere") is None


def test_what_an_earlier_application_ran_is_asked_about_with_its_own_token() -> None:
    tokens = known(n=b"old")
    tokens.anew({"c1": "n"})
    tokens.learn({"n": b"new"}, 0.0)
    assert (tokens.of("c1", "n"), tokens.of("c2", "n")) == (b"old", b"new")
    assert tokens.older("c1")
    tokens.keep(set())
    assert tokens.of("c1", "n") == b"new"


def test_the_present_token_is_of_no_use_for_what_an_earlier_application_ran_of_which_a_new_leader_has_none() -> (
    None
):
    tokens = known(n=b"new")
    tokens.keep({"c1", "c2"}, {"c1"})
    assert (tokens.of("c1", "n"), tokens.of("c2", "n")) == (None, b"new")
    assert tokens.older("c1")


def test_an_earlier_applications_token_that_is_known_is_kept() -> None:
    tokens = known(n=b"old")
    tokens.anew({"c1": "n"})
    tokens.keep({"c1"}, {"c1"})
    assert tokens.of("c1", "n") == b"old"


def test_a_token_that_does_not_come_is_waited_for_a_few_registers() -> None:
    tokens = known()
    for _ in range(TRIES):
        assert tokens.to_come("c1", "n")
        tokens.tried({"c1": "n"})
    assert not tokens.to_come("c1", "n")
    assert tokens.to_come("c2", "n"), "another container may bring it"


def test_a_refused_token_is_replaced_a_few_times_in_a_row() -> None:
    tokens = known(n=b"0")
    for n in range(TRIES):
        tokens.refused("n", str(n).encode())
        assert tokens.to_come("c1", "n") is (n + 1 < TRIES)
        tokens.learn({"n": str(n + 1).encode()}, 0.0)
    tokens.taken("n")
    tokens.refused("n", str(TRIES).encode())
    assert tokens.to_come("c1", "n"), "it was let in since"


def test_a_refusal_of_an_older_token_takes_no_newer_one_away() -> None:
    tokens = known(n=b"new")
    tokens.refused("n", b"old")
    assert tokens.of("c1", "n") == b"new"


def test_the_oldest_follows_each_change() -> None:
    tokens = NodeTokens()
    assert tokens.oldest == 0.0
    tokens.learn({"n1:1": b"one"}, 10.0)
    assert tokens.oldest == 10.0
    tokens.learn({"n2:1": b"two"}, 20.0)
    assert tokens.oldest == 10.0
    tokens.refused("n1:1", b"one")
    assert tokens.oldest == 20.0
    tokens.anew({})
    assert tokens.oldest == 0.0
