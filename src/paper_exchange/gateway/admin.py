"""The operator's door: a small HTTP API, on loopback and on a port of its own, for whoever has the token.

    POST /paper/deposit  {"account": "default", "asset": "USDT", "amount": "100"}      Authorization: Bearer TOKEN

Every answer is JSON; what is asked by mistake is answered with 400 and `{"error": "..."}`. Beside the operations of
`paper_exchange.operations` there are:

    POST   /paper/clock/advance     {"ms": 60000}      of a virtual clock
    GET    /paper/faults                               the rules in force, with their counts
    POST   /paper/faults            a rule
    DELETE /paper/faults?id=ID                         one rule, or all without an id
    GET    /paper/oracle?after=SEQ&limit=N             what truly happened
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from paper_exchange.accounts import UnknownAccount
from paper_exchange.control import Control, NotPossible
from paper_exchange.engine.refusal import Refusal
from paper_exchange.faults.rules import decode
from paper_exchange.gateway.faulty.trouble import Trouble
from paper_exchange.operations import OPERATIONS, Operation
from paper_exchange.oracle import Oracle, as_json

ROOT: Final = "/paper"

_OPERATIONS: Final[dict[str, type[Operation]]] = {each.route: each for each in OPERATIONS}
_MISTAKES: Final = (msgspec.DecodeError, NotPossible, Refusal, UnknownAccount, ValueError)


class _Advance(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a virtual clock is to go."""

    ms: int


class AdminDoor:
    """The ASGI application.

    Args:
        token: What a caller must show.
    """

    def __init__(self, control: Control, trouble: Trouble, oracle: Oracle, token: str) -> None:
        self._control = control
        self._trouble = trouble
        self._oracle = oracle
        self._expected = f"Bearer {token}".encode()
        self._routes: dict[str, Callable[[Request], Awaitable[Any]]] = {
            "POST /clock/advance": self._advance,
            "GET /faults": self._list_faults,
            "POST /faults": self._add_fault,
            "DELETE /faults": self._remove_faults,
            "GET /oracle": self._read_oracle,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        try:
            response = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        shown = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(shown, self._expected):
            return _json(401, {"error": "the token is missing or wrong: Authorization: Bearer TOKEN"})
        path = request.url.path
        route = f"{request.method} {path.removeprefix(ROOT)}"
        if not path.startswith(f"{ROOT}/") or (route not in _OPERATIONS and route not in self._routes):
            return _json(404, {"error": f"there is no {request.method} {path}"})
        try:
            if route in self._routes:
                return _json(200, await self._routes[route](request))
            operation = msgspec.json.decode(await request.body() or b"{}", type=_OPERATIONS[route])
            return _json(200, operation.carry_out(self._control))
        except _MISTAKES as mistake:
            return _json(400, {"error": mistake.msg if isinstance(mistake, Refusal) else str(mistake)})

    async def _advance(self, request: Request) -> Any:
        asked = msgspec.json.decode(await request.body(), type=_Advance)
        return {"time": await self._control.advance(asked.ms)}

    async def _list_faults(self, _: Request) -> Any:
        return [
            {"rule": msgspec.to_builtins(each.rule), "met": each.met, "struck": each.struck}
            for each in self._trouble.standing()
        ]

    async def _add_fault(self, request: Request) -> Any:
        return msgspec.to_builtins(await self._trouble.add(decode(await request.body())))

    async def _remove_faults(self, request: Request) -> Any:
        named = request.query_params.get("id")
        ids = [each.rule.id for each in self._trouble.standing()] if named is None else [named]
        return {"removed": [rule_id for rule_id in ids if await self._trouble.remove(rule_id)]}

    async def _read_oracle(self, request: Request) -> Any:
        after, limit = request.query_params.get("after", "0"), request.query_params.get("limit")
        entries = self._oracle.entries(after=int(after), limit=None if limit is None else int(limit))
        return {"entries": as_json(entries)}


def _json(status: int, body: Any) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
