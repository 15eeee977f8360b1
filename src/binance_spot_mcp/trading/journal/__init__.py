"""The journal: what was meant, sent and heard, written down before the next step and never changed afterwards.

One SQLite file an account, append-only, each record chained to the one before by its hash; a small head file beside it
shows when the end of the journal was lost, which SQLite alone hides.
"""
