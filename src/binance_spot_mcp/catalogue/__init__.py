"""Every endpoint of Binance Spot, one value each, by tool name in the order of the documents."""

from binance_spot_mcp.catalogue.endpoint import Catalogue
from binance_spot_mcp.catalogue.market import MARKET

CATALOGUE: Catalogue = {endpoint.name: endpoint for endpoint in (*MARKET,)}
