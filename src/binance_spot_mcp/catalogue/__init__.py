"""Every endpoint of Binance Spot, one value each, by tool name in the order of the documents."""

from binance_spot_mcp.catalogue.account import ACCOUNT_ENDPOINTS
from binance_spot_mcp.catalogue.endpoint import Catalogue
from binance_spot_mcp.catalogue.lists import LISTS
from binance_spot_mcp.catalogue.market import MARKET
from binance_spot_mcp.catalogue.trading import TRADING

CATALOGUE: Catalogue = {endpoint.name: endpoint for endpoint in (*MARKET, *TRADING, *LISTS, *ACCOUNT_ENDPOINTS)}
