"""The agent's own name for a call that places or changes an order: under one name it is made once."""

import re
from typing import Annotated, Any, Final

from pydantic import Field, create_model

from binance_spot_mcp.catalogue.endpoint import Effect, Endpoint, Params
from binance_spot_mcp.catalogue.fields import Reads
from binance_spot_mcp.catalogue.reading import refusal, shown

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


def with_intent_id(endpoint: Endpoint[Any, Any]) -> type[Params]:
    """The parameters of an endpoint with the name of the call beside them."""
    params = endpoint.params
    field: Any = (IntentId | None, Field(default=None, alias=NAME))
    return create_model(params.__name__, __base__=params, __doc__=params.__doc__, **{NAME: field})


def split(endpoint: Endpoint[Any, Any], params: Params) -> tuple[Params, str | None]:
    """The parameters that are for the exchange, and the name that is for us."""
    ours = {name: getattr(params, name) for name in endpoint.params.model_fields}
    return endpoint.params.model_construct(**ours), getattr(params, NAME, None)
