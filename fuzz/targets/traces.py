"""Plan for traces: CSV files with any cells in them, and the formats of public data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.mutation import changed_bytes, changed_cells
from fuzz.planning import FORMATS, plan_for, planning
from fuzz.promise import SECRET
from fuzz.target import Target
from warmkey.plan.csv_traces import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["TARGET"]

_WORDS = (
    *(
        *FORMATS,
        *COLUMNS,
        SECRET,
        "encrypt",
        "decrypt",
        "1e9",
        "4200000000",
        "4200000001",
        "-4200000000",
        "0.000000001",
    ),
    *("2026-11-28T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31", "1125899906842624", "86400", '"', '""', "\r"),
)
_SEEDS = (
    f"csv\ntimestamp,context\n0,{SECRET}\n1,{SECRET}\n",
    f"csv\ntimestamp;operation;context;bytes\n1.5;encrypt;{SECRET};10\n2.5;decrypt;{SECRET};\n2;encrypt;b;7\n",
    f"\ntimestamp,operation,context,container,data_key,message\n1,encrypt,{SECRET},c,,m\n2,decrypt,b,d,k,\n3,,b,d,,m\n",
    f"\ntimestamp,operation,context,message,branch_key\n1,encrypt,{SECRET},m,x\n2,decrypt,{SECRET},m,x\n3,decrypt,b,,y\n",
    f"\ntimestamp,context,function,duration\n2026-11-28T12:00:00Z,{SECRET},f,0.5\n2026-11-28T12:00:01+01:00,b,g,10\n",
    f"\ntimestamp|context|branch_key\n1764331200000|{SECRET}|b\n1764331200500|a|c\n",
    f"azure-2021\napp,func,end_timestamp,duration\n{SECRET},f,10.5,0.5\n{SECRET},g,20,1\nb,f,30.25,2\n",
    f"huawei-2025\ntime_worker,podID,userID,requestBodySize\n1,p,{SECRET},100\n2.5,q,{SECRET},\n3,p,b,7\n",
)


def seeds() -> list[bytes]:
    """Return small files of each format, and one that is compressed."""
    minutes = [str(minute) for minute in range(1, 1441)]
    counts = ["2", *["0"] * 1000, "1", *[""] * 438]
    by_minute = f"azure-2019\nHashOwner,HashApp,HashFunction,{','.join(minutes)}\n{SECRET},a,f,{','.join(counts)}\n"
    return [text.encode() for text in (*_SEEDS, by_minute, _SEEDS[0].replace("csv", "csv gzip", 1))]


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change lines and cells; now and then bytes."""
    if not source.randrange(10):
        return changed_bytes(data, source)
    texts = [other.decode("utf-8", "surrogateescape") for other in (data, source.choice(others))]
    return changed_cells(texts[0], source, _WORDS, texts[1:]).encode("utf-8", "surrogatepass")


TARGET = Target(seeds=seeds, change=change, test=plan_for, world=planning)
