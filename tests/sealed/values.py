"""Strategies for values of records."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

__all__ = ["json_values", "names", "records", "set_elements", "values"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.sampled_from([0, 1]),
    st.lists(st.integers(0, 9), min_size=1, max_size=20),
    st.integers(-30, 30),
)
integers = st.integers() | st.integers(-(2**100), 2**100)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | integers | floats | texts
set_elements = texts | st.binary(max_size=8) | integers | floats | decimals
keys = texts | st.sampled_from(["$b", "$d", "$i", "$m", "$n", "$s", "$", "a"])

json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
values = st.recursive(
    scalars | decimals | st.binary(max_size=8) | st.sets(set_elements, max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4).filter(lambda name: name != "_sealed")
records = st.dictionaries(names, values, min_size=1, max_size=6)
