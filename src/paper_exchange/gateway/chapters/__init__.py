"""The endpoints, one module per chapter of Binance's documents."""
