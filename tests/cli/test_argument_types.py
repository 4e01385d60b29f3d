"""What an option takes; test_main has what is refused."""

from __future__ import annotations

from warmkey import AlgorithmSuite
from warmkey.cli import argument_types as types


def test_what_each_option_takes() -> None:
    assert types.suite("0478") is types.suite(AlgorithmSuite(0x0478).name) is AlgorithmSuite(0x0478)
    assert (types.frame_length("auto"), types.frame_length("4096"), types.count("7")) == ("auto", 4096, 7)
    assert types.pair("a=b=c") == ("a", "b=c")
    assert types.table_name("keys") == "keys"
    assert types.kms_identifier("alias/x") == "alias/x"
