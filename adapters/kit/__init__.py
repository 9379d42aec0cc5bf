"""What every adapter is made with, so that an author writes samples, a profile and a mapping, and nothing else.

decoding     bytes -> text or the JSON object that a message is
reading      a cursor over native records: refuses with a pointer, lists what nobody read as a loss
refusing     refusals and losses
together     trains and seats: fields that say the same in many messages are read once
built        facts without the contract's checks, for readers that have checked every field
amounts      exact fen of native numbers
times        forms of local time
people       documents and phone numbers
tables       a channel of flat records, declared: wire, acts, columns; both directions from one table
columns      fixed-width records, declared
xml          XML without its dangers
snapshot     an order document as a channel shows it -> the facts it implies
pages        one order's page with all its lists, in both directions (web, app)
money_records, waitlist_records   one table of names per channel: payments, refunds, changes, invoices, waitlists
writing      the pen: codes, amounts and times in a channel's spelling, with a loss where it has none
telling      what of an order a channel can be told, and a loss for everything that it has no words for
berths       number and berth in the four seat characters of a sleeper
folding      the order one observation describes (to format it again)
transport    polls and day extracts over HTTP, with the channel's table of faults
polling      one page of what changed since a watermark
golden       native and canonical side by side: generated, reviewed, compared
conformance  the suite every adapter inherits
scorecard    the same suite for the command line
registry     adapters by entry point ``interlock.channels``, or from a folder
authoring    a new adapter as a package of its own, green from the start
"""
