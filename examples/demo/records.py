"""Generate the records of the demo: invented orders of six tenants, a few of them large.

``python -m examples.demo.records`` writes ``records.jsonl`` again, always with the same content.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RECORDS", "Record", "read"]

RECORDS = Path(__file__).with_name("records.jsonl")

# Records per tenant. Two tenants have few records, so a full cache evicts their data keys.
_TENANTS = {"acme": 155, "globex": 110, "initech": 75, "umbrella": 50, "hooli": 6, "soylent": 4}
_LARGE = {"acme": 2, "globex": 1}
_LARGE_ITEMS = 420
_NAMES = ("Zoë Brückner", "Łukasz Nowak", "Ana Peña", "Chen Wei", "Aiko Satō", "Samuel Okafor", "Maya Iyer", "Jo Field")
_STREETS = ("Hauptstraße", "Rue de la Paix", "Ulica Długa", "High Street", "Calle Mayor")
_ITEMS = ("lamp", "kettle", "bicycle bell", "garden hose", "teapot", "notebook", "rain coat", "desk fan", "oil can")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Hold one secret text and the tenant that it belongs to."""

    id: int
    tenant: str
    text: str

    def __post_init__(self) -> None:
        if not (isinstance(self.id, int) and isinstance(self.tenant, str) and isinstance(self.text, str)):
            raise TypeError(f"a record must have a number as id, and texts as tenant and text (id {self.id!r})")


def read(path: Path = RECORDS) -> list[Record]:
    """Read all records of a file that has a JSON object on each line."""
    return [Record(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _generate() -> Iterable[Record]:
    dice = random.Random(20240229)
    owners = [(tenant, False) for tenant, count in _TENANTS.items() for _ in range(count - _LARGE.get(tenant, 0))]
    owners += [(tenant, True) for tenant, count in _LARGE.items() for _ in range(count)]
    dice.shuffle(owners)
    for number, (tenant, large) in enumerate(owners, start=1):
        items = _LARGE_ITEMS if large else dice.randint(1, 3)
        yield Record(id=number, tenant=tenant, text=_order(dice, items))


def _order(dice: random.Random, items: int) -> str:
    lines = [
        {"item": dice.choice(_ITEMS), "count": dice.randint(1, 9), "cents": dice.randint(99, 49_999)}
        for _ in range(items)
    ]
    street = f"{dice.randint(1, 99)} {dice.choice(_STREETS)}"
    return json.dumps({"name": dice.choice(_NAMES), "street": street, "lines": lines}, ensure_ascii=False)


def main() -> None:
    """Write the data file."""
    lines = (json.dumps(asdict(record), ensure_ascii=False) for record in _generate())
    RECORDS.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
