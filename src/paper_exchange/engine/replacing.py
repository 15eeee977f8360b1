"""Cancel one order and place another.

The two halves are not atomic: each may fail without the other, and the answer says what became of both.

Source: rest-api.md#cancel-an-existing-order-and-send-a-new-order-trade
"""

from paper_exchange.engine.accounts import Account
from paper_exchange.engine.admission import check_order, draft
from paper_exchange.engine.cancelling import cancel_order
from paper_exchange.engine.commands import CancelOrder, CancelReplace
from paper_exchange.engine.events import Cancelled, CancelledList, OrderReport, Placed, Refused, Replaced
from paper_exchange.engine.exchange import Exchange
from paper_exchange.engine.market import Market
from paper_exchange.engine.placing import enter
from paper_exchange.engine.refusal import Refusal
from paper_exchange.engine.words import RejectReason

_REJECT_REASONS: dict[str, RejectReason] = {
    "Account has insufficient balance for requested action.": "INSUFFICIENT_BALANCES",
    "Order would trigger immediately.": "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    "Order would immediately match and take.": "WOULD_MATCH_IMMEDIATELY",
    "The relationship of the prices for the orders is not correct.": "OCO_BAD_PRICES",
}


def cancel_replace(x: Exchange, command: CancelReplace) -> Replaced:
    """Cancel an order, then place another one.

    Raises:
        Refusal: -1013, the symbol or a filter (with the old order still open) speaks against the new order.
    """
    market, account = x.market(command.symbol), x.account(command.account)
    if not market.spec.cancel_replace_allowed:
        raise Refusal(-1013, "Order cancel-replace is not supported for this symbol.")
    check_order(x, market, account, command.order)
    cancel = _cancel(x, command)
    failed = isinstance(cancel, Refused)
    if failed and command.mode == "STOP_ON_FAILURE":
        return Replaced(cancel_result="FAILURE", new_order_result="NOT_ATTEMPTED", cancel=cancel, new_order=None)
    new_order = _place(x, market, account, command)
    if isinstance(new_order, Refused) and not failed:
        _report_rejected(x, market, account, command, new_order)
    return Replaced(
        cancel_result="FAILURE" if failed else "SUCCESS",
        new_order_result="FAILURE" if isinstance(new_order, Refused) else "SUCCESS",
        cancel=cancel,
        new_order=new_order,
    )


def _cancel(x: Exchange, command: CancelReplace) -> Cancelled | CancelledList | Refused:
    try:
        return cancel_order(
            x,
            CancelOrder(
                account=command.account,
                symbol=command.symbol,
                order_id=command.order_id,
                orig_client_order_id=command.orig_client_order_id,
                new_client_order_id=command.cancel_client_order_id,
                restrictions=command.restrictions,
            ),
        )
    except Refusal as refusal:
        return Refused(code=refusal.code, msg=refusal.msg)


def _place(x: Exchange, market: Market, account: Account, command: CancelReplace) -> Placed | Refused:
    if command.over_quota is not None:
        return Refused(code=-1015, msg=command.over_quota)
    try:
        return enter(x, market, account, command.order)
    except Refusal as refusal:
        return Refused(code=refusal.code, msg=refusal.msg)


def _report_rejected(x: Exchange, market: Market, account: Account, command: CancelReplace, refused: Refused) -> None:
    """Report a new order that was refused after its predecessor was cancelled. Source: enums.md#execution-types"""
    order = draft(x, market, account, command.order)
    order.order_id = x.counters.next_order()
    order.client_order_id = order.client_order_id or x.counters.next_client_id()
    order.status = "REJECTED"
    x.events.append(
        OrderReport(
            order=order,
            execution_type="REJECTED",
            execution_id=x.counters.next_execution(),
            client_order_id=order.client_order_id,
            time_us=x.now_us,
            reject_reason=_REJECT_REASONS.get(refused.msg, "NONE"),
        )
    )
