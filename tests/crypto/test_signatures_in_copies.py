"""Forked children draw other nonces and other keys than their parent and each other, by either library.

Two signatures of different messages with one nonce give the private key away. The number r of a signature is a function
of its nonce, so signatures of one key with different r had different nonces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.forks import by_either_fork
from tests.test_forking import in_child
from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.signature_library import SignatureChoice, choose, signatures_made
from warmkey.crypto.signatures import EcdsaSigningKey, EcdsaVerificationKey, library_in_use
from warmkey.fork_safety import notice_fork

if TYPE_CHECKING:
    from collections.abc import Callable

ALGORITHM = SignatureAlgorithm.ECDSA_P384
DIGEST = b"the digest of a message, which has 48 bytes here"
CHILDREN = 3
BY_EITHER_LIBRARY = pytest.mark.parametrize("choice", ["cryptography", "awscrt"])


class Family:
    """A process with a key that has signed, and what it and its children draw."""

    def __init__(self, choice: str) -> None:
        choose(SignatureChoice(choice))
        self.key = EcdsaSigningKey(ALGORITHM)
        self.key.sign(DIGEST)  # from here on, the generator is seeded

    def draws(self) -> tuple[list[int], list[bytes]]:
        """The r of three signatures of the inherited key, and the points of three new keys."""
        nonces = [decode_dss_signature(self.key.sign(DIGEST))[0] for _ in range(3)]
        return nonces, [EcdsaSigningKey(ALGORITHM).verification_key for _ in range(3)]


@by_either_fork
@BY_EITHER_LIBRARY
def test_no_nonce_and_no_key_is_drawn_twice(fork: Callable[[], int], choice: str) -> None:
    family = Family(choice)
    drawn = [in_child(family.draws, fork) for _ in range(CHILDREN)]
    drawn.append(family.draws())
    nonces = [nonce for of_one, _ in drawn for nonce in of_one]
    keys = [key for _, of_one in drawn for key in of_one]

    assert len(set(nonces)) == len(nonces) == 3 * (CHILDREN + 1)
    assert len({*keys, family.key.verification_key}) == len(keys) + 1


@by_either_fork
@BY_EITHER_LIBRARY
def test_nor_in_a_grandchild(fork: Callable[[], int], choice: str) -> None:
    family = Family(choice)

    def both() -> tuple[Any, Any]:
        return in_child(family.draws, fork), family.draws()

    drawn = [*in_child(both, fork), family.draws()]
    nonces = [nonce for of_one, _ in drawn for nonce in of_one]
    keys = [key for _, of_one in drawn for key in of_one]

    assert len(set(nonces)) == len(nonces) == 9
    assert len({*keys, family.key.verification_key}) == len(keys) + 1


@by_either_fork
@BY_EITHER_LIBRARY
def test_a_child_signs_and_verifies_with_its_parents_keys(fork: Callable[[], int], choice: str) -> None:
    family = Family(choice)
    verifying = EcdsaVerificationKey(ALGORITHM, family.key.verification_key)

    def work() -> str | None:
        verifying.verify(family.key.sign(DIGEST), DIGEST)
        return library_in_use()

    assert in_child(work, fork) == choice
    assert work() == choice


@by_either_fork
def test_a_child_counts_its_own_signatures(fork: Callable[[], int]) -> None:
    family = Family("cryptography")

    def count() -> int:
        notice_fork()
        family.key.sign(DIGEST)
        return signatures_made()

    before = signatures_made()
    assert before > 0
    assert in_child(count, fork) == 1
    assert signatures_made() == before
