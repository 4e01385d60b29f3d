"""What an option takes; test_main has what is refused."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from warmkey import AlgorithmSuite
from warmkey.cli import argument_types as types


def test_what_each_option_takes() -> None:
    assert types.suite("0478") is types.suite(AlgorithmSuite(0x0478).name) is AlgorithmSuite(0x0478)
    assert (types.frame_length("auto"), types.frame_length("4096"), types.count("7")) == ("auto", 4096, 7)
    assert types.pair("a=b=c") == ("a", "b=c")
    assert types.table_name("keys") == "keys"
    assert types.kms_identifier("alias/x") == "alias/x"


def test_a_limit_is_an_integer_from_1_that_fits_into_64_bits() -> None:
    assert (types.count("1"), types.count(str(2**63 - 1))) == (1, 2**63 - 1)
    for text in ("0", str(2**63), "9999999999999999999", "-1", "1.0", ""):
        with pytest.raises(ArgumentTypeError, match="must be an integer in digits, 1 to 9223372036854775807, not"):
            types.count(text)
