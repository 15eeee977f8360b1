"""The rate ledger against the documented limits, headers and shares."""

import json
from pathlib import Path
from typing import Any

from binance_spot_mcp.transport.ledger import BAN_AT_LEAST_MS
from binance_spot_mcp.transport.limits import DEFAULT_LIMITS, counts, stated_counts, stated_limits

SPEC: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "spec" / "rate_limits.json").read_text("utf-8"))


def test_every_documented_limit_is_kept_from_the_start_and_never_above_its_figure() -> None:
    documented = {
        (limit.type, limit.interval_ms): limit.most
        for limit in stated_limits(
            (row["rateLimitType"], row["interval"], row["intervalNum"], row["limit"]) for row in SPEC["limiters"]
        )
    }
    assert len(documented) == len(SPEC["limiters"])
    kept = {(limit.type, limit.interval_ms): limit.most for limit in DEFAULT_LIMITS}
    assert kept.keys() == documented.keys()
    assert all(kept[key] <= documented[key] for key in kept)


def test_the_documented_headers_are_read() -> None:
    examples = [name.strip().lower() for row in SPEC["headers"] for name in row.get("example", "").split(",") if name]
    assert counts(dict.fromkeys(examples, "7")) == {
        "REQUEST_WEIGHT/60000": 7,
        "ORDERS/10000": 7,
        "ORDERS/86400000": 7,
    }


def test_the_documented_rows_of_socket_answers_are_read() -> None:
    kinds = SPEC["ws"]["entry"]["rateLimitType"].split("|")
    assert stated_counts((kind, "MINUTE", 1, 7) for kind in kinds) == {f"{kind}/60000": 7 for kind in kinds}


def test_a_ban_is_kept_for_at_least_the_documented_time() -> None:
    minutes, unit = SPEC["ban"]["duration"]["min"].split()
    assert (int(minutes) * 60_000, unit) == (BAN_AT_LEAST_MS, "minutes")
