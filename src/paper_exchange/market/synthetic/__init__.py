"""A market that is made up: prices, the past they had, and house orders that keep books and trades alive.

Everything follows from a seed and the moment the exchange was founded (its genesis): the same two give the same past,
and, stepped to the same times, the same orders. Prices are random walks, so their arithmetic is in floats; what
reaches a book or the record is exact, on ticks and lots.
"""
