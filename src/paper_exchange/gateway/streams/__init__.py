"""Market streams: what each one says, who listens, and the connections that carry them."""
