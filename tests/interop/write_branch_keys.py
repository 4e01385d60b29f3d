"""Writes what other clients make of branch keys of our own into a file: items of their tables, and messages.

    PYTHONPATH=src .venv-interop/bin/python -m tests.interop.write_branch_keys

The material providers library and the JavaScript client create a branch key each, encrypt, rotate it and encrypt again,
over moto's KMS and DynamoDB. What an item's ciphertext holds, and the encryption context that opens it, are kept beside
it, so that a test can read it without that KMS. Everything is new each time.
"""

from __future__ import annotations

import base64
import contextlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.interop.branch_key_peers import JavaScript, KeyStoreAddress, MaterialProviders, Warmkey
from tests.interop.peers import NODE, node_peer
from tests.moto_server import moto_server

FILE = Path(__file__).parents[1] / "branch_keys" / "other_clients.json"
CUSTOM = {"tenant": "ключ", "purpose": "example"}
CONTEXT = {"tenant": "ключ", "🔑": "astral", "\ufb01": "ligature", "z": "value"}
SUITES = {"before": [0x0014, 0x0578], "after": [0x0378, 0x0478]}


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def messages(name: str, peer: MaterialProviders | JavaScript) -> list[dict[str, Any]]:
    """Create a branch key, rotate it, and encrypt before and after."""
    branch_key_id = f"branch key of {name}"
    peer.create(branch_key_id, CUSTOM)
    written = []
    for time, suite_ids in SUITES.items():
        version = peer.active_version(branch_key_id)
        for suite_id in suite_ids:
            plaintext = f"{time} the rotation, suite {suite_id:#06x}".encode()
            message = peer.encrypt(branch_key_id, suite_id, plaintext, CONTEXT)
            written.append(
                {
                    "written by": name,
                    "branch key": branch_key_id,
                    "version": version,
                    "suite": f"{suite_id:#06x}",
                    "context": CONTEXT,
                    "plaintext": plaintext.decode(),
                    "message": text(message),
                }
            )
        if time == "before":
            peer.rotate(branch_key_id)
    return written


def items(address: KeyStoreAddress) -> list[dict[str, Any]]:
    """Every item of the table, with what is in its ciphertext."""
    found = address.client("dynamodb").scan(TableName=address.table)["Items"]
    kms, kept = address.client("kms"), []
    for item in sorted(found, key=lambda item: (item["branch-key-id"]["S"], item["type"]["S"])):
        enc = item["enc"]["B"]
        context = {name: next(iter(value.values())) for name, value in item.items() if name != "enc"}
        context["tablename"] = address.logical_name
        opened = kms.decrypt(KeyId=address.key_arn, CiphertextBlob=enc, EncryptionContext=context)
        kept.append(
            {
                "item": {**item, "enc": {"B": text(enc)}},
                "encryption context": context,
                "plaintext": text(opened["Plaintext"]),
            }
        )
    return kept


def javascript_version() -> str:
    package = json.loads((NODE / "node_modules/@aws-crypto/client-node/package.json").read_bytes())
    return f"@aws-crypto/client-node {package['version']}"


def main() -> None:
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(moto_server())
        address = KeyStoreAddress("branch-keys", "logical name", "", endpoint)
        arn = address.client("kms").create_key()["KeyMetadata"]["Arn"]
        address = KeyStoreAddress(address.table, address.logical_name, arn, address.endpoint)
        Warmkey(address).store.create_table()
        javascript = JavaScript(address, stack.enter_context(node_peer()))
        written = [*messages("MPL", MaterialProviders(address)), *messages("JavaScript", javascript)]
        packages = ("aws-cryptographic-material-providers", "aws-encryption-sdk")
        content = {
            "what": "items and messages that other clients wrote under branch keys made for these tests; "
            "python -m tests.interop.write_branch_keys writes them again",
            "clients": {
                "MPL": ", ".join(f"{package} {metadata.version(package)}" for package in packages),
                "JavaScript": javascript_version(),
            },
            "logical key store name": address.logical_name,
            "KMS key": address.key_arn,
            "items": items(address),
            "messages": written,
        }
    FILE.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
