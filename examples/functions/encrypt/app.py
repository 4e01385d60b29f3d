"""A function that encrypts records, many of them under one data key, for as long as the container lives."""

from __future__ import annotations

from typing import Any

import warmkey


@warmkey.instrument
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Encrypt ``event["records"]``, each bound to its tenant, and return the statistics of the cache."""
    messages = [
        {
            "id": record["id"],
            "tenant": record["tenant"],
            "message": warmkey.encrypt_text(record["text"], {"tenant": record["tenant"]}),
        }
        for record in event["records"]
    ]
    return {"records": messages, "cache": warmkey.cache_info().as_dict()}
