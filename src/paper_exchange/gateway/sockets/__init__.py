"""WebSockets as Binance serves them: frames shared by many readers, pings, deadlines, and the end of a connection."""
