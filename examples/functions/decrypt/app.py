"""A function that decrypts the messages of the encrypting function. It may use the key only for decrypting."""

from __future__ import annotations

from typing import Any

import warmkey


@warmkey.instrument
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decrypt ``event["records"]``, each only for the tenant that it was encrypted for."""
    records = [
        {
            "id": record["id"],
            "tenant": record["tenant"],
            "text": warmkey.decrypt_text(record["message"], {"tenant": record["tenant"]}),
        }
        for record in event["records"]
    ]
    return {"records": records, "cache": warmkey.cache_info().as_dict()}
