"""Every endpoint by its route."""

from paper_exchange.gateway.chapters import account, general, market, orders
from paper_exchange.gateway.endpoint import Endpoint

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.route: endpoint
    for endpoint in (*general.ENDPOINTS, *market.ENDPOINTS, *orders.ENDPOINTS, *account.ENDPOINTS)
}
