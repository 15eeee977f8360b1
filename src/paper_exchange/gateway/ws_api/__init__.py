"""The WebSocket API: REST's methods over one kept connection, and the user data streams."""
