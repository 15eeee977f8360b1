"""Every endpoint by its route."""

from paper_exchange.gateway.chapters import account, general, lists, market, orders, sor
from paper_exchange.gateway.endpoint import Endpoint

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.route: endpoint
    for endpoint in (
        *general.ENDPOINTS,
        *market.ENDPOINTS,
        *orders.ENDPOINTS,
        *sor.ENDPOINTS,
        *lists.ENDPOINTS,
        *account.ENDPOINTS,
    )
}
