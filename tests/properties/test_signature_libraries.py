"""Both libraries come to the same verdict, whatever is done to a signature, a digest or a point.

``SIGNATURE_MUTATIONS`` says on how many candidates, and ``SIGNATURE_SEED`` on which; `make signatures` takes a hundred
thousand.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from awscrt.crypto import EC
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from tests.vectors.curve import P256, P384, Curve
from tests.vectors.write_signatures import Case
from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto import ecdsa_by_awscrt, ecdsa_by_cryptography
from warmkey.crypto.signature_library import SignatureChoice, choose
from warmkey.crypto.signatures import EcdsaVerificationKey
from warmkey.exceptions import WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MUTATIONS = int(os.environ.get("SIGNATURE_MUTATIONS", "2000"))
SEED = int(os.environ.get("SIGNATURE_SEED", "0"))
CURVES = {SignatureAlgorithm.ECDSA_P256: P256, SignatureAlgorithm.ECDSA_P384: P384}
LIBRARIES = (SignatureChoice.CRYPTOGRAPHY, SignatureChoice.AWSCRT)


class Signed(NamedTuple):
    """A good signature, and a key for it by each library."""

    algorithm: SignatureAlgorithm
    point: bytes
    digest: bytes
    signature: bytes
    keys: tuple[EcdsaVerificationKey, ...]

    @property
    def curve(self) -> Curve:
        return CURVES[self.algorithm]


def signed(algorithm: SignatureAlgorithm, chance: random.Random) -> Signed:
    curve = CURVES[algorithm]
    case = Case(
        curve,
        scalar=chance.randrange(1, curve.n),
        nonce=chance.randrange(1, curve.n),
        digest=chance.randbytes(algorithm.digest_length),
    )
    point = curve.compressed(case.key)
    return Signed(algorithm, point, case.digest, case.signature, keys(algorithm, point))


def keys(algorithm: SignatureAlgorithm, point: bytes) -> tuple[Any, ...]:
    """The point as each library loads it, or the error."""
    loaded: list[Any] = []
    for library in LIBRARIES:
        choose(library)
        try:
            loaded.append(EcdsaVerificationKey(algorithm, point))
        except WarmkeyError as error:
            loaded.append(error)
    return tuple(loaded)


def verdict(key: EcdsaVerificationKey | WarmkeyError, signature: bytes, digest: bytes) -> str:
    if isinstance(key, WarmkeyError):
        return type(key).__name__
    try:
        key.verify(signature, digest)
    except WarmkeyError as error:
        return type(error).__name__
    return "good"


# --- what is done to bytes


def flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(8 * len(data)) if data else 0
    return (int.from_bytes(data, "big") ^ 1 << at).to_bytes(max(len(data), 1), "big")


def overwrite(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes([chance.choice((0, 1, 2, 0x30, 0x7F, 0x80, 0x81, 0xFF))]) + data[at + 1 :]


def insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.randint(1, 3)) + data[at:]


def delete(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randint(1, 3) :]


def repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:]


def replace(data: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(len(data))


ANY_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (flip, overwrite, insert, delete, repeat, replace)


# --- what is done to the numbers of a signature


def other_numbers(of: Signed, chance: random.Random) -> bytes:
    """Good DER of numbers near the edges; one in six of them is good."""
    r, s = decode_dss_signature(of.signature)
    n, p = of.curve.n, of.curve.p
    near = chance.randint(-2, 2)
    pairs = (
        (r, n - s),
        (r, s + near),
        (r + near, s),
        (n - r, s),
        (r + n * chance.randint(0, 1), s + n * chance.randint(0, 1)),
        (chance.choice((0, 1, n - 1, n, n + 1, p)), s),
        (r, chance.choice((0, 1, n - 1, n, n + 1, p))),
        (s, r),
        (r >> 8, s),
        (r, s << 8),
        (chance.randrange(2 ** (8 * of.curve.size)), chance.randrange(2 ** (8 * of.curve.size))),
    )
    return encode_dss_signature(*map(abs, chance.choice(pairs)))


def with_another_signature(of: Signed, chance: random.Random) -> list[str]:
    signature = other_numbers(of, chance) if chance.random() < 0.3 else of.signature
    for _ in range(chance.randint(0, 2)):
        signature = chance.choice(ANY_BYTES)(signature, chance)
    return [verdict(key, signature, of.digest) for key in of.keys]


def with_another_digest(of: Signed, chance: random.Random) -> list[str]:
    digest = chance.choice(ANY_BYTES)(of.digest, chance)
    return [verdict(key, of.signature, digest) for key in of.keys]


def with_another_point(of: Signed, chance: random.Random) -> list[str]:
    if chance.random() < 0.5:
        point = chance.choice(ANY_BYTES)(of.point, chance)
    else:
        x = chance.choice((chance.randrange(1000), of.curve.p + chance.randint(-50, 50), chance.randrange(of.curve.p)))
        point = bytes([chance.choice((2, 3))]) + x.to_bytes(of.curve.size, "big")
    return [verdict(key, of.signature, of.digest) for key in keys(of.algorithm, point)]


def with_other_coordinates(of: Signed, chance: random.Random) -> list[str]:
    """What the libraries themselves say of a whole point, which no message of ours has."""
    numbers = ec.EllipticCurvePublicKey.from_encoded_point(
        ecdsa_by_cryptography.CURVES[of.algorithm], of.point
    ).public_numbers()
    whole = numbers.x.to_bytes(of.curve.size, "big") + numbers.y.to_bytes(of.curve.size, "big")
    if chance.random() < 0.8:
        whole = chance.choice((flip, overwrite, replace))(whole, chance)[: 2 * of.curve.size]
    return [loads(load, whole, of.algorithm) for load in (by_cryptography, by_awscrt)]


def by_cryptography(coordinates: bytes, algorithm: SignatureAlgorithm) -> None:
    ec.EllipticCurvePublicKey.from_encoded_point(ecdsa_by_cryptography.CURVES[algorithm], b"\x04" + coordinates)


def by_awscrt(coordinates: bytes, algorithm: SignatureAlgorithm) -> None:
    EC.new_key_from_der_data(ecdsa_by_awscrt._BEFORE_COORDINATES[algorithm] + coordinates)


def loads(load: Callable[[bytes, SignatureAlgorithm], None], coordinates: bytes, algorithm: SignatureAlgorithm) -> str:
    try:
        load(coordinates, algorithm)
    except (ValueError, RuntimeError):
        return "not a point"
    return "a point"


KINDS = {
    "signature": (with_another_signature, 14),
    "point": (with_another_point, 3),
    "digest": (with_another_digest, 2),
    "coordinates": (with_other_coordinates, 1),
}


def candidates() -> Iterator[tuple[str, list[str]]]:
    """The kind of each, and the two verdicts."""
    chance = random.Random(SEED)
    corpus = [signed(algorithm, chance) for algorithm in CURVES for _ in range(12)]
    names, weights = list(KINDS), [weight for _, weight in KINDS.values()]
    for _ in range(MUTATIONS):
        kind = chance.choices(names, weights)[0]
        yield kind, KINDS[kind][0](chance.choice(corpus), chance)


def test_both_libraries_come_to_the_same_verdict() -> None:
    seen: Counter[tuple[str, str]] = Counter()
    differing = []
    for number, (kind, verdicts) in enumerate(candidates()):
        seen[kind, verdicts[0]] += 1
        if verdicts[0] != verdicts[1]:
            differing.append((SEED, number, kind, verdicts))

    assert differing == []
    assert set(seen) >= {
        ("signature", "good"),
        ("signature", "AuthenticationFailed"),
        ("point", "AuthenticationFailed"),
        ("point", "MalformedMessage"),
        ("digest", "AuthenticationFailed"),
        ("digest", "InvalidRequest"),
        ("coordinates", "a point"),
        ("coordinates", "not a point"),
    }, seen
