from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from warmkey.crypto.elliptic_curves import fresh_private_key

CURVES = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_keys_differ_and_are_of_the_curve(curve: ec.EllipticCurve) -> None:
    keys = [fresh_private_key(curve) for _ in range(3)]

    assert len({key.private_numbers().private_value for key in keys}) == 3
    assert {key.curve.name for key in keys} == {curve.name}


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_the_randomness_is_the_operating_systems_and_64_bits_more_than_the_order(
    curve: ec.EllipticCurve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored snapshot shares OpenSSL's generator with others."""
    asked: list[int] = []

    def urandom(length: int) -> bytes:
        asked.append(length)
        return bytes(length - 1) + b"\x04"

    monkeypatch.setattr("warmkey.crypto.elliptic_curves.os.urandom", urandom)
    key = fresh_private_key(curve)

    assert asked == [(curve.key_size + 7) // 8 + 8]
    assert key.private_numbers().private_value == 5


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
@pytest.mark.parametrize("drawn", [0, -1], ids=["least", "greatest"])
def test_no_draw_gives_zero_or_the_order(curve: ec.EllipticCurve, drawn: int, monkeypatch: pytest.MonkeyPatch) -> None:
    least = curve.group_order - 1  # a multiple of order - 1
    draw = least if drawn == 0 else least - 1
    monkeypatch.setattr("warmkey.crypto.elliptic_curves.os.urandom", lambda length: draw.to_bytes(length, "big"))

    value = fresh_private_key(curve).private_numbers().private_value

    assert value == (1 if drawn == 0 else curve.group_order - 1)
