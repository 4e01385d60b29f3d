"""The arithmetic of two elliptic curves, plain and slow, for signatures that no library would make.

Source: SEC 1, 2.2.1 and 4.1; SEC 2, 2.4.2 and 2.5.1
"""

from __future__ import annotations

from dataclasses import dataclass

# A point, or None: the point at infinity.
Point = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Curve:
    """y² = x³ - 3x + b over the integers modulo p, with a base point of order n."""

    name: str
    p: int
    b: int
    n: int
    base: tuple[int, int]

    @property
    def size(self) -> int:
        """The length of a coordinate in bytes."""
        return (self.p.bit_length() + 7) // 8

    def add(self, one: Point, other: Point) -> Point:
        if one is None or other is None:
            return one or other
        (x1, y1), (x2, y2) = one, other
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, self.p) if one == other else (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def multiply(self, factor: int, point: Point) -> Point:
        result: Point = None
        for bit in f"{factor % self.n:b}":
            result = self.add(result, result)
            if bit == "1":
                result = self.add(result, point)
        return result

    def at(self, x: int) -> tuple[int, int] | None:
        """The point with *x* and an even y, if there is one."""
        square = (x**3 - 3 * x + self.b) % self.p
        y = pow(square, (self.p + 1) // 4, self.p)  # both p are 3 modulo 4
        if y * y % self.p != square:
            return None
        return x, y if y % 2 == 0 else self.p - y

    def first_from(self, x: int) -> tuple[int, int]:
        """The first point whose x is no less than *x*."""
        return next(point for candidate in range(x, self.p) if (point := self.at(candidate)) is not None)

    def compressed(self, point: Point) -> bytes:
        assert point is not None
        return bytes([2 + point[1] % 2]) + point[0].to_bytes(self.size, "big")

    def uncompressed(self, point: Point) -> bytes:
        assert point is not None
        return b"\x04" + b"".join(coordinate.to_bytes(self.size, "big") for coordinate in point)

    def key_of(self, commitment: Point, r: int, s: int, digest: int) -> Point:
        """The public key under which (r, s) is a signature over *digest*, made with the point *commitment*."""
        inverse = pow(r, -1, self.n)
        return self.add(self.multiply(s * inverse, commitment), self.multiply(-digest * inverse, self.base))


P256 = Curve(
    name="P-256",
    p=2**256 - 2**224 + 2**192 + 2**96 - 1,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    base=(
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
P384 = Curve(
    name="P-384",
    p=2**384 - 2**128 - 2**96 + 2**32 - 1,
    b=0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    base=(
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
)
CURVES = (P256, P384)
