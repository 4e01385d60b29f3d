"""Software bills of materials in CycloneDX's JSON. They name no time or place: equal contents give equal bytes."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["sbom"]

_NAMESPACE = uuid.UUID("f6d1f0f4-9f2e-5b0e-8d9a-6f0f4c1d7a53")


def sbom(
    project: Mapping[str, Any], components: Mapping[str, str], *, carried: bool, properties: Mapping[str, str]
) -> bytes:
    """Return the bill of materials of *project*.

    :param components: versions by name; empty where a range is all that is known
    :param carried: whether they are inside, as in the layer, or are only needed, as by the wheel
    :param properties: what else tells this build from others, such as its architecture
    """
    own = _purl(project["name"], project["version"])
    rows = [_component(name, version, carried=carried) for name, version in sorted(components.items())]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"license": {"id": project["license"]}}],
                "purl": own,
            },
            "properties": [{"name": f"warmkey:{name}", "value": value} for name, value in sorted(properties.items())],
        },
        "components": rows,
        "dependencies": [
            {"ref": own, "dependsOn": [row["bom-ref"] for row in rows]},
            *({"ref": row["bom-ref"]} for row in rows),
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(document, sort_keys=True))
    return (json.dumps({**document, "serialNumber": f"urn:uuid:{serial}"}, indent=2) + "\n").encode()


def _component(name: str, version: str, *, carried: bool) -> dict[str, Any]:
    purl = _purl(name, version)
    row = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return row if carried else {**row, "scope": "required"}


def _purl(name: str, version: str) -> str:
    normalized = re.sub(r"[-_.]+", "-", name).lower()
    return f"pkg:pypi/{normalized}" + (f"@{version}" if version else "")
