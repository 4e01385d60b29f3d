"""A function that decrypts what the other one made. It may use the key to decrypt, and for nothing else."""

from __future__ import annotations

from typing import Any

import warmkey


@warmkey.instrument
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Decrypt ``event["records"]``; a message is read for the tenant that it was made for, or not at all."""
    records = [
        {
            "id": record["id"],
            "tenant": record["tenant"],
            "text": warmkey.decrypt_text(record["message"], {"tenant": record["tenant"]}),
        }
        for record in event["records"]
    ]
    return {"records": records, "cache": warmkey.cache_info().as_dict()}
