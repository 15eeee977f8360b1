"""`python -m binance_spot_mcp` is the command `binance-spot-mcp`."""

from binance_spot_mcp.cli import main

if __name__ == "__main__":
    main()
