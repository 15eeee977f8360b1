"""Which source of prices an exchange runs on, as its options say."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from paper_exchange.background import in_background
from paper_exchange.market.builtin import BUILT_IN
from paper_exchange.market.quiet import QuietMarket
from paper_exchange.market.source import Source
from paper_exchange.market.symbol_file import extended
from paper_exchange.market.synthetic.market import SyntheticMarket
from paper_exchange.market.tape import TapeMarket
from paper_exchange.options import Mirrored, Options


def kind_of(options: Options) -> str:
    """A name for the source, the same as long as it can go on where it stopped."""
    if options.mirror is not None:
        return f"mirror of {options.mirror.rest}"
    kind = "synthetic" if options.market else "quiet"
    if options.tape is not None:
        kind = f"tape {options.tape.resolve()}"
    return kind if options.symbols is None else f"{kind} with {options.symbols.resolve()}"


@asynccontextmanager
async def source(options: Options, *, seed: int, genesis_us: int) -> AsyncIterator[Source]:
    """The source of prices, ready to found a market.

    Raises:
        ValueError: A file cannot be used.
        OSError: A file or the other exchange cannot be read.
    """
    catalog = BUILT_IN if options.symbols is None else extended(BUILT_IN, options.symbols)
    if options.mirror is not None:
        async with _mirror(options.mirror) as market:
            yield market
    elif options.tape is not None:
        yield TapeMarket(catalog, options.tape, genesis_us=genesis_us)
    elif not options.market:
        yield QuietMarket(catalog)
    else:
        yield SyntheticMarket(catalog, seed=seed, genesis_us=genesis_us)


@asynccontextmanager
async def _mirror(mirrored: Mirrored) -> AsyncIterator[Source]:
    # These bring an HTTP and a WebSocket client along, which no other source needs.
    from paper_exchange.market.mirror.market import MirrorMarket  # noqa: PLC0415
    from paper_exchange.market.mirror.upstream import UnusableUpstream, Upstream  # noqa: PLC0415

    async with Upstream(mirrored.rest, mirrored.ws) as upstream:
        try:
            market = MirrorMarket(await upstream.catalog(mirrored.symbols))
        except UnusableUpstream as error:
            raise ConnectionError(f"{mirrored.rest} cannot be mirrored: {error}") from error
        async with aclosing(upstream.watch(mirrored.symbols)) as feed, in_background(market.follow(feed)):
            yield market
