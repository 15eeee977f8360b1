"""Opens what tools work with, from the settings: connection, gate, and on paper the exchange itself."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from binance_spot_mcp.errors import Refused, SpotError
from binance_spot_mcp.logs import Hiding, logger
from binance_spot_mcp.settings import Settings
from binance_spot_mcp.surface.calls import call
from binance_spot_mcp.surface.session import OpenDesk, session
from binance_spot_mcp.tools.desk import Desk
from binance_spot_mcp.tools.tool import AnyTool

if TYPE_CHECKING:
    from binance_spot_mcp.client import Spot, Venue
    from binance_spot_mcp.trading.keeper import OpenJournal
    from binance_spot_mcp.transport.world import World


def opener(
    settings: Settings,
    *,
    world: "World | None" = None,
    open_file: "OpenJournal | None" = None,
    spot: "Spot | None" = None,
) -> OpenDesk:
    """What a server of these settings opens when a tool first needs the exchange.

    Args:
        settings: The operator's settings.
        world: Clocks, waiting and chance; those of this machine if not given.
        open_file: Opens the journal's file, where that is not simply a file on the disk.
        spot: The exchange, where it is not the one that the settings name; closed by whoever opened it.
    """
    return partial(_open_desk, settings, world, open_file, spot)


async def call_once(settings: Settings, tool: AnyTool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call one tool and close everything again; the answer is the object that an agent would read."""
    if settings.transport == "auto" and (settings.base_url or settings.env != "paper" or settings.embedded):
        settings = settings.model_copy(
            update={"transport": "rest"}
        )  # a socket is worth its opening from the second call
    async with session(settings.env, opener(settings)) as opened:
        return (await call(tool, arguments, opened)).body


# What a desk is made of is imported when one is opened: a host that starts the server waits for its tool list, not for
# an HTTP client.


@asynccontextmanager
async def _open_desk(
    settings: Settings, world: "World | None", open_file: "OpenJournal | None", given: "Spot | None"
) -> AsyncIterator[Desk]:
    from binance_spot_mcp.client import Spot  # noqa: PLC0415
    from binance_spot_mcp.streams.hub import Streams  # noqa: PLC0415
    from binance_spot_mcp.streams.order_events import OrderEvents  # noqa: PLC0415
    from binance_spot_mcp.streams.waits import Waits  # noqa: PLC0415
    from binance_spot_mcp.trading.approval import Approvals  # noqa: PLC0415
    from binance_spot_mcp.trading.cap_watch import CapWatch  # noqa: PLC0415
    from binance_spot_mcp.trading.client_ids import ClientOrderIds, installation_tag  # noqa: PLC0415
    from binance_spot_mcp.trading.for_orders import ForOrders  # noqa: PLC0415
    from binance_spot_mcp.trading.gate import Gate  # noqa: PLC0415
    from binance_spot_mcp.trading.incident_file import IncidentFile  # noqa: PLC0415
    from binance_spot_mcp.trading.incidents import INCIDENTS, Incidents, with_incidents  # noqa: PLC0415
    from binance_spot_mcp.trading.journal.file import fingerprint, open_journal  # noqa: PLC0415
    from binance_spot_mcp.trading.keeper import CLOCK_SAMPLES, Keeper  # noqa: PLC0415
    from binance_spot_mcp.trading.key_watch import KeyWatch  # noqa: PLC0415
    from binance_spot_mcp.trading.operator import OPERATOR_FILE, OperatorFile  # noqa: PLC0415
    from binance_spot_mcp.trading.portfolio import Portfolios  # noqa: PLC0415
    from binance_spot_mcp.trading.snapshots import Snapshots  # noqa: PLC0415
    from binance_spot_mcp.trading.switch import STOP_FILE, Switch  # noqa: PLC0415
    from binance_spot_mcp.transport.shared_ledger import shared_ledger  # noqa: PLC0415
    from binance_spot_mcp.transport.world import World  # noqa: PLC0415

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
async def _paper_venue(settings: Settings) -> "AsyncIterator[Callable[[], Awaitable[Venue]]]":
    """The paper exchange of this home: the one that runs, or a new one in a process of its own."""
    from pydantic import SecretStr  # noqa: PLC0415

    from binance_spot_mcp.client import Venue  # noqa: PLC0415
    from binance_spot_mcp.signing import hmac_signer  # noqa: PLC0415
    from paper_exchange.lease import CannotStart, attach  # noqa: PLC0415

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


async def _say_what_stays_open(spot: "Spot") -> None:
    from binance_spot_mcp.catalogue.trading import OPEN_ORDERS, OpenOrdersParams  # noqa: PLC0415

    with suppress(SpotError):
        orders = await spot.call(OPEN_ORDERS, OpenOrdersParams())
        logger("cli").info("the paper account keeps its orders", open_orders=len(orders))
