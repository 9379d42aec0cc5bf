"""Double entry: every fact balances, and what was posted step by step is what the whole posts."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.ledger import Document, Posting, difference, fold_with_postings
from schemas.money import MAX_MINOR
from tests.ledger.stories import ORDER_ID, Told, any_story, at, fold, joined, journeys, refund, sale, step, told

thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(any_story())
def test_every_fact_posts_a_sum_of_zero(story: list[Told]) -> None:
    by_fact: dict[str, int] = {}
    for line in fold_with_postings(joined(story)).lines:
        by_fact[line.identity] = by_fact.get(line.identity, 0) + line.amount.amount
    assert set(by_fact.values()) <= {0}


@thorough
@given(any_story(), st.data())
def test_posting_step_by_step_gives_the_books_of_the_whole(story: list[Told], data: st.DataObject) -> None:
    """Corrected by adding: the lines posted on the way sum up, account by account, to what the whole order posts."""
    document = Document(order_id=ORDER_ID)
    before: list[Posting] = []
    posted: list[Posting] = []
    for witness, statement in data.draw(st.permutations(story)):
        document, _ = document.join(witness, [statement])
        after = fold_with_postings(document).lines
        posted += difference(before, after)
        before = after
    assert _accounts(posted) == _accounts(fold_with_postings(joined(story)).lines)


def _accounts(lines: list[Posting]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for line in lines:
        key = (line.account, line.identity)
        sums[key] = sums.get(key, 0) + line.amount.amount
    return {key: amount for key, amount in sums.items() if amount}


@thorough
@given(journeys())
def test_a_settled_journey_leaves_nothing_in_clearing(story: list[Told]) -> None:
    """What passengers paid = what was sold + fees + what is still owed to them."""
    sums: dict[str, int] = {}
    for line in fold_with_postings(joined(story)).lines:
        kind = line.account.split(":")[0]
        sums[kind] = sums.get(kind, 0) + line.amount.amount
    assert sums.get("channel_clearing", 0) == 0
    assert sums.get("suspense", 0) == 0
    assert sums["processor_clearing"] == -(sums["sales"] + sums.get("fees", 0) + sums.get("refunds_payable", 0))


def test_a_refund_seen_before_its_sale_posts_to_suspense_until_the_sale_comes() -> None:
    money_back = [told("phone", fact) for fact in refund(1, 60)]
    assert "suspense" in {line.account for line in fold_with_postings(joined(money_back)).lines}
    whole = money_back + [told("web", fact) for fact in sale(1, 10, "web")]
    assert "suspense" not in {line.account for line in fold_with_postings(joined(whole)).lines}
    assert fold(whole).balance.amount == 0


def test_the_largest_amounts_a_channel_may_state_can_be_added() -> None:
    """Absurd, but stated: the fold may not fail on it, or the message could be neither recorded nor refused."""
    story = [fact for number in range(1, 6) for fact in sale(number, 10, "web", fare=MAX_MINOR)]
    story += [fact for number in range(1, 6) for fact in refund(number, 60, fare=MAX_MINOR, fee=0)]
    order = fold([told("web", fact) for fact in story])
    assert (order.paid_gross.amount, order.balance.amount) == (5 * MAX_MINOR, 0)


def test_a_ticket_refunded_twice_gives_its_fare_back_once() -> None:
    story = [told("web", fact) for fact in (*sale(1, 10, "web"), *refund(1, 60))]
    again = refund(1, 61)[0].model_copy(update={"refund_ref": "R99"})
    lines = fold_with_postings(joined([*story, told("phone", again, at(61))])).lines
    assert sum(line.amount.amount for line in lines if line.account == "sales") == 0


def test_a_void_ticket_was_never_sold() -> None:
    """Sold in error and handed back in the same shift: nothing is left in sales, and the passenger owes nothing."""
    sold = [told("windows", fact) for fact in sale(1, 10, "windows")]
    void = told("windows", step("ticket.voided", 1, at(12)))
    paid_back = told("windows", refund(1, 12, fee=0)[1])
    assert fold([*sold, void]).balance.amount == -55300
    whole = [line._replace(identity="") for line in fold_with_postings(joined([*sold, void, paid_back])).lines]
    assert _accounts(whole) == {("processor_clearing:wechat", ""): 55300, ("refunds_payable", ""): -55300}


def test_a_void_ticket_that_was_refunded_too_is_taken_back_once() -> None:
    sold = [told("web", fact) for fact in sale(1, 10, "web")]
    both = [told("windows", step("ticket.voided", 1, at(12))), told("phone", refund(1, 50, fee=0)[0])]
    assert fold([*sold, *both]).balance.amount == -55300
