"""The public data of another Binance endpoint: what it lists, and what happens in its books.

Source: rest-api.md#market-data-endpoints, web-socket-streams.md#how-to-manage-a-local-order-book-correctly
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from paper_exchange.engine.symbols import SymbolFilter
from paper_exchange.market.catalog import NUMERAIRE, Asset, Catalog, Listing
from paper_exchange.market.feed import BookSeen, Level, Seen, TradeSeen
from paper_exchange.market.listed_symbol import ListedSymbol, listing_of
from paper_exchange.market.mirror.chain import Chain, Change, Gap

_log = logging.getLogger(__name__)

_SNAPSHOT_LEVELS = 1000
_TIMEOUT_S = 10
_PAUSE_S = 1
_US_PER_MS = 1000
_KNOWN_FILTERS = frozenset(str(kind.__struct_config__.tag) for kind in SymbolFilter.__args__)


class UnusableUpstream(Exception):
    """The other exchange does not answer as a Binance Spot exchange would."""


class _Envelope(Struct, frozen=True):
    stream: str
    data: msgspec.Raw


class _Depth(Struct, frozen=True):
    """depthUpdate"""

    E: int
    s: str
    U: int
    u: int
    b: tuple[Level, ...]
    a: tuple[Level, ...]


class _Trade(Struct, frozen=True):
    """trade"""

    E: int
    s: str
    p: Decimal
    q: Decimal
    m: bool


class _Snapshot(Struct, frozen=True, rename="camel"):
    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class _Time(Struct, frozen=True, rename="camel"):
    server_time: int


class _Price(Struct, frozen=True):
    symbol: str
    price: Decimal


class Upstream:
    """Reads another exchange.

    Args:
        rest: Base URL of its REST API, such as `https://data-api.binance.vision`.
        ws: Base URL of its streams, such as `wss://data-stream.binance.vision`.
    """

    def __init__(self, rest: str, ws: str) -> None:
        self._http = httpx.AsyncClient(base_url=rest, timeout=_TIMEOUT_S, trust_env=False)
        self._ws = ws

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def catalog(self, symbols: Sequence[str]) -> Catalog:
        """The symbols as the other exchange lists them, with what their assets cost there.

        Filters that are not known here are left out.

        Raises:
            UnusableUpstream: It does not list them all, or not in a form that can be read.
        """
        names = msgspec.json.encode(symbols).decode()
        info = await self._get("exchangeInfo", Any, symbols=names)
        prices = await self._get("ticker/price", tuple[_Price, ...], symbols=names)
        try:
            listings = {entry["symbol"]: _listing(entry) for entry in info["symbols"]}
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableUpstream(f"exchangeInfo cannot be read: {error!r}") from error
        return Catalog(assets=_assets(listings, {row.symbol: row.price for row in prices}), listings=listings)

    async def watch(self, symbols: Sequence[str]) -> AsyncGenerator[Seen, None]:
        """What happens in the books of the symbols, for ever: first each whole book, then every change and trade.

        After a lost connection or a missed message the whole book comes again.
        """
        names = [name for symbol in symbols for name in (f"{symbol.lower()}@depth@100ms", f"{symbol.lower()}@trade")]
        async for socket in connect(f"{self._ws}/stream?streams={'/'.join(map(quote, names))}", proxy=None):
            try:
                async with aclosing(self._watch(socket, symbols)) as watched:
                    async for seen in watched:
                        yield seen
            except (ConnectionClosed, UnusableUpstream) as error:
                _log.warning("the mirrored exchange was lost, trying again: %s", error)
                await asyncio.sleep(_PAUSE_S)

    async def _watch(self, socket: ClientConnection, symbols: Sequence[str]) -> AsyncGenerator[Seen, None]:
        chains: dict[str, Chain] = {}
        server_time = await self._get("time", _Time)
        for symbol in symbols:
            chains[symbol], seen = await self._whole_book(symbol, server_time.server_time)
            yield seen
        async for message in socket:
            envelope = msgspec.json.decode(message, type=_Envelope)
            if envelope.stream.endswith("@trade"):
                yield _trade_seen(msgspec.json.decode(envelope.data, type=_Trade))
                continue
            event = msgspec.json.decode(envelope.data, type=_Depth)
            try:
                fits = chains[event.s].fits(Change(event.U, event.u))
            except Gap as gap:
                _log.info("%s: %s", event.s, gap)
                chains[event.s], seen = await self._whole_book(event.s, event.E)
                yield seen
                fits = chains[event.s].fits(Change(event.U, event.u))
            if fits:
                yield BookSeen(at_us=event.E * _US_PER_MS, symbol=event.s, bids=event.b, asks=event.a)

    async def _whole_book(self, symbol: str, at_ms: int) -> tuple[Chain, BookSeen]:
        book = await self._get("depth", _Snapshot, symbol=symbol, limit=_SNAPSHOT_LEVELS)
        return Chain(book.last_update_id), BookSeen(
            at_us=at_ms * _US_PER_MS, symbol=symbol, bids=book.bids, asks=book.asks, whole=True
        )

    async def _get(self, path: str, form: Any, **parameters: str | int) -> Any:
        try:
            answer = await self._http.get(f"/api/v3/{path}", params=parameters)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=form)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise UnusableUpstream(f"{path}: {error}") from error


def _listing(entry: dict[str, Any]) -> Listing:
    """A symbol of exchangeInfo, without whatever it says that is not known here."""
    known = {name: entry[name] for name in ListedSymbol.__struct_encode_fields__ if name in entry}
    known["filters"] = [each for each in entry["filters"] if each["filterType"] in _KNOWN_FILTERS]
    return listing_of(msgspec.convert(known, ListedSymbol))


def _assets(listings: dict[str, Listing], prices: dict[str, Decimal]) -> dict[str, Asset]:
    """What every asset costs in USDT, as far as the symbols tell; 1 where they do not."""
    known = {NUMERAIRE: Decimal(1)}
    for _ in listings:  # each round may make a price known that the next one needs
        for symbol, listing in listings.items():
            base, quoted = listing.spec.base_asset, listing.spec.quote_asset
            price = prices.get(symbol, Decimal(0))
            if price and quoted in known:
                known.setdefault(base, known[quoted] * price)
            elif price and base in known:
                known.setdefault(quoted, known[base] / price)
    names = {name for listing in listings.values() for name in (listing.spec.base_asset, listing.spec.quote_asset)}
    return {name: Asset(name=name, price=known.get(name, Decimal(1))) for name in sorted(names)}


def _trade_seen(trade: _Trade) -> TradeSeen:
    return TradeSeen(
        at_us=trade.E * _US_PER_MS,
        symbol=trade.s,
        price=trade.p,
        quantity=trade.q,
        taker="SELL" if trade.m else "BUY",
    )
