"""The rate ledger, case by case."""

import pytest

from binance_spot_mcp.transport.ledger import Bucket, CallClass, Cost, RateLedger, Reservation, Wait
from binance_spot_mcp.transport.limits import Limit, counts, stated_limits

MINUTE = 60_000
DAY = 86_400_000
T0 = 1_700_000_040_000
"""The start of a minute."""
WEIGHT = "REQUEST_WEIGHT/60000"
ORDERS = "ORDERS/10000"
ROUTE = "GET /api/v3/depth"


def ledger(weight: int = 100, orders: int = 10) -> RateLedger:
    limits = (Limit("REQUEST_WEIGHT", MINUTE, weight), Limit("ORDERS", 10_000, orders), Limit("ORDERS", DAY, 1_000))
    return RateLedger({limit.key: Bucket(limit) for limit in limits})


def taken(book: RateLedger, cost: Cost, now_ms: int = T0, call_class: CallClass = "urgent") -> Reservation:
    turn = book.reserve(cost, call_class, ROUTE, now_ms)
    assert isinstance(turn, Reservation), turn
    return turn


def refused(book: RateLedger, cost: Cost, now_ms: int = T0, call_class: CallClass = "urgent") -> Wait:
    turn = book.reserve(cost, call_class, ROUTE, now_ms)
    assert isinstance(turn, Wait), turn
    return turn


def used(book: RateLedger, key: str = WEIGHT) -> tuple[int, int]:
    bucket = book.buckets[key]
    return bucket.used - bucket.in_flight, bucket.in_flight


@pytest.mark.parametrize(("call_class", "most"), [("market", 60), ("account", 80), ("order", 90), ("urgent", 100)])
def test_a_class_of_calls_may_fill_its_share_and_no_more(call_class: CallClass, most: int) -> None:
    book = ledger()
    taken(book, Cost(most), call_class=call_class)
    wait = refused(book, Cost(1), call_class=call_class)
    assert (wait.code, wait.until_ms) == ("RATE_LIMITED", T0 + MINUTE)
    assert wait.why == f"REQUEST_WEIGHT per 1M is at {most} of the {most} that {call_class} calls may use"


def test_a_cancel_still_goes_when_reads_and_orders_have_used_their_shares() -> None:
    book = ledger()
    taken(book, Cost(90), call_class="order")
    refused(book, Cost(1), call_class="order")
    taken(book, Cost(1), call_class="urgent")


def test_a_window_that_ends_starts_empty_but_for_what_is_in_flight() -> None:
    book = ledger()
    late = taken(book, Cost(30))
    book.settle(taken(book, Cost(50)), {WEIGHT: 50}, T0)
    refused(book, Cost(71), T0 + MINUTE)
    taken(book, Cost(70), T0 + MINUTE)
    book.settle(late, {WEIGHT: 95}, T0 + MINUTE)
    assert used(book) == (30, 70), "the number may be of the window before"


def test_the_number_of_the_exchange_replaces_the_listed_cost() -> None:
    book = ledger()
    book.settle(taken(book, Cost(20)), {WEIGHT: 3}, T0)
    assert used(book) == (3, 0)


def test_an_earlier_number_that_arrives_late_does_not_lower_the_weight() -> None:
    book = ledger()
    first, second = taken(book, Cost(10)), taken(book, Cost(10))
    book.settle(second, {WEIGHT: 20}, T0)
    book.settle(first, {WEIGHT: 10}, T0)
    assert used(book) == (20, 0)


def test_without_a_number_the_listed_cost_counts() -> None:
    book = ledger()
    book.settle(taken(book, Cost(20)), {}, T0)
    assert used(book) == (20, 0)


def test_fills_give_order_counts_back_but_only_by_the_word_of_the_exchange() -> None:
    book = ledger()
    cost = Cost(1, orders=1)
    book.settle(taken(book, cost), {ORDERS: 8}, T0)
    book.settle(taken(book, cost), {ORDERS: 4}, T0)
    assert used(book, ORDERS) == (4, 0)


def test_of_orders_under_way_together_the_larger_number_counts() -> None:
    book = ledger()
    first, second, third = (taken(book, Cost(1, orders=1)) for _ in range(3))
    book.settle(second, {ORDERS: 8}, T0)
    book.settle(third, {ORDERS: 7}, T0)
    assert used(book, ORDERS) == (8, 1)
    book.settle(first, {ORDERS: 9}, T0)
    assert used(book, ORDERS) == (9, 0)


def test_what_was_lost_is_added_to_a_number_that_cannot_know_of_it() -> None:
    book = ledger()
    early = taken(book, Cost(30))
    book.settle(taken(book, Cost(20)), {}, T0)
    book.settle(early, {WEIGHT: 30}, T0)
    assert used(book) == (50, 0)
    book.settle(taken(book, Cost(1)), {WEIGHT: 31}, T0)
    assert used(book) == (31, 0), "a request sent afterwards knows"


def test_a_request_that_never_left_costs_nothing() -> None:
    book = ledger()
    book.release(taken(book, Cost(20, orders=1)), T0)
    assert (used(book), used(book, ORDERS)) == ((0, 0), (0, 0))


def test_orders_wait_for_the_order_count_and_reads_do_not() -> None:
    book = ledger(orders=2)
    taken(book, Cost(1, orders=1), T0 + 3_000, "order")
    assert refused(book, Cost(1, orders=1), T0 + 3_000, "order").until_ms == T0 + 10_000
    taken(book, Cost(1), T0 + 3_000, "market")


def test_a_call_that_alone_is_more_than_its_share_never_fits() -> None:
    assert refused(ledger(), Cost(61), call_class="market").until_ms is None


def test_a_429_holds_its_bucket_for_the_time_it_states_and_a_little_more() -> None:
    book = ledger()
    assert book.throttled("REQUEST_WEIGHT", 7_000, 400, T0) == T0 + 7_400
    assert refused(book, Cost(1), T0 + 7_399).until_ms == T0 + 7_400
    taken(book, Cost(1), T0 + 7_400)


def test_a_429_for_orders_does_not_hold_reads() -> None:
    book = ledger()
    book.throttled("ORDERS", 7_000, 0, T0)
    refused(book, Cost(1, orders=1))
    taken(book, Cost(1))


def test_a_429_without_a_time_holds_to_the_end_of_the_window_and_twice_as_long_when_repeated() -> None:
    book = ledger()
    start = T0 + 10_000
    first = book.throttled("REQUEST_WEIGHT", None, 0, start)
    assert first == T0 + MINUTE
    assert book.throttled("REQUEST_WEIGHT", None, 0, start) == first, "the same moment is no repetition"
    second = book.throttled("REQUEST_WEIGHT", None, 0, first)
    assert second - first == 2 * MINUTE
    assert book.throttled("REQUEST_WEIGHT", None, 0, second) - second == 4 * MINUTE
    quiet = second + 20 * MINUTE
    assert book.throttled("REQUEST_WEIGHT", None, 0, quiet) - quiet == MINUTE


def test_a_ban_stops_everything_for_at_least_two_minutes() -> None:
    book = ledger()
    assert book.banned(T0 + 5_000, T0) == T0 + 120_000
    assert refused(book, Cost(1), T0 + 119_999).code == "BANNED"
    assert book.banned(T0 + 3_600_000, T0) == T0 + 3_600_000
    assert book.banned(0, T0 + 1) == T0 + 3_600_000, "a ban is not shortened"


def test_no_hold_is_longer_than_any_that_is_documented() -> None:
    assert ledger().banned(T0 + 10**12, T0) == T0 + 3 * DAY
    assert ledger().throttled("REQUEST_WEIGHT", 10**12, 400, T0) == T0 + 3 * DAY


def test_a_firewall_s_refusal_holds_its_route_alone_and_doubles_to_a_quarter_of_an_hour() -> None:
    book = ledger(weight=10_000)
    now, lengths = T0, []
    for _ in range(6):
        until = book.blocked(ROUTE, now)
        lengths.append((until - now) // 1000)
        now = until
    assert lengths == [60, 120, 240, 480, 900, 900]
    assert refused(book, Cost(1), now - 1).code == "WAF_BLOCKED"
    assert isinstance(book.reserve(Cost(1), "market", "GET /api/v3/time", now - 1), Reservation)


def test_of_several_reasons_to_wait_the_longest_counts() -> None:
    book = ledger()
    book.throttled("REQUEST_WEIGHT", 1_000, 0, T0)
    book.banned(0, T0)
    assert refused(book, Cost(1)).until_ms == T0 + 120_000
    assert book.held_until(Cost(1), ROUTE, T0) == T0 + 120_000
    assert book.held_until(Cost(1), ROUTE, T0 + 120_000) is None


def test_limits_that_exchange_info_states_replace_the_defaults_and_keep_the_count() -> None:
    book = RateLedger()
    book.settle(taken(book, Cost(20)), {WEIGHT: 20}, T0)
    book.learn(
        stated_limits(
            [
                ("REQUEST_WEIGHT", "MINUTE", 1, 50),
                ("ORDERS", "HOUR", 1, 5),
                ("CONNECTIONS", "MINUTE", 5, 30),
                ("TEA_BREAKS", "MINUTE", 5, 300),
                ("ORDERS", "FORTNIGHT", 1, 5),
            ]
        )
    )
    assert (book.buckets[WEIGHT].limit.most, book.buckets[WEIGHT].counted) == (50, 20)
    assert "ORDERS/3600000" in book.buckets
    assert book.buckets["CONNECTIONS/300000"].limit.most == 30
    assert not [key for key in book.buckets if "TEA" in key]


def test_each_protocol_counts_against_the_limits_that_it_shares_and_those_of_its_own() -> None:
    book = RateLedger()
    taken(book, Cost(3, raw_requests=0))
    taken(book, Cost(2, raw_requests=0, connections=1))
    taken(book, Cost(1))
    reserved = {key: bucket.in_flight for key, bucket in book.buckets.items() if bucket.in_flight}
    assert reserved == {WEIGHT: 6, "RAW_REQUESTS/300000": 1, "CONNECTIONS/300000": 1}


def test_headers_that_are_no_counts_are_passed_over() -> None:
    headers = {
        "x-mbx-used-weight": "5",
        "x-mbx-used-weight-1m": "5",
        "x-mbx-order-count-10s": "٣",
        "x-mbx-order-count-1d": "-1",
        "x-mbx-uuid": "1",
    }
    assert counts(headers) == {WEIGHT: 5}


def test_the_state_shows_every_limit_and_the_holds_in_force() -> None:
    book = ledger()
    taken(book, Cost(5))
    book.settle(taken(book, Cost(2)), {WEIGHT: 2}, T0)
    book.throttled("ORDERS", 1_000, 0, T0)
    state = book.state(T0, "")
    assert state["limits"][0] == {
        "type": "REQUEST_WEIGHT",
        "interval": "1M",
        "limit": 100,
        "used": 2,
        "in_flight": 5,
        "resets_at_ms": T0 + MINUTE,
    }
    assert [row["interval"] for row in state["limits"]] == ["1M", "10S", "1D"]
    assert state["holds"] == [{"scope": "ORDERS", "code": "RATE_LIMITED", "until_ms": T0 + 1_000}]
    assert book.state(T0 + 1_000, "")["holds"] == []
