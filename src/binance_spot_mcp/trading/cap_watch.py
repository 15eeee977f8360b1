"""Watches that orders keep the operator's caps, also those that are on their way at the same time.

What a request asks for is held from the moment it was judged until the journal has it. Between looking at what is left
and taking it nothing else happens, so no two requests can both have the last of it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

from binance_spot_mcp.allowance import Caps
from binance_spot_mcp.domain.check import check
from binance_spot_mcp.domain.exact import minus, total
from binance_spot_mcp.domain.exposure import worst_notional
from binance_spot_mcp.domain.facts import Market
from binance_spot_mcp.domain.positions import DAY_MS, utc_day
from binance_spot_mcp.domain.price_band import out_of_band
from binance_spot_mcp.domain.requests import Request
from binance_spot_mcp.domain.symbols import SymbolRules
from binance_spot_mcp.errors import InvalidInput, RateLimited, Refused, SpotError
from binance_spot_mcp.trading import cap_refusals
from binance_spot_mcp.trading.caps import Ask, Share, Use, currencies, loss_share, may_rest, shares, shrunk
from binance_spot_mcp.trading.daily_loss import DailyLoss
from binance_spot_mcp.trading.gathering import Prices
from binance_spot_mcp.trading.market_view import AGAIN_MS, look
from binance_spot_mcp.trading.register import Register
from binance_spot_mcp.trading.rules_cache import Exchange
from binance_spot_mcp.trading.usage import MINUTE_MS, TradedToday, sent_times
from binance_spot_mcp.trading.worths import Books
from binance_spot_mcp.vocabulary import plain

Rates = dict[tuple[str, str], Decimal]


class Hold:
    """What a request was allowed, until the journal has it.

    Args:
        ask: What it asks for.
        standing: How the caps stood when it was judged.
        audit: What its record says of it.
        forget: Gives it back.
    """

    def __init__(
        self, ask: Ask, standing: tuple[Share, ...], audit: Mapping[str, Any], forget: Callable[["Hold"], None]
    ) -> None:
        self.ask = ask
        self.standing = standing
        self.audit = audit
        self._forget = forget

    def release(self) -> None:
        """Give it back, once or more often: the journal has it, or it will not be sent."""
        self._forget(self)


class CapWatch:
    """Judges requests one by one.

    Args:
        caps: What the operator allows.
        exchange: Makes the calls.
        now_ms: The exchange's time in epoch milliseconds.
    """

    def __init__(self, caps: Caps, exchange: Exchange, now_ms: Callable[[], int]) -> None:
        self._caps = caps
        self._exchange = exchange
        self._prices = Prices(exchange, now_ms)
        self._books = Books(exchange, now_ms)
        self._now_ms = now_ms
        self._held: list[Hold] = []
        self._traded = TradedToday()
        self._losses = DailyLoss(self._books)

    async def hold(
        self, register: Register, request: Request, rules: SymbolRules, market: Market, given: Mapping[str, object]
    ) -> Hold:
        """Judge a request, and hold what it asks for until that is released.

        Args:
            register: What the journal says.
            request: The order or list.
            rules: The rules of its symbol.
            market: What was looked up for it.
            given: The parameters of the call.

        Raises:
            Refused: LIMIT_EXCEEDED, a cap would be broken; STALE_DATA, there are no prices to judge by.
            RateLimited: Prices are needed and cannot be asked for now.
        """
        notional = await self._by_the_market(request, rules, market)
        resting = _resting(register, request, given)
        ask = Ask(request.symbol, rules.info.quote_asset, notional, len(request.orders), resting)
        loss = await self._loss(register)
        rates: Rates = {}
        while missing := self._unconverted(register, ask.asset, rates):
            rates |= await self._rates(missing)
        # Nothing is awaited from here on.
        standing = shares(self._caps, self._use(register, loss), ask, rates)
        if broken := next((share for share in standing if share.broken), None):
            tightest = min((share for share in standing if share.unit), key=_part, default=broken)
            fix = _smaller(tightest, request, rules, market) if broken.unit else {}
            raise self._refusal(broken, fix, register)
        held = Hold(ask, standing, self._audit(ask, standing), self._forget)
        self._held.append(held)
        return held

    async def again(self, register: Register, request: Request, rules: SymbolRules, market: Market) -> None:
        """Judge a request once more for which everything that can be held is held, by what the market has become.

        Raises:
            Refused, RateLimited: As `hold`.
        """
        await self._by_the_market(request, rules, market)
        await self._loss(register)

    def share_of_day(self, notional: Decimal, asset: str) -> str:
        """What a request that is held is of the day's cap, in words; empty where there is none.

        Args:
            notional: The most that it may trade.
            asset: In units of this quote asset.
        """
        asked = (held for held in reversed(self._held) if held.ask.asset == asset)
        near = min(asked, key=lambda held: abs(minus(held.ask.notional or notional, notional)), default=None)
        for share in near.standing if near else ():
            if share.cap == "max_daily_notional":
                part = (share.asked * 100 / share.limit).quantize(Decimal("0.1"), ROUND_UP)
                used = f"{plain(share.used)} used before"
                return f"{plain(part)} % of {plain(share.limit)} {share.unit} for this UTC day, {used}"
        return ""

    async def standing(self, register: Register | None) -> list[dict[str, Any]]:
        """How each cap stands, as an answer tells it; where what is used of it cannot be told, why.

        Args:
            register: What the journal says; None where it cannot be read.
        """
        limits = [{"cap": name, "limit": limit} for name, limit in self._caps.shown().items()]
        if register is None:
            return limits
        caps, loss, rates, why = self._caps, Decimal(0), Rates(), ""
        try:
            loss = await self._loss(register, refuse=False)
            while missing := self._unconverted(register, None, rates):
                rates |= await self._rates(missing)
        except SpotError as failure:
            why, caps = failure.message, replace(caps, max_daily_notional=None, max_daily_loss=None)
        use = self._use(register, loss)
        day = loss_share(caps, use)
        told = {share.cap: share.facts() for share in (*shares(caps, use, None, rates), *((day,) if day else ()))}
        for facts in told.values():
            del facts["asked"]
        reason = {"why": why} if why else {}
        return [told.get(row["cap"], row | reason) for row in limits]

    async def _by_the_market(self, request: Request, rules: SymbolRules, market: Market) -> Decimal | None:
        """Judge a request by the market alone, and give the most that it may trade as far as anybody has to know.

        Raises:
            Refused, RateLimited: As `hold`.
        """
        caps = self._caps
        if caps.symbols is not None and request.symbol not in caps.symbols:
            raise cap_refusals.unlisted(request.symbol, caps.symbols)
        if caps.price_band is None and not currencies(caps):
            return worst_notional(request, market)
        view = await look(self._exchange, self._prices, request, market, self._now_ms())
        if caps.price_band is not None:
            found = out_of_band(request, caps.price_band, view.touch, view.reference, view.fill)
            if found is not None:
                raise cap_refusals.too_far(found, caps.price_band, request.symbol)
        return view.notional

    def _forget(self, held: Hold) -> None:
        if held in self._held:
            self._held.remove(held)

    def _use(self, register: Register, loss: Decimal) -> Use:
        """What is used, as far as a cap asks for it."""
        caps, now_ms, asks = self._caps, self._now_ms(), [held.ask for held in self._held]
        traded = self._traded.amounts(register, now_ms) if currencies(caps) else {}
        opened = sum(1 for _ in register.open()) if caps.max_open_orders is not None else 0
        sent = len(sent_times(register, now_ms)) if caps.max_orders_per_minute is not None else 0
        for ask in asks:
            traded[ask.asset] = total((traded.get(ask.asset, Decimal(0)), ask.notional or Decimal(0)))
        return Use(
            traded=traded,
            open_orders=opened + sum(ask.resting for ask in asks),
            last_minute=sent + sum(ask.orders for ask in asks),
            loss=loss,
        )

    async def _loss(self, register: Register, *, refuse: bool = True) -> Decimal:
        """What this day has lost.

        Raises:
            Refused: LIMIT_EXCEEDED, it is enough; STALE_DATA, it cannot be told.
        """
        if (most := self._caps.max_daily_loss) is None:
            return Decimal(0)
        today = utc_day(self._now_ms())
        with self._priced(most.asset):
            loss = await self._losses.of(register, most.asset, today)
        share = loss_share(self._caps, Use(loss=loss))
        if refuse and share is not None and not share.left:
            raise cap_refusals.lost(share, (today + 1) * DAY_MS)
        return loss

    def _unconverted(self, register: Register, asset: str | None, rates: Rates) -> set[tuple[str, str]]:
        """Assets and the currencies of caps in which their worth is needed and not known yet."""
        units = currencies(self._caps)
        assets = {*self._use(register, Decimal(0)).traded} | ({asset} if asset else set()) if units else ()
        return {(each, unit) for each in assets for unit in units} - rates.keys()

    async def _rates(self, missing: Collection[tuple[str, str]]) -> Rates:
        rates: Rates = {(asset, unit): Decimal(1) for asset, unit in missing if asset == unit}
        for unit in {unit for asset, unit in missing if asset != unit}:
            assets = {asset for asset, other in missing if other == unit and asset != unit}
            rates |= await self._asked(assets, unit)
        return rates

    async def _asked(self, assets: Collection[str], unit: str) -> Rates:
        with self._priced(unit):
            worths = await self._books.worths(assets, unit)
        rates: Rates = {}
        for asset in assets:
            worth = worths.each[asset]
            if worth.price is None:
                raise cap_refusals.inconvertible(asset, unit, worth.why)
            rates[asset, unit] = worth.price
        return rates

    @contextmanager
    def _priced(self, unit: str) -> Iterator[None]:
        """Refuse what cannot be judged because prices cannot be had; a limit of the exchange is told as such."""
        try:
            yield
        except RateLimited:
            raise
        except InvalidInput as unknown:
            raise cap_refusals.inconvertible("what is traded", unit, unknown.message) from unknown
        except SpotError as failure:
            raise cap_refusals.unpriced(unit, failure.message, self._now_ms() + AGAIN_MS) from failure

    def _refusal(self, share: Share, fix: Mapping[str, Decimal], register: Register) -> Refused:
        now_ms = self._now_ms()
        opens_ms = None
        if share.asked <= share.limit and share.cap == "max_daily_notional":
            opens_ms = (utc_day(now_ms) + 1) * DAY_MS
        elif share.asked <= share.limit and share.cap == "max_orders_per_minute":
            opens_ms = min(sent_times(register, now_ms), default=now_ms) + MINUTE_MS
        return cap_refusals.over(share, fix, opens_ms)

    def _audit(self, ask: Ask, standing: tuple[Share, ...]) -> dict[str, Any]:
        notional = {} if ask.notional is None else {"notional": plain(ask.notional)}
        used = {share.cap: plain(share.used) for share in standing}
        caps = self._caps.shown()
        by = {"digest": self._caps.digest, "caps": caps, "used": used} if caps else {}
        return {"asset": ask.asset, **notional, **by}


def _resting(register: Register, request: Request, given: Mapping[str, object]) -> int:
    """How many more orders of ours may be open afterwards; a replacement takes the place of the order it cancels."""
    number, name = given.get("cancelOrderId"), given.get("cancelOrigClientOrderId")
    replaced = (
        register.numbered(request.symbol, int(str(number))) if number is not None else register.orders.get(str(name))
    )
    frees = replaced is not None and replaced.live and given.get("cancelReplaceMode") == "STOP_ON_FAILURE"
    return may_rest(request.orders) - frees


def _part(share: Share) -> Decimal:
    """Which part of what is asked for is left."""
    return share.left / share.asked if share.asked else Decimal(1)


def _smaller(share: Share, request: Request, rules: SymbolRules, market: Market) -> dict[str, Decimal]:
    """A size with which a request would keep a cap and every filter; nothing if there is none."""
    if (found := shrunk(request, share)) is None:
        return {}
    param, size = found
    precision = rules.info.quote_asset_precision if param.endswith("quoteOrderQty") else rules.info.base_asset_precision
    size = size.quantize(Decimal(1).scaleb(-precision), ROUND_DOWN)
    checked = check(request.with_number(param, size), rules, market) if size else None
    if checked is None or not (checked.passed or checked.fix.keys() == {param}):
        return {}
    size = min(size, checked.fix.get(param, size))
    return {param: size} if check(request.with_number(param, size), rules, market).passed else {}
