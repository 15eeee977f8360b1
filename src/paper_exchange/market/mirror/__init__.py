"""A market that follows another exchange's public data and lets the orders of our users meet that book."""
