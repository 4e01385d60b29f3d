"""Signatures by either library: what their steps take, what messages take, and what fresh keys take.

``awscrt`` must be installed. Both libraries are in one process and take turns, so a library is chosen once, when the
keys of a contestant are made or loaded.
"""

from __future__ import annotations

import hashlib
import os
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from awscrt.crypto import EC, ECType
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

import warmkey
from benchmarks import promises
from benchmarks.clients import fresh, off, peer, warm
from benchmarks.floor import floor_operations
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved, median_ratio
from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.signature_library import SignatureChoice, choose
from warmkey.crypto.signatures import EcdsaSigningKey, EcdsaVerificationKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.clients import Contestant
    from benchmarks.rows import Effort

    Operation = Callable[[], object]

__all__ = ["LIBRARIES", "chosen_for", "measure_fresh_materials", "measure_signatures", "measure_signed_messages"]

SIGNED = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
UNSIGNED = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
ALGORITHM = SignatureAlgorithm.ECDSA_P384
LIBRARIES = ("cryptography", "awscrt")
SIZES = (100, 1024, 16 * 1024)
_DIGEST = hashlib.sha384(b"header and body").digest()


def chosen_for(library: str, operation: Operation) -> Operation:
    """Return *operation*, whose new keys are by *library*: choosing takes less than a microsecond."""
    choice = SignatureChoice(library)

    def choose_and_go() -> object:
        choose(choice)
        return operation()

    return choose_and_go


# ------------------------------------------------------------------------------------------------------- the steps


def measure_signatures(effort: Effort) -> list[Row]:
    """Return a row for each step of a P-384 signature, as our keys take it."""
    by_library = {library: dict(_steps(library)) for library in LIBRARIES}
    rows = []
    for step in by_library["awscrt"]:
        contestants = {library: chosen_for(library, steps[step]) for library, steps in by_library.items()}
        found = interleaved(contestants, rounds=effort.rounds, seconds=effort.seconds)
        rows.append(
            Row(
                group="signatures",
                name=step,
                figures=(
                    *(Figure(label=library, value=median(found[library]), unit="µs") for library in LIBRARIES),
                    Figure(
                        label="awscrt is faster",
                        value=median_ratio(found["cryptography"], found["awscrt"]),
                        unit="×",
                    ),
                ),
            )
        )
    choose(SignatureChoice.CRYPTOGRAPHY)
    return rows


def _steps(library: str) -> Iterator[tuple[str, Operation]]:
    choose(SignatureChoice(library))
    signing = EcdsaSigningKey(ALGORITHM)
    verifying = EcdsaVerificationKey(ALGORITHM, signing.verification_key)
    signature = signing.sign(_DIGEST)
    yield "generate a signing key", partial(EcdsaSigningKey, ALGORITHM)
    yield "sign a digest", partial(signing.sign, _DIGEST)
    yield "load a public key", partial(EcdsaVerificationKey, ALGORITHM, signing.verification_key)
    yield "verify a signature", partial(verifying.verify, signature, _DIGEST)


# ------------------------------------------------------------------------------------------------------- messages


def measure_signed_messages(effort: Effort) -> list[Row]:
    """Warm messages of a signing suite, by either library, beside the peer and the floor of each library."""
    sizes = SIZES if effort.is_full else (1024,)
    return [row for size in sizes for row in _signed_messages(effort, size)]


def _signed_messages(effort: Effort, size: int) -> list[Row]:
    plaintext = os.urandom(size)
    ours = {library: _warmed_up(library, plaintext) for library in LIBRARIES}
    floors = {library: floor_operations(plaintext, signed=True, by_awscrt=library == "awscrt") for library in LIBRARIES}
    theirs = peer(SIGNED)
    message = ours["awscrt"].encrypt(plaintext)
    if theirs.decrypt(message) != plaintext or ours["awscrt"].decrypt(theirs.encrypt(plaintext)) != plaintext:
        raise AssertionError("one client does not read the other's message")
    operations: dict[str, dict[str, Operation]] = {
        "encrypt": {
            "peer": partial(theirs.encrypt, plaintext),
            **{f"ours {library}": partial(each.encrypt, plaintext) for library, each in ours.items()},
            **{f"floor {library}": encrypt for library, (encrypt, _) in floors.items()},
        },
        "decrypt": {
            "peer": partial(theirs.decrypt, message),
            **{f"ours {library}": partial(each.decrypt, message) for library, each in ours.items()},
            **{f"floor {library}": decrypt for library, (_, decrypt) in floors.items()},
        },
    }
    choose(SignatureChoice.CRYPTOGRAPHY)
    return [_message_row(name, size, contestants, effort) for name, contestants in operations.items()]


def _warmed_up(library: str, plaintext: bytes) -> Contestant:
    """Return warmkey with keys of *library*, which stay in its cache."""
    choose(SignatureChoice(library))
    contestant = warm(SIGNED)
    contestant.decrypt(contestant.encrypt(plaintext))
    return contestant


def _message_row(name: str, size: int, contestants: dict[str, Operation], effort: Effort) -> Row:
    found = interleaved(contestants, rounds=effort.rounds, seconds=effort.seconds)
    bound = promises.SIGNED_BY_AWSCRT[name] if size == 1024 else None
    return Row(
        group="signed messages by either library",
        name=f"0x0578 {name} {size // 1024} KB" if size >= 1024 else f"0x0578 {name} {size} B",
        figures=(
            *(
                Figure(label=label, value=median(found[key]), unit="µs")
                for label, key in (
                    ("peer", "peer"),
                    ("ours", "ours cryptography"),
                    ("its floor", "floor cryptography"),
                    ("ours, awscrt", "ours awscrt"),
                    ("AWS-LC's floor", "floor awscrt"),
                )
            ),
            Figure(
                label="awscrt faster than peer",
                value=median_ratio(found["peer"], found["ours awscrt"]),
                unit="×",
                bound=bound,
            ),
            Figure(
                label="of the floor of cryptography",
                value=median_ratio(found["ours awscrt"], found["floor cryptography"]),
                unit="×",
            ),
            Figure(
                label="of AWS-LC's floor",
                value=median_ratio(found["ours awscrt"], found["floor awscrt"]),
                unit="×",
            ),
        ),
    )


# ------------------------------------------------------------------------------------------------- fresh materials


def measure_fresh_materials(effort: Effort) -> list[Row]:
    """Messages of 1 KB with a data key and a signing key of their own, beside what they can't do without.

    That is a hit of the cache, and for signed messages the library's own key generation and signature, or its loading
    of the public key and verification.
    """
    plaintext = os.urandom(1024)
    hit = warm(UNSIGNED)
    hit_message = hit.encrypt(plaintext)
    hits = {"encrypt": partial(hit.encrypt, plaintext), "decrypt": partial(hit.decrypt, hit_message)}
    rows = [
        *_fresh_rows("0x0478", fresh(UNSIGNED), hits, plaintext, effort, promises.FRESH_UNSIGNED),
        *_fresh_rows("0x0478, caching off", off(UNSIGNED), hits, plaintext, effort, promises.CACHING_OFF),
    ]
    for library in LIBRARIES:
        choose(SignatureChoice(library))
        encrypting, decrypting = _key_operations(library)
        needed: dict[str, Operation] = {
            "encrypt": _in_turn(encrypting, hits["encrypt"]),
            "decrypt": _in_turn(decrypting, hits["decrypt"]),
        }
        name = f"0x0578 by {library}"
        rows += _fresh_rows(name, fresh(SIGNED), needed, plaintext, effort, promises.FRESH_SIGNED)
    choose(SignatureChoice.CRYPTOGRAPHY)
    return rows


def _in_turn(*operations: Operation) -> Operation:
    def run() -> None:
        for operation in operations:
            operation()

    return run


def _key_operations(library: str) -> tuple[Operation, Operation]:
    """Generate a key and sign; load a public key and verify: by the library's own fastest calls."""
    key = ec.generate_private_key(ec.SECP384R1())
    numbers = key.public_key().public_numbers()
    point = bytes([2 + numbers.y % 2]) + numbers.x.to_bytes(48, "big")
    scheme = ec.ECDSA(utils.Prehashed(hashes.SHA384()))
    signature = key.sign(_DIGEST, scheme)
    if library == "awscrt":

        def generate_and_sign() -> None:
            fresh_key = EC.new_generate(ECType.P_384)
            fresh_key.get_public_coords()
            fresh_key.sign(_DIGEST)

    else:

        def generate_and_sign() -> None:
            fresh_key = ec.generate_private_key(ec.SECP384R1())
            fresh_key.public_key().public_numbers()
            fresh_key.sign(_DIGEST, scheme)

    def load_and_verify() -> None:
        EcdsaVerificationKey(ALGORITHM, point).verify(signature, _DIGEST)

    return generate_and_sign, load_and_verify


def _fresh_rows(
    name: str,
    ours: Contestant,
    needed: dict[str, Operation],
    plaintext: bytes,
    effort: Effort,
    bounds: promises.Fresh,
) -> list[Row]:
    theirs = peer(SIGNED if "0578" in name else UNSIGNED, cached=False)
    message = ours.encrypt(plaintext)
    operations = {
        "encrypt": (partial(theirs.encrypt, plaintext), partial(ours.encrypt, plaintext), bounds.encrypting),
        "decrypt": (partial(theirs.decrypt, message), partial(ours.decrypt, message), bounds.decrypting),
    }
    rows = []
    for operation, (peers, our, bound) in operations.items():
        contestants = {"peer": peers, "ours": our, "needed": needed[operation]}
        found = interleaved(contestants, rounds=effort.rounds, seconds=effort.seconds)
        rows.append(
            Row(
                group="fresh materials",
                name=f"{name}, {operation} 1 KB",
                figures=(
                    Figure(label="peer", value=median(found["peer"]), unit="µs"),
                    Figure(label="ours", value=median(found["ours"]), unit="µs"),
                    Figure(label="a hit, and keys", value=median(found["needed"]), unit="µs"),
                    Figure(
                        label="times that", value=median_ratio(found["ours"], found["needed"]), unit="×", bound=bound
                    ),
                ),
            )
        )
    return rows
