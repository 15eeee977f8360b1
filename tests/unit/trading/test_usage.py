"""What of a day's cap is used: the same whether it is added up at once or call by call."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from binance_spot_mcp.domain.positions import DAY_MS
from binance_spot_mcp.trading.journal.records import Entry
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.states import FINAL
from binance_spot_mcp.trading.usage import SETTLED_MS, TradedToday

STATES = ("NOT_SENT", "REJECTED", "NOT_PLACED", "UNKNOWN", "NEW", "FILLED", "CANCELED")
STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "look", "later", *STATES]), st.integers(1, 5), st.integers(0, 100)),
    max_size=40,
)


def begun(number: int, at_ms: int) -> Entry:
    """The entry that begins a call of 100 USDT."""
    return Entry(
        kind="intent",
        state="INTENDED",
        intent_id=f"i{number}",
        symbol="BTCUSDT",
        client_order_id=f"o{number}-{at_ms}",
        payload={
            "tool": "place_order",
            "asked": {},
            "digest": f"d{number}",
            "acts": False,
            "orders": [[f"o{number}-{at_ms}", "BUY"]],
            "audit": {"asset": "USDT", "notional": "100"},
        },
    )


def reached(register: Register, number: int, state: str, quote: int, at_ms: int) -> Entry | None:
    """The entry that the order of a call is in a state."""
    intent = register.intents.get(f"i{number}")
    if intent is None:
        return None
    seen = {"source": "query", "at_ms": at_ms, "executed": str(quote), "quote": str(quote)}
    return Entry(
        kind="order",
        state=state,
        intent_id=intent.id,
        symbol="BTCUSDT",
        client_order_id=intent.orders[0],
        order_id=number,
        evidence=seen if state in {"NEW", "FILLED", "CANCELED"} else {},
    )


def may_follow(register: Register, number: int, step: str) -> bool:
    """Whether a step is one that can happen: what has ended stays, but for what was proved absent or never left."""
    intent = register.intents.get(f"i{number}")
    state = register.placed_by(intent)[0].state if intent else "NOT_SENT"
    return state == "NOT_SENT" if step == "begin" else state not in FINAL or state == "NOT_PLACED"


@given(STEPS)
def test_what_is_added_up_step_by_step_is_what_is_added_up_at_once(steps: list[tuple[str, int, int]]) -> None:
    register, going, at_ms = Register(), TradedToday(), DAY_MS
    for step, number, quote in steps:
        at_ms += 2 * SETTLED_MS if step == "later" else 1
        if step not in ("look", "later") and may_follow(register, number, step):
            entry = begun(number, at_ms) if step == "begin" else reached(register, number, step, quote, at_ms)
            if entry is not None:
                register.apply(at_ms, entry)
        assert going.amounts(register, at_ms) == TradedToday().amounts(register, at_ms)


def test_another_day_begins_with_nothing() -> None:
    register, going = Register(), TradedToday()
    register.apply(DAY_MS, begun(1, DAY_MS))
    assert going.amounts(register, DAY_MS) == {"USDT": Decimal(100)}
    assert going.amounts(register, 2 * DAY_MS) == {}


def gone_on(*steps: str) -> dict[str, Decimal]:
    """What is used after some steps of one call, looked at after each of them and long after."""
    register, going, at_ms = Register(), TradedToday(), DAY_MS
    for step in steps:
        entry = begun(1, at_ms) if step == "begin" else reached(register, 1, step, 30, at_ms)
        assert entry is not None
        register.apply(at_ms, entry)
        going.amounts(register, at_ms)
        at_ms += 2 * SETTLED_MS
        going.amounts(register, at_ms)
    return going.amounts(register, at_ms)


def test_a_call_that_never_left_and_is_made_anew_counts_again() -> None:
    assert gone_on("begin", "NOT_SENT") == {"USDT": Decimal(0)}
    assert gone_on("begin", "NOT_SENT", "begin") == {"USDT": Decimal(100)}


def test_an_order_that_was_proved_absent_and_exists_counts_again() -> None:
    assert gone_on("begin", "NOT_PLACED") == {"USDT": Decimal(0)}
    assert gone_on("begin", "NOT_PLACED", "FILLED") == {"USDT": Decimal(30)}
