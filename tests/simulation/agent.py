"""An agent that calls whatever comes to its mind, sometimes several tools at once, and often the same call again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import Any, Final

from tests.simulation.server import Answer, Server

from paper_exchange.engine.words import Side
from paper_exchange.running import Running

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
_SIZES: Final = {
    "BTCUSDT": ("0.00100", "0.00025", "0.01000", "0.20000"),
    "ETHUSDT": ("0.0100", "0.0040", "0.1000", "3.0000"),
}
_CENT: Final = Decimal("0.01")
_PATIENCE_S: Final = 50

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made.

    Attributes:
        at_s: When, in seconds of the machine.
        tool: Which.
        arguments: With what.
        answer: What came back; None where nothing did.
    """

    at_s: float
    tool: str
    arguments: Arguments
    answer: Answer | None


class Agent:
    """See the module.

    Args:
        server: Who is called.
        exchange: Where the prices are looked up that calls are about, past every fault.
        random: What comes to its mind.

    Attributes:
        made: Every call that came to its end, in the order of the ends.
    """

    def __init__(self, server: Server, exchange: Running, random: Random) -> None:
        self.made: list[Made] = []
        self._server = server
        self._engine = exchange.exchange.engine
        self._random = random
        self._named: list[tuple[str, Arguments]] = []
        self._orders: list[Arguments] = []
        self._moves: Sequence[tuple[int, Callable[[], Awaitable[None]]]] = (
            (30, self._place),
            (6, self._place_list),
            (12, self._cancel),
            (2, self._cancel_all),
            (8, self._replace),
            (5, self._amend),
            (10, self._repeat),
            (3, self._misname),
            (10, self._look),
            (4, self._reconcile),
            (3, self._read),
            (3, self._listen),
            (1, self._stop),
        )

    async def act(self) -> None:
        """Do one thing, or a few side by side."""
        together = self._random.choice((1, 1, 1, 2, 4))
        weights = [weight for weight, _ in self._moves]
        moves = self._random.choices([move for _, move in self._moves], weights, k=together)
        await asyncio.gather(*(move() for move in moves))

    async def ask(self, tool: str, **arguments: Any) -> Answer | None:
        """Call a tool, and keep what came of it."""
        at_s = asyncio.get_running_loop().time()
        leaves = self._random.random() < 0.05
        patience_s = self._random.random() * 3 if leaves else _PATIENCE_S
        answer = await self._server.call(tool, arguments, patience_s=patience_s)
        self.made.append(Made(at_s, tool, arguments, answer))
        if answer is not None and answer["ok"] and isinstance(name := answer.get("clientOrderId"), str):
            self._orders.append({"symbol": answer["symbol"], "origClientOrderId": name})
        return answer

    # What it does

    async def _place(self) -> None:
        arguments = self._order()
        if self._random.random() < 0.7:
            await self._called_by_name("place_order", arguments)
        else:
            await self.ask("place_order", **arguments)

    async def _place_list(self) -> None:
        symbol = self._random.choice(SYMBOLS)
        quantity = self._random.choice(_SIZES[symbol])
        if self._random.random() < 0.5:
            await self._called_by_name(
                "place_oco",
                {
                    "symbol": symbol,
                    "side": "SELL",
                    "quantity": quantity,
                    "aboveType": "LIMIT_MAKER",
                    "abovePrice": self._price(symbol, "1.02"),
                    "belowType": "STOP_LOSS",
                    "belowStopPrice": self._price(symbol, "0.97"),
                },
            )
        else:
            await self._called_by_name(
                "place_oto",
                {
                    "symbol": symbol,
                    "workingSide": "BUY",
                    "workingType": "LIMIT",
                    "workingTimeInForce": "GTC",
                    "workingPrice": self._price(symbol, self._random.choice(("0.95", "1.001"))),
                    "workingQuantity": quantity,
                    "pendingSide": "SELL",
                    "pendingType": "LIMIT",
                    "pendingTimeInForce": "GTC",
                    "pendingPrice": self._price(symbol, "1.05"),
                    "pendingQuantity": quantity,
                },
            )

    async def _cancel(self) -> None:
        if self._orders:
            await self.ask("cancel_order", **self._random.choice(self._orders))

    async def _cancel_all(self) -> None:
        await self.ask("cancel_all_orders", symbol=self._random.choice(SYMBOLS))

    async def _replace(self) -> None:
        if self._orders:
            old = self._random.choice(self._orders)
            await self._called_by_name(
                "cancel_replace_order",
                {
                    "symbol": old["symbol"],
                    "cancelOrigClientOrderId": old["origClientOrderId"],
                    "cancelReplaceMode": self._random.choice(("STOP_ON_FAILURE", "ALLOW_FAILURE")),
                    **{name: value for name, value in self._order(old["symbol"]).items() if name != "symbol"},
                },
            )

    async def _amend(self) -> None:
        if self._orders:
            order = self._random.choice(self._orders)
            await self._called_by_name("amend_order", {**order, "newQty": _SIZES[order["symbol"]][1]})

    async def _repeat(self) -> None:
        if self._named:
            tool, arguments = self._random.choice(self._named)
            await self.ask(tool, **arguments)

    async def _misname(self) -> None:
        if self._named:
            _, arguments = self._random.choice(self._named)
            await self.ask("place_order", **{**self._order(), "intent_id": arguments["intent_id"]})

    async def _look(self) -> None:
        if self._named:
            _, arguments = self._random.choice(self._named)
            await self.ask("get_order_state", intent_id=arguments["intent_id"])

    async def _reconcile(self) -> None:
        await self.ask("reconcile_orders")

    async def _read(self) -> None:
        tool = self._random.choice(
            ("get_open_orders", "get_trading_state", "get_portfolio", "get_rate_limits", "list_streams")
        )
        await self.ask(tool)

    async def _listen(self) -> None:
        if self._random.random() < 0.5:
            await self.ask("subscribe_to_user_stream")
        else:
            await self.ask("subscribe_to_depth_stream", symbol=self._random.choice(SYMBOLS))

    async def _stop(self) -> None:
        await self.ask("stop_trading")

    # How

    async def _called_by_name(self, tool: str, arguments: Arguments) -> None:
        named = {**arguments, "intent_id": f"i-{self._random.getrandbits(40):010x}"}
        self._named.append((tool, named))
        await self.ask(tool, **named)
        if self._random.random() < 0.15:
            await self.ask(tool, **named)

    def _order(self, symbol: str | None = None) -> Arguments:
        symbol = symbol or self._random.choice(SYMBOLS)
        side: Side = self._random.choice(("BUY", "SELL"))
        order: Arguments = {"symbol": symbol, "side": side, "quantity": self._random.choice(_SIZES[symbol])}
        if self._random.random() < 0.2:
            return order | {"type": "MARKET"}
        passive = self._random.choice(("0.9", "0.99", "0.9999", "1.001"))
        factor = passive if side == "BUY" else str(2 - Decimal(passive))
        return order | {
            "type": "LIMIT",
            "timeInForce": self._random.choice(("GTC", "GTC", "GTC", "IOC", "FOK")),
            "price": self._price(symbol, factor),
        }

    def _price(self, symbol: str, factor: str) -> str:
        """A price so far from the last one."""
        last = self._engine.last_price(symbol) or Decimal(1000)
        return str((last * Decimal(factor)).quantize(_CENT, ROUND_DOWN))
