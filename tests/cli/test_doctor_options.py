"""The options of ``warmkey doctor``."""

from __future__ import annotations

import argparse

from warmkey.cli.doctor_options import add_doctor
from warmkey.cli.setting_options import given_settings
from warmkey.lambda_runtime.settings import ROWS


def test_there_is_an_option_for_each_setting() -> None:
    parser = argparse.ArgumentParser()
    add_doctor(parser.add_subparsers())
    options = [argument for name in ROWS for argument in (f"--{name.replace('_', '-')}", f"{name} is")]

    given = given_settings(parser.parse_args(["doctor", *options]))

    assert given == {name: f"{name} is" for name in ROWS}
