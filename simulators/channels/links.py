"""What an order's records say about its tickets, for wires whose tickets do not say it themselves."""

from simulators.book import SimOrder


def link(order: SimOrder) -> None:
    """What records say about tickets: which replaces which, and which refund gave it back."""
    for change in order.changes:
        for old_no, new_no in zip(change.old_ticket_nos, change.new_ticket_nos, strict=False):
            old, new = order.ticket(old_no), order.ticket(new_no)
            if old is not None:
                old.replaced_by = new_no
            if new is not None:
                new.replaces = old_no
                new.origin = "destination_change" if change.kind == "destination" else "change"
    for refund in order.refunds:
        for number in refund.ticket_nos:
            ticket = order.ticket(number)
            if ticket is not None and ticket.state == "refunded":
                ticket.refund_ref = refund.refund_ref
