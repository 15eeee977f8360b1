"""A Binance Spot exchange on loopback: matching engine, market, and Binance's protocols."""
