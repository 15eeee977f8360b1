"""All ways into an exchange: the REST API, the sockets, and the operator's door. Faults and oracle stand at each."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from paper_exchange.accounts import FIRST_ACCOUNT, Accounts
from paper_exchange.clock import Clock, ShiftedClock
from paper_exchange.control import Control
from paper_exchange.exchange import PaperExchange
from paper_exchange.faults.plan import Plan
from paper_exchange.faulty_store import FaultyStore
from paper_exchange.gateway.admin import ROOT, AdminDoor
from paper_exchange.gateway.api import Api
from paper_exchange.gateway.endpoint import Venue
from paper_exchange.gateway.endpoints import ENDPOINTS
from paper_exchange.gateway.faulty.rest import FaultyRest
from paper_exchange.gateway.faulty.sockets import FaultySockets
from paper_exchange.gateway.faulty.trouble import Trouble, kill_this_process
from paper_exchange.gateway.limits import Limits, LimitTable
from paper_exchange.gateway.rest import RestGateway
from paper_exchange.gateway.rest_server import HttpServer
from paper_exchange.gateway.socket_server import API_PATH, SocketServer
from paper_exchange.keys import new_text
from paper_exchange.options import Options
from paper_exchange.oracle import Oracle

STREAM_LAG_US = 10_000
"""Streams speak after the house has acted, not in the same instant."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Where an exchange answers.

    Attributes:
        rest: Base URL of the REST API.
        ws: Base URL of the streams, which are below `/ws` and `/stream`.
        ws_api: URL of the WebSocket API.
        admin: Base URL of the operator's door.
        admin_token: What opens it.
    """

    rest: str
    ws: str
    ws_api: str
    admin: str
    admin_token: str
    control: Control
    trouble: Trouble
    oracle: Oracle


@asynccontextmanager
async def open_doors(
    exchange: PaperExchange,
    accounts: Accounts,
    options: Options,
    *,
    clock: ShiftedClock,
    base_clock: Clock,
    machine: Clock,
    store: FaultyStore | None,
    seed: int,
) -> AsyncIterator[Doors]:
    """Let clients and the operator in for as long as the block lasts.

    Args:
        clock: The exchange's.
        base_clock: The one below it, which the operator may move when it is virtual.
        machine: The clock of the clients.
        store: Where the exchange is kept.
        seed: Of the faults.

    Raises:
        OSError: A port is taken, or the oracle's file cannot be written.
        BadRule: A fault of the options could never act here.
    """
    async with AsyncExitStack() as stack:
        limits = Limits(LimitTable().times(options.limit_factor))
        exchange.listen(limits.apply)
        venue = Venue(exchange, limits)
        control = Control(exchange, accounts, base_clock)
        oracle = Oracle(exchange.now_us, first_account=FIRST_ACCOUNT, file=options.oracle)
        stack.callback(oracle.close)
        exchange.listen(oracle.hear)
        trouble = Trouble(Plan(seed), oracle, control, venue, clock, is_kept=store is not None)
        if store is not None:
            store.watch(trouble.plan, oracle.struck, kill_this_process)
        api = Api(venue)
        rest = FaultyRest(RestGateway(api, ENDPOINTS), trouble, exchange.keys)
        streams = FaultySockets(trouble, exchange.keys)
        sockets = SocketServer(
            api,
            clock=clock,
            wall=machine,
            limit_factor=options.limit_factor,
            lag_us=STREAM_LAG_US,
            interference=streams,
        )
        streams.watch(sockets)
        token = new_text()
        http = await stack.enter_async_context(HttpServer(clock).running())
        rest.port = trouble.ports["rest"] = await http.listen(rest, options.host, options.port)
        door = await http.listen(AdminDoor(control, trouble, oracle, token), options.host, options.admin_port)
        ws = await stack.enter_async_context(sockets.serving(options.host, options.ws_port))
        stack.callback(streams.close)
        stack.callback(rest.close)
        stack.callback(trouble.close)
        for rule in options.faults:
            await trouble.add(rule)
        yield Doors(
            rest=rest.port.url,
            ws=ws,
            ws_api=f"{ws}{API_PATH}",
            admin=f"{door.url}{ROOT}",
            admin_token=token,
            control=control,
            trouble=trouble,
            oracle=oracle,
        )
