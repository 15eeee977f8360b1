"""Opens what tools work with: connection, gate, streams, and on paper the exchange itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, suppress
from functools import partial

from pydantic import SecretStr

from binance_spot_mcp.catalogue.trading import OPEN_ORDERS, OpenOrdersParams
from binance_spot_mcp.client import Spot, Venue
from binance_spot_mcp.errors import Refused, SpotError
from binance_spot_mcp.logs import Hiding, logger
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.signing import hmac_signer
from binance_spot_mcp.streams.hub import Streams
from binance_spot_mcp.streams.order_events import OrderEvents
from binance_spot_mcp.streams.waits import Waits
from binance_spot_mcp.tools.desk import Desk
from binance_spot_mcp.trading.approval import Approvals
from binance_spot_mcp.trading.cap_watch import CapWatch
from binance_spot_mcp.trading.client_ids import ClientOrderIds, installation_tag
from binance_spot_mcp.trading.for_orders import ForOrders
from binance_spot_mcp.trading.gate import Gate
from binance_spot_mcp.trading.incident_file import IncidentFile
from binance_spot_mcp.trading.incidents import INCIDENTS, Incidents, with_incidents
from binance_spot_mcp.trading.journal.file import fingerprint, open_journal
from binance_spot_mcp.trading.keeper import CLOCK_SAMPLES, Keeper, OpenJournal
from binance_spot_mcp.trading.key_watch import KeyWatch
from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile
from binance_spot_mcp.trading.portfolio import Portfolios
from binance_spot_mcp.trading.snapshots import Snapshots
from binance_spot_mcp.trading.switch import STOP_FILE, Switch
from binance_spot_mcp.transport.shared_ledger import shared_ledger
from binance_spot_mcp.transport.world import World


@asynccontextmanager
async def open_desk(
    settings: Settings, world: World | None, open_file: OpenJournal | None, given: Spot | None
) -> AsyncIterator[Desk]:
    """Open a desk, and close it at the end; see `desk.opener` for what it is given.

    Raises:
        Refused: The built-in exchange is not there.
    """
    # A clock that a test turns cannot be compared with other processes' clocks, so such a server counts alone.
    ledger = partial(shared_ledger, settings, World()) if world is None else None
    world = world or World()
    async with AsyncExitStack() as stack:
        venue = await stack.enter_async_context(_paper_venue(settings)) if settings.embedded else None
        spot = given or Spot(settings, venue=venue, world=world, ledger=ledger)
        if given is None:
            stack.push_async_callback(spot.aclose)
        if settings.embedded:
            stack.push_async_callback(_say_what_stays_open, spot)
        state = settings.home / "state"
        ids = ClientOrderIds(installation_tag(state, world.random_bytes), world.random_bytes)
        key = (await venue()).api_key if venue else settings.api_key
        streams = await stack.enter_async_context(aclosing(Streams(spot, settings, world=world)))
        watched = KeyWatch(spot)
        for_orders = ForOrders(watched)
        notes = stack.enter_context(closing(IncidentFile(settings.home / INCIDENTS, Hiding(settings.secrets()))))
        incidents = stack.enter_context(closing(Incidents(settings.env, notes, spot.clock.now_ms)))
        keeper = Keeper(
            state,
            settings.env,
            fingerprint(key.get_secret_value()) if key else None,
            exchange=for_orders,
            ids=ids,
            recv_window_ms=settings.recv_window,
            now_ms=spot.clock.now_ms,
            know_the_time=partial(spot.measure_clock, CLOCK_SAMPLES),
            sleep=world.sleep,
            open_file=partial(with_incidents, incidents, open_file or open_journal),
            events=OrderEvents(streams.user, streams.at_ms),
        )
        stack.push_async_callback(keeper.close)
        keeper.start()
        operator = stack.enter_context(closing(OperatorFile(state / OPERATOR_FILE)))
        caps = CapWatch(settings.caps, for_orders, spot.clock.now_ms)
        approvals = Approvals(
            settings.env,
            fingerprint(key.get_secret_value()) if key else "",
            switched_on=settings.live_trading,
            always=settings.approval == "always",
            exchange=for_orders,
            operator=operator,
            now_ms=spot.clock.now_ms,
            new_id=ids.new,
            share_of_day=caps.share_of_day,
        )
        switch = Switch(
            keeper.name,
            operator,
            settings.home / STOP_FILE,
            spot.clock.now_ms,
            orders_per_minute=settings.max_orders_per_minute,
            key_refusal=lambda: watched.refusal,
            when_closed=incidents.closed,
        )
        snapshots = stack.enter_context(closing(Snapshots(settings.home / "snapshots")))
        gate = Gate(
            for_orders,
            approvals=approvals,
            caps=caps,
            switch=switch,
            keeper=keeper,
            ids=ids,
            now_ms=spot.clock.now_ms,
            snapshots=snapshots,
        )
        stack.push_async_callback(gate.settled)
        stack.callback(gate.watch(world.sleep).cancel)
        waits = stack.enter_context(closing(Waits(streams)))
        yield Desk(
            settings.env,
            watched,
            gate,
            streams,
            waits,
            Portfolios(spot, keeper, spot.clock.now_ms),
            incidents=incidents,
        )


@asynccontextmanager
async def _paper_venue(settings: Settings) -> AsyncIterator[Callable[[], Awaitable[Venue]]]:
    """The paper exchange of this home: the one that runs, or a new one in a process of its own."""
    from paper_exchange.lease import CannotStart, attach  # noqa: PLC0415  (only the built-in exchange needs it)

    try:
        lease = await attach(settings.home, settings.paper_account)
    except (CannotStart, OSError) as error:
        raise Refused(f"The built-in exchange is not there: {error}.", code="NOT_READY") from None
    try:
        login = lease.login
        signer = hmac_signer(SecretStr(login.api_secret))

        async def venue() -> Venue:
            return Venue(
                (login.rest,),
                api_key=SecretStr(login.api_key),
                signer=lambda: signer,
                streams=login.ws,
                ws_api=login.ws_api,
            )

        yield venue
    finally:
        await lease.close()


async def _say_what_stays_open(spot: Spot) -> None:
    with suppress(SpotError):
        orders = await spot.call(OPEN_ORDERS, OpenOrdersParams())
        logger("cli").info("the paper account keeps its orders", open_orders=len(orders))
