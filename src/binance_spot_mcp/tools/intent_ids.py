"""What an agent says of a call beside what is for the exchange: its own name for it, and how long to wait for its end.

Under one name a call is made once.
"""

import re
from typing import Annotated, Any, Final

from pydantic import Field, create_model

from binance_spot_mcp.catalogue.endpoint import Effect, Endpoint, Params
from binance_spot_mcp.catalogue.fields import Reads
from binance_spot_mcp.catalogue.reading import read_whole, refusal, shown

NAMED: Final[frozenset[Effect]] = frozenset({"place", "amend"})
"""Effects of calls that an agent may give a name to; a cancel can be repeated as it is."""
NAME: Final = "intent_id"
LONGEST: Final = 64
_FORM: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}")


def read_intent_id(value: object) -> str:
    """A name of 1 to 64 letters, digits, dots, underscores and hyphens."""
    if isinstance(value, str) and _FORM.fullmatch(value):
        return value
    raise refusal(f"must be 1 to {LONGEST} letters, digits, '.', '_' or '-', not {shown(value)}.")


IntentId = Annotated[str, Reads(read_intent_id, {"type": "string"})]


WAIT: Final = "wait_seconds"
LONGEST_WAIT_S: Final = 30


def read_wait(value: object) -> int:
    """A number of seconds, from 0 to 30."""
    return read_whole(value, 0, LONGEST_WAIT_S)


WaitSeconds = Annotated[int, Reads(read_wait, {"type": "integer"})]


def with_intent_id(endpoint: Endpoint[Any, Any]) -> type[Params]:
    """The parameters of an endpoint with the name of the call beside them, and how long to wait for its end."""
    params = endpoint.params
    named: Any = (IntentId | None, Field(default=None, alias=NAME))
    waiting: Any = (WaitSeconds | None, Field(default=None, alias=WAIT))
    return create_model(params.__name__, __base__=params, __doc__=params.__doc__, **{NAME: named, WAIT: waiting})


def split(endpoint: Endpoint[Any, Any], params: Params) -> tuple[Params, str | None, int]:
    """The parameters that are for the exchange; the name and the seconds that are for us."""
    ours = {name: getattr(params, name) for name in endpoint.params.model_fields}
    return endpoint.params.model_construct(**ours), getattr(params, NAME, None), getattr(params, WAIT, None) or 0
