"""``warmkey doctor``: examine a deployment, as it is configured here."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from warmkey.cli.samples import read_samples
from warmkey.cli.setting_options import given_settings
from warmkey.cli.wording import in_words_of_the_command
from warmkey.doctor.examination import examine
from warmkey.doctor.subject import Subject
from warmkey.lambda_runtime.wiring import botocore_config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from warmkey.cli.commands import KmsClients
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["doctor"]

# 1 is for warnings.
_WRONG_COMMAND_LINE = 2


def doctor(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    """Print what was found; 0, 1 for warnings, 2 if something will fail."""

    def clients(settings: Settings) -> Callable[[str, str | None], Any]:
        with suppress(ImportError):  # which is reported when a client is made
            arguments.config = botocore_config(settings)
        return cache(lambda service, region: (kms_clients if service == "kms" else arguments.dynamodb_clients)(region))

    try:
        samples = [sample for name in arguments.sample for sample in read_samples(name)]
    except OSError as error:
        print(f"warmkey: {in_words_of_the_command(error)}", file=sys.stderr)  # noqa: T201 - a command's errors go there
        return _WRONG_COMMAND_LINE
    subject = Subject(
        settings=given_settings(arguments),
        clients=clients,
        context=dict(arguments.context),
        samples=samples,
        function_timeout=arguments.function_timeout,
        region=arguments.region,
        only=arguments.only,
    )
    report = examine(subject, announce=_announce, offline=arguments.offline)
    print(report.as_json() if arguments.json else report.as_text())  # noqa: T201 - what the command is for
    return report.status


def _announce(text: str) -> None:
    print(f"warmkey: {text}", file=sys.stderr, flush=True)  # noqa: T201 - a command's remarks go there
