"""``warmkey policy``: print the least permissions that the settings need. Asks AWS nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from warmkey.cli import argument_types as types
from warmkey.cli.setting_options import add_settings, given_settings
from warmkey.client_apis.kinds import KINDS
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.lambda_runtime.settings import home_region, read_settings
from warmkey.policy.formats import FORMATS
from warmkey.policy.key_policies import key_policies, principals
from warmkey.policy.keys import Place
from warmkey.policy.notes import notes, on_key_policies
from warmkey.policy.permissions import ADMINISTRATOR, DECRYPT, ENCRYPT, FUNCTION, PLAIN, Wanted, permissions
from warmkey.policy.statements import document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from warmkey.cli.commands import KmsClients
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["add_policy", "policy"]

_SETTINGS = (
    "kms_key_arns",
    "decrypt_key_arns",
    "kms_mode",
    "discovery_accounts",
    "required_context_keys",
    "tenant_context_key",
    "algorithm_suite",
    "commitment_policy",
    "branch_key_store_table",
    "logical_key_store_name",
    "branch_key_id",
    "branch_key_context_key",
    "branch_key_encrypt",
)


def add_policy(commands_: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    """Add the command to the others."""
    parser = commands_.add_parser(
        "policy",
        help="print the least IAM policy that the settings need",
        description="Print the least permissions that the settings need. Asks AWS nothing.",
    )
    parser.set_defaults(command=policy)
    parser.add_argument("--format", choices=[*FORMATS], default="json", help="form of the policy; default: %(default)s")
    parser.add_argument("--split", action="store_true", help="one role that encrypts and one that decrypts")
    parser.add_argument(
        "--part", choices=[FUNCTION, ENCRYPT, DECRYPT, ADMINISTRATOR], help="only the policy of this role"
    )
    parser.add_argument("--key-policy", action="store_true", help="print what to add to the key policies instead")
    parser.add_argument(
        "--principal",
        action="append",
        default=[],
        metavar="ARN",
        help="whom the key policies allow, for example a role; can be repeated; default: the account, whose IAM "
        "policies then decide",
    )
    parser.add_argument(
        "--context-keys",
        type=types.names,
        default=(),
        metavar="KEY,...",
        help="the only encryption context keys that messages have; each message then has one at least",
    )
    parser.add_argument(
        "--kinds",
        type=types.kinds(PLAIN, *KINDS),
        default=(),
        metavar="KIND,...",
        help=f"the only kinds of message: {', '.join([PLAIN, *KINDS])}; default: any",
    )
    parser.add_argument(
        "--branch-keys", type=types.names, default=(), metavar="ID,...", help="the only branch keys; default: any"
    )
    parser.add_argument("--for-doctor", action="store_true", help="allow what warmkey doctor reads where it may, too")
    parser.add_argument("--region", type=types.region, help="Region of the function; default: AWS_REGION")
    parser.add_argument(
        "--replica-regions",
        type=types.regions,
        default=(),
        metavar="REGION,...",
        help="further Regions in which the role is used, with replicas of its multi-Region keys",
    )
    parser.add_argument("--account", type=types.account, help="account of the function; default: that of the first key")
    add_settings(parser, _SETTINGS)


def policy(arguments: argparse.Namespace, _kms_clients: KmsClients) -> int:
    """Print the policies on standard output, and what a person should know of them on standard error."""
    settings = read_settings(given_settings(arguments))
    wanted = Wanted(
        split=arguments.split,
        context_keys=arguments.context_keys,
        kinds=arguments.kinds,
        branch_keys=arguments.branch_keys,
        for_doctor=arguments.for_doctor,
    )
    place = _place(arguments, settings)
    roles = permissions(settings, place, wanted)
    if arguments.part is not None:
        if arguments.part not in roles:
            raise ConfigurationError(f"these settings have no part {arguments.part}; they have {', '.join(roles)}")
        roles = {arguments.part: roles[arguments.part]}
    shape = FORMATS[arguments.format]
    policies: Mapping[str, Any] = {
        name: document([statement.as_dict() for statement in statements]) for name, statements in roles.items()
    }
    told = [*notes(settings, wanted, policies, account_is_assumed=arguments.account is None)]
    if arguments.key_policy:
        found = key_policies(roles, principals(arguments.principal, place))
        told += on_key_policies(roles)
        if not found:
            raise ConfigurationError(
                "--key-policy needs settings that name at least one key by its ARN; these name none"
            )
        written = shape.key_policies({key: document(statements) for key, statements in found.items()}, told)
    else:
        written = shape.identity_policies(policies, told)
    print(written)  # noqa: T201 - what the command is for
    if arguments.format == "json":
        for note in told:
            print(f"warmkey: {note}", file=sys.stderr)  # noqa: T201 - JSON has no comments
    return 0


def _place(arguments: argparse.Namespace, settings: Settings) -> Place:
    """Return where the function runs: as told, else as its keys and the environment say."""
    arns = [arn for arn in map(parse_kms_arn, [*settings.kms_key_arns, *settings.decrypt_key_arns]) if arn is not None]
    region = arguments.region or home_region() or (arns[0].region if arns else None)
    partition = arns[0].partition if arns else _partition_of(region)
    for given in filter(None, [arguments.region, *arguments.replica_regions]):
        if _partition_of(given) != partition:
            raise ConfigurationError(f"the Region {given} is not in the partition of the others, {partition}")
    return Place(
        region=region,
        account=arguments.account or (arns[0].account if arns else None),
        partition=partition,
        replica_regions=arguments.replica_regions,
    )


def _partition_of(region: str | None) -> str:
    if region is None:
        raise ConfigurationError("the Region is not known: give --region, or set AWS_REGION")
    from warmkey.lambda_runtime.botocore_session import partition_of  # noqa: PLC0415 - few name no key

    return partition_of(region)
