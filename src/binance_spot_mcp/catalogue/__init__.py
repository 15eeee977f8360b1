"""Every endpoint of Binance Spot, one value each."""
