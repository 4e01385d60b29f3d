"""List every finding: how bad it is, what it means, and what to change. docs/errors.md has a heading for each."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ADVICE", "Advice"]


class Advice(NamedTuple):
    """Holds what is known of a kind of finding, whatever was found."""

    level: str
    means: str
    change: str


NOTE, WARNING, FAILURE = "NOTE", "WARNING", "FAILURE"

_SETTINGS = {
    "setting-invalid": Advice(
        FAILURE, "warmkey refuses to start with it.", "Set the variable to what the error says is allowed."
    ),
    "setting-unknown": Advice(
        FAILURE,
        "A variable that begins with WARMKEY_ and is not a setting is an error, so that a misspelt limit is noticed.",
        "Rename it as the error suggests, or remove it.",
    ),
    "settings-contradict": Advice(
        FAILURE,
        "Each setting that is given is valid; together they exclude each other, or one is missing.",
        "Change what the error names.",
    ),
    "setting-without-effect": Advice(
        WARNING, "The setting is given and changes nothing.", "Remove it, or set what the finding names."
    ),
}

_INSTALLATION = {
    "boto3-unusable": Advice(
        FAILURE,
        "No client can be made, so no request.",
        "Set right what the finding names: profile, credentials, Region or endpoint URL. If it is boto3, install it, "
        "or remove the copy that hides the runtime's.",
    ),
    "cryptography-unusable": Advice(
        FAILURE,
        "Importing warmkey fails, in every function that has these packages. Nothing else was examined.",
        "Do what the finding says: use one whole copy of cryptography, for this Python and this architecture.",
    ),
    "layer-for-another-runtime": Advice(
        FAILURE,
        "The layer was built for another runtime or architecture; what is compiled in it does not load here.",
        "Attach the layer of this architecture, built for this runtime.",
    ),
    "layers-collide": Advice(
        WARNING,
        "Python uses the first copy on its path. Which one that is depends on the order of the layers.",
        "Ship each package in one layer or in the function, not in both.",
    ),
    "layers-mixed": Advice(
        FAILURE,
        "Two versions were unpacked over each other, so files of both are in use.",
        "Attach one layer that has the package, and leave it out of the other.",
    ),
    "neighbour-wants-another-version": Advice(
        WARNING,
        "The other package was not made for the version that is in use, and may fail.",
        "Choose versions that fit each other, or separate the functions.",
    ),
    "bytecode-missing": Advice(
        WARNING,
        "Every cold start compiles the modules that it imports.",
        "Build the layer on a machine that has this Python version.",
    ),
    "signature-library-unusable": Advice(
        FAILURE,
        "Importing warmkey fails in this function.",
        "Install warmkey[crt], or attach the layer that `make layer VARIANT=crt` builds; or set WARMKEY_SIGNATURES to "
        "auto.",
    ),
    "awscrt-unused": Advice(
        NOTE,
        "boto3 loads awscrt wherever it is installed, which makes every cold start some 40 ms longer, and warmkey does "
        "not use it.",
        "Remove awscrt from the function and its layers, unless something else needs it.",
    ),
    "many-signatures": Advice(
        NOTE,
        "From about 300 signed messages in the life of a container on, awscrt saves more time than loading it takes.",
        "If whoever can decrypt may also encrypt, set WARMKEY_ALGORITHM_SUITE=0x0478; if not, attach the layer that "
        "`make layer VARIANT=crt` builds.",
    ),
}

_RESOURCES = {
    "timeouts-exceed-function": Advice(
        WARNING,
        "When KMS does not answer, Lambda ends the function before warmkey can raise an error.",
        "Lower WARMKEY_KMS_MAX_ATTEMPTS or the time-outs, or give the function more time.",
    ),
    "function-timeout-unknown": Advice(
        NOTE,
        "The time-outs of KMS could not be compared with the function's.",
        "Give --function-timeout, or function_timeout to self_check().",
    ),
    "several-processes": Advice(
        WARNING,
        "Each process has its own cache: as many data keys and KMS requests, and limits that hold for each alone.",
        "Plan for that number of caches. Branch keys need fewer requests.",
    ),
    "cache-off": Advice(
        WARNING, "KMS is asked for every message.", "Remove WARMKEY_CACHE=off unless it is meant for an emergency."
    ),
    "cache-reuses-nothing": Advice(
        WARNING, "A data key is used for one message only.", "Raise the limit that the finding names."
    ),
    "capacity-evictions": Advice(
        WARNING,
        "Data keys leave the cache before their time, because there are more than it has places for.",
        "Raise WARMKEY_CACHE_CAPACITY above the number of encryption contexts and data keys in use.",
    ),
    "context-changes": Advice(
        WARNING,
        "A data key is reused only for exactly the same encryption context, so every message asks KMS.",
        "Take the key out of the encryption context, and put its value into the plaintext.",
    ),
    "nothing-is-reused": Advice(
        WARNING,
        "The cache saves nothing here.",
        "Look for an encryption context key that changes with every message; a log line names it.",
    ),
}

_SAMPLES = {
    "base64-truncated": Advice(
        FAILURE,
        "The text is not what encrypt_text gave: it was cut off, wrapped or changed on its way.",
        "Check length limits and encodings where it is stored.",
    ),
    "message-damaged": Advice(
        FAILURE,
        "The bytes are not a whole message.",
        "Check length limits where it is stored; `warmkey inspect` shows where it breaks.",
    ),
    "context-differs": Advice(
        FAILURE,
        "Decrypting with this context is refused, before KMS is asked.",
        "Pass the context that the message was encrypted with; another value may mean that it is another's message.",
    ),
    "sample-under-another-key": Advice(
        FAILURE,
        "No configured key can decrypt it.",
        "Add the key to WARMKEY_DECRYPT_KEY_ARNS, if you may use it.",
    ),
    "sample-not-decryptable": Advice(
        FAILURE,
        "KMS refuses the encrypted data key of the message: it, or the message's context, was changed.",
        "Restore the message; nobody can decrypt it as it is.",
    ),
    "kind-of-message": Advice(
        NOTE, "A plain decrypt refuses it.", "Open sealed records with unseal_record and tokens with open_token."
    ),
}

_DENIALS = {
    "denied-by-role": Advice(
        FAILURE,
        "The IAM policies of the role don't allow the operation on this key, or only under another condition.",
        "Attach what `warmkey policy` prints. If a condition wants an encryption context, examine with --context.",
    ),
    "denied-by-key-policy": Advice(
        FAILURE,
        "The key policy neither names the role nor lets the IAM policies of its account decide, so they don't help.",
        "Add the statement whose principal is the account, or what `warmkey policy --key-policy` prints. If it names "
        "the role, and the role was recreated, set it again.",
    ),
    "role-was-recreated": Advice(
        FAILURE,
        "The key policy names a role that was deleted. A new role of the same name is another one to AWS.",
        "Set the key policy again, with the ARN of the role that there is now.",
    ),
    "key-missing-or-denied": Advice(
        FAILURE,
        "KMS does not say which: the key is not in this account and Region, or its key policy does not allow the "
        "operation.",
        "Check the ARN first, account and Region included. If the key exists, add what `warmkey policy --key-policy` "
        "prints to its key policy.",
    ),
    "denied-explicitly": Advice(
        FAILURE,
        "A policy denies the operation, which no other policy can allow.",
        "Look for the Deny statement in the kind of policy that the finding names.",
    ),
    "denied-by-organization": Advice(
        FAILURE,
        "A service control policy or resource control policy of the organization does not allow the operation.",
        "Ask whoever administers the organization.",
    ),
    "denied-by-boundary": Advice(
        FAILURE,
        "The permissions boundary of the role, or the policy of its session, does not allow the operation.",
        "Add the operation to the boundary, or attach another one.",
    ),
    "denied-by-vpc-endpoint": Advice(
        FAILURE,
        "The policy of the VPC endpoint does not allow the operation.",
        "Add the operation and the key to the policy of the endpoint.",
    ),
    "denied": Advice(
        FAILURE,
        "Some policy does not allow the operation; AWS does not say which.",
        "Compare what `warmkey policy` prints with the IAM policy, the key policy, and those of the organization and "
        "the VPC endpoint.",
    ),
    "context-not-allowed": Advice(
        FAILURE,
        "A policy allows the operation without an encryption context, and not with this one.",
        "Change the condition on kms:EncryptionContext in the IAM policy or the key policy, or the context.",
    ),
    "context-required": Advice(
        NOTE,
        "A policy allows the operation with this encryption context only; that is how it should be.",
        "Nothing has to be changed, as long as every message has such a context.",
    ),
    "signed-context-denied": Advice(
        FAILURE,
        "The algorithm suite signs, so the context has aws-crypto-public-key too, which a policy does not allow.",
        "Add aws-crypto-public-key to the condition on kms:EncryptionContextKeys, or use a suite that does not sign.",
    ),
    "key-in-another-account": Advice(
        FAILURE,
        "The key belongs to another account than the role, so both its key policy and the IAM policy must allow it.",
        "Check the account in the ARN; if it is right, have its owner add what `warmkey policy --key-policy` prints.",
    ),
}

_KEYS = {
    "key-not-found": Advice(
        FAILURE,
        "KMS does not know the key in that account and Region.",
        "Check the ARN; the key may have been deleted.",
    ),
    "key-in-another-region": Advice(
        FAILURE,
        "The key is looked for in another Region than its ARN names.",
        "Use a key of the Region, or a client of the key's Region; only multi-Region keys have replicas.",
    ),
    "key-disabled": Advice(FAILURE, "Nothing can be encrypted or decrypted with it.", "Enable the key."),
    "key-pending-deletion": Advice(
        FAILURE,
        "Nothing can be encrypted or decrypted with it, and soon nothing ever can.",
        "Cancel the deletion and enable the key, unless no message is left.",
    ),
    "key-state": Advice(
        FAILURE, "The key can't be used in this state.", "Wait, or finish what the state says: import, replication."
    ),
    "key-of-another-kind": Advice(
        FAILURE,
        "The helpers need a symmetric key that encrypts and decrypts.",
        "Use a key with the spec SYMMETRIC_DEFAULT.",
    ),
    "key-state-not-checked": Advice(
        NOTE,
        "The role may not describe the key, which no function needs. The dry runs have shown whether it works.",
        "Nothing has to be changed; `warmkey policy --for-doctor` allows it.",
    ),
}

_ROUTES = {
    "no-network-path": Advice(
        FAILURE,
        "Nothing answers there: a function in a VPC has no route to KMS, or a security group drops it.",
        "Add a VPC endpoint with private DNS and a security group that allows HTTPS from the function, or NAT.",
    ),
    "name-not-resolved": Advice(
        FAILURE,
        "The name of the endpoint has no address here.",
        "Check the Region, the DNS settings of the VPC, and the endpoint URL.",
    ),
    "connection-refused": Advice(
        FAILURE,
        "Something is there and refuses the connection, or breaks it off.",
        "Check the endpoint URL, proxies and firewalls.",
    ),
    "tls-failed": Advice(
        FAILURE,
        "The other side has no certificate for this name that is trusted here.",
        "Check the endpoint URL, proxies, and the private DNS name of the VPC endpoint.",
    ),
    "no-answer-in-time": Advice(
        FAILURE,
        "The connection was made, and no answer came within the time-out.",
        "Check the Region's distance, the VPC endpoint, and WARMKEY_KMS_READ_TIMEOUT_SECONDS.",
    ),
    "not-aws": Advice(
        FAILURE,
        "What answers there does not speak the protocol of AWS.",
        "Check the endpoint URL (AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_KMS) and proxies.",
    ),
    "throttled": Advice(
        WARNING,
        "The request quota of the account in this Region is used up; the permission is unknown.",
        "Raise the quota or the limits of the cache, and examine again.",
    ),
    "service-failing": Advice(
        WARNING, "The service has a problem of its own, so the permission is unknown.", "Examine again."
    ),
    "no-credentials": Advice(
        FAILURE,
        "No request can be signed.",
        "In Lambda the function's role gives them; elsewhere check profile and session.",
    ),
    "credentials-not-accepted": Advice(
        FAILURE,
        "AWS does not accept the credentials: they have expired, the role or user was deleted or recreated, or the "
        "account has not enabled the Region.",
        "Refresh them; in Lambda, set the function's role again; look at the Regions of the account.",
    ),
    "clock-skew": Advice(
        FAILURE,
        "The clock of this machine differs from AWS's by minutes, so signatures are refused.",
        "Set the clock.",
    ),
}

_DRY_RUNS = {
    "dry-run-ignored": Advice(
        WARNING,
        "The other side is not AWS KMS: it ignores DryRun. Permissions are unknown, and nothing more was asked.",
        "Examine where requests reach AWS KMS. moto ignores DryRun; warmkey.testing.FakeKms does not.",
    ),
    "dry-run-unsupported": Advice(
        WARNING,
        "This botocore or client can't ask by dry run, so no request was made. Permissions are unknown.",
        "Update boto3, or pass a client that boto3 made.",
    ),
    "decrypt-not-checked": Advice(
        WARNING,
        "Without a message, Decrypt can be tried by DryRunModifiers only. The permission is unknown.",
        "Update boto3 to 1.43 or later, or give a message by --sample.",
    ),
    "no-key-to-check": Advice(
        NOTE,
        "Under discovery a message names the key, so there was none to try Decrypt with.",
        "Give a message by --sample.",
    ),
    "unexpected-answer": Advice(
        WARNING, "The permission is unknown.", "Look the request up in CloudTrail; check what answers for KMS."
    ),
    "check-failed": Advice(
        WARNING, "A check ended with an error of its own, so what it looks at is unknown.", "Please report it."
    ),
}

_BRANCH_KEYS = {
    "table-not-found": Advice(
        FAILURE,
        "DynamoDB does not know the table, or the table is not active yet.",
        "Check its name, Region and account, or run `warmkey keystore create-table`.",
    ),
    "table-denied": Advice(
        FAILURE,
        "The role may not read items of the table, or not this one.",
        "Attach what `warmkey policy` prints; a condition on dynamodb:LeadingKeys must allow the branch key.",
    ),
    "table-not-a-key-store": Advice(
        FAILURE, "The table has other keys than a key store's.", "Name the table that `warmkey keystore` made."
    ),
    "table-unreachable": Advice(
        FAILURE, "DynamoDB can't be reached.", "Give the VPC an endpoint for DynamoDB, and check Region and time-outs."
    ),
    "branch-key-missing": Advice(
        FAILURE,
        "Messages of this branch key can't be encrypted or decrypted.",
        "Create it by `warmkey keystore create`, or check the ID, the table and the Region.",
    ),
    "branch-key-unusable": Advice(
        FAILURE,
        "The item of the branch key is not as it was written, or belongs to another logical name.",
        "Restore it from a backup, or set WARMKEY_LOGICAL_KEY_STORE_NAME as it was.",
    ),
    "branch-key-under-another-key": Advice(
        FAILURE,
        "The branch key is protected by another KMS key than the configured one.",
        "Set WARMKEY_KMS_KEY_ARNS to that key.",
    ),
    "branch-key-not-named": Advice(
        NOTE,
        "Which branch key a message uses depends on its context, so none could be looked up.",
        "Give --context with WARMKEY_BRANCH_KEY_CONTEXT_KEY's key.",
    ),
    "table-not-described": Advice(
        NOTE,
        "The role may not describe the table, which no function needs.",
        "Nothing has to be changed; `warmkey policy --for-doctor` allows it.",
    ),
    "table-writes-not-checked": Advice(
        NOTE,
        "Permissions to write branch keys are never tried, because that would write.",
        "Nothing has to be changed; `warmkey keystore` says whether it may.",
    ),
}

ADVICE: Mapping[str, Advice] = MappingProxyType(
    _SETTINGS | _INSTALLATION | _RESOURCES | _SAMPLES | _DENIALS | _KEYS | _ROUTES | _DRY_RUNS | _BRANCH_KEYS
)
