"""The one question that is asked before anything is sent: does this request keep the rules of its symbol?

Source: filters.md, rest-api.md#trading-endpoints
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from binance_spot_mcp.domain.exact import minus
from binance_spot_mcp.domain.exposure import worst_notional
from binance_spot_mcp.domain.facts import UNKNOWN_ACCOUNT, UNKNOWN_MARKET, Account, Input, Market
from binance_spot_mcp.domain.filters import Case, LotSize, MaxNumOrderAmends
from binance_spot_mcp.domain.findings import Finding, Limit, Unchecked, Violation, nearest, violation
from binance_spot_mcp.domain.funds import funds
from binance_spot_mcp.domain.orders import Number
from binance_spot_mcp.domain.permissions import amendable, permissions
from binance_spot_mcp.domain.relations import relations
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.errors import ExchangeError, FilterFailure, Refused, SpotError
from binance_spot_mcp.vocabulary import plain

PRECISION: Final = "PRECISION"
AMEND: Final = "ORDER_AMEND"

_OWN_FILTERS: Final = Unchecked("account filters", "they are not known", frozenset({"account_filters"}))
_IN_BASE: Final[tuple[Number, ...]] = ("quantity", "icebergQty")
_IN_QUOTE: Final[tuple[Number, ...]] = ("price", "stopPrice", "quoteOrderQty")
_CORRECTED: Final[tuple[Number, ...]] = (
    "trailingDelta",
    "price",
    "stopPrice",
    "quantity",
    "quoteOrderQty",
    "icebergQty",
)
"""Numbers in the order in which they are corrected: one that others are measured by comes before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found about a request.

    Attributes:
        symbol: The symbol.
        violations: Every rule that is broken.
        unchecked: What could not be checked here.
        fix: Other values for parameters, by wire name, with which the request keeps every filter that was checked.
        notional: The most that the request is expected to trade, in units of the quote asset.
    """

    symbol: str
    violations: tuple[Violation, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    fix: Mapping[str, Decimal] = field(default_factory=dict)
    notional: Decimal | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing that was checked is broken."""
        return not self.violations

    @property
    def missing(self) -> frozenset[Input]:
        """Facts with which more could be checked."""
        return frozenset().union(*(unchecked.missing for unchecked in self.unchecked))

    def refusal(self) -> SpotError | None:
        """The error that stands for the violations, the first of them in front; None if there are none."""
        if not self.violations:
            return None
        first, *others = self.violations
        details: dict[str, object] = {**first.details, "symbol": self.symbol}
        if others:
            details["also"] = [other.details for other in others]
        message = " ".join(found.message for found in self.violations)
        if first.code == "SYMBOL_NOT_TRADING":
            return Refused(message, code=first.code, details=details, exchange=first.exchange)
        return FilterFailure(
            message,
            code=first.code,
            fix={name: plain(value) for name, value in self.fix.items()},
            next="check_order",
            details=details,
            exchange=first.exchange,
        )


def check(
    request: Request, rules: SymbolRules, market: Market = UNKNOWN_MARKET, account: Account = UNKNOWN_ACCOUNT
) -> Check:
    """Check what would be placed against everything that its symbol demands.

    Args:
        request: A single order, or a list with all its legs.
        rules: The symbol's rules, with the account's own filters if they are known.
        market: Prices, as far as they are known.
        account: Open orders and balances, as far as they are known.
    """
    case = Case(rules.info, market, account)
    found = _findings(request, rules, case)
    violations = _violations(found, request.symbol)
    return Check(
        symbol=request.symbol,
        violations=violations,
        unchecked=tuple(each for each in found if isinstance(each, Unchecked)),
        fix=_fix(request, rules, case) if violations else {},
        notional=worst_notional(request, market),
    )


def check_amendment(
    new_quantity: Decimal, rules: SymbolRules, account: Account = UNKNOWN_ACCOUNT, current: Decimal | None = None
) -> Check:
    """Check the new quantity of an open order.

    Args:
        new_quantity: What the whole order shall be, filled part included.
        rules: The symbol's rules.
        account: How often the order was amended, if that is known.
        current: What the whole order is now, if that is known.
    """
    info = rules.info
    found: list[Finding] = [
        *amendable(info),
        _precision_limit("quantity", "newQty", new_quantity, info.base_asset_precision),
    ]
    if lot := rules.filter(LotSize):
        found.append(lot.limit("quantity", "newQty", new_quantity))
    if amends := rules.filter(MaxNumOrderAmends):
        found += amends.of_amendment(account)
    if current is None:
        found.append(Unchecked(AMEND, "the current quantity of the order is not known", frozenset({"amended_order"})))
    else:
        found.append(
            Limit(
                rule=AMEND,
                number="quantity",
                param="newQty",
                given=new_quantity,
                maximum=minus(current, _smallest(info.base_asset_precision)),
                reason=f"an amendment can only lower the quantity, which is {plain(current)}",
                exchange=ExchangeError(-2038, "Order amend (quantity increase) is not supported."),
            )
        )
    violations = _violations(found, info.symbol)
    curable = violations and all(each.param == "newQty" for each in violations)
    value = _correction(_by_param(found)["newQty"]) if curable else None
    return Check(
        symbol=info.symbol,
        violations=violations,
        unchecked=tuple(each for each in found if isinstance(each, Unchecked)),
        fix={} if value is None else {"newQty": value},
    )


def _findings(request: Request, rules: SymbolRules, case: Case) -> list[Finding]:
    """Everything there is to say about a request, each thing once: legs often share a parameter."""
    found: Iterable[Finding] = (
        *permissions(request, rules),
        *relations(request, case.market),
        *(Unchecked(name, "this version does not know it") for name in rules.unknown),
        *(() if rules.of_account else (_OWN_FILTERS,)),
        *_limits(request, rules, case),
    )
    return [*dict.fromkeys(found)]


def _limits(request: Request, rules: SymbolRules, case: Case) -> Iterator[Limit | Unchecked]:
    """Every limit on the request's numbers, and what cannot be checked of them."""
    for each in rules.filters:
        yield from each.findings(request, case)
    for order in request.orders:
        for names, precision in (
            (_IN_BASE, case.symbol.base_asset_precision),
            (_IN_QUOTE, case.symbol.quote_asset_precision),
        ):
            for name in names:
                if (value := order.number(name)) is not None:
                    yield _precision_limit(name, order.leg.wire(name), value, precision)
    yield from funds(request, rules.info, case.account)


def _precision_limit(number: Number, param: str, given: Decimal, precision: int) -> Limit:
    """Limit the decimals of an amount to those of its asset. Source: errors.md#-1111-bad_precision"""
    return Limit(
        rule=PRECISION,
        number=number,
        param=param,
        given=given,
        step=_smallest(precision),
        exchange=ExchangeError(-1111, f"Parameter '{param}' has too much precision."),
    )


def _smallest(precision: int) -> Decimal:
    """The smallest amount that can be written with so many decimals."""
    return Decimal(1).scaleb(-precision)


def _violations(found: Iterable[Finding], symbol: str) -> tuple[Violation, ...]:
    """What is broken, in the order in which it was found; values that would do stand beside each broken limit."""
    found = list(found)
    groups = _by_param(found)
    return tuple(
        each
        if isinstance(each, Violation)
        else violation(each, nearest(each.given, groups.get(each.param, ())), symbol)
        for each in found
        if isinstance(each, Violation) or (isinstance(each, Limit) and each.broken)
    )


def _fix(request: Request, rules: SymbolRules, case: Case) -> dict[str, Decimal]:
    """Other values for parameters with which nothing is broken any more; nothing if there are none."""
    fix: dict[str, Decimal] = {}
    for number in _CORRECTED:
        for param, limits in _by_param(_limits(request, rules, case)).items():
            if limits[0].number == number and any(limit.broken for limit in limits):
                value = _correction(limits)
                if value is None:
                    return {}
                fix[param] = value
                request = request.with_number(param, value)
    return {} if _violations(_findings(request, rules, case), request.symbol) else fix


def _by_param(found: Iterable[Finding]) -> dict[str, list[Limit]]:
    """The limits on each parameter that a caller can change."""
    groups: dict[str, list[Limit]] = {}
    for each in found:
        if isinstance(each, Limit) and each.number is not None:
            groups.setdefault(each.param, []).append(each)
    return groups


def _correction(limits: list[Limit]) -> Decimal | None:
    """The nearest value that keeps all limits on one parameter: the one below, unless only the one above will do."""
    lower, upper = nearest(limits[0].given, limits)
    return upper if lower is None else lower
