"""The matching engine of the paper exchange: a pure state machine, commands and time in, events out.

`engine.Engine` is the door; the rest of the room, from the outside in:

    words, symbols, orders       what the exchange speaks of, in Binance's words
    commands, events, refusal    what can be asked, what happens, how it says no
    exchange, market, accounts   the state: everything, one symbol, one account
    book, triggers, prices       resting orders, waiting orders, what the trades say about the price
    composition, filters, list_rules, admission    what must hold before an order is accepted
    placing, list_placing, matching, self_trade, price_range, pegs, sizing, routing    how orders come in and match
    lifecycle, lists, ledger, commissions    what becomes of orders, of lists, of money
    cancelling, amending, replacing, administration    the other commands
    snapshots, ids               the state as bytes; numbers and names without chance
"""
