"""The sentence the house stands on: an order is a pure function of the set of its facts."""

from collections.abc import Sequence
from itertools import permutations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.ledger import Document, WitnessedStatement, fold_with_postings, rebuild
from hub.ledger import fold as fold_document
from schemas.personal import convert_sealed
from tests.ledger.stories import (
    ORDER_ID,
    Told,
    any_story,
    at,
    comparable,
    fold,
    joined,
    journeys,
    order_digest,
    sale,
    told,
)

thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(any_story(), st.data())
def test_order_of_arrival_does_not_matter(story: list[Told], data: st.DataObject) -> None:
    """Late, early, swapped and repeated statements, in any number of messages, give the same order and digest."""
    expected = fold(story)
    arrived = data.draw(st.permutations(story + data.draw(st.lists(st.sampled_from(story), max_size=4))))
    document = Document(order_id=ORDER_ID)
    for witness, statements in _messages(data, arrived):
        document, _ = document.join(witness, [statement for _, statement in statements])
    order = fold_document(document)
    assert comparable(order) == comparable(expected)
    assert order_digest(order) == order_digest(expected)


def _messages(data: st.DataObject, arrived: Sequence[Told]) -> list[tuple[str, list[Told]]]:
    """The arrivals cut into messages: neighbours of one witness may share one."""
    result: list[tuple[str, list[Told]]] = []
    for witness, statement in arrived:
        if result and result[-1][0] == witness and data.draw(st.booleans()):
            result[-1][1].append((witness, statement))
        else:
            result.append((witness, [(witness, statement)]))
    return result


@thorough
@given(any_story() | journeys())
def test_who_needs_no_dated_lines_sees_the_same_order(story: list[Told]) -> None:
    document = joined(story)
    if document.facts:
        assert fold_document(document) == fold_with_postings(document).order


@thorough
@given(any_story())
def test_the_same_again_changes_nothing(story: list[Told]) -> None:
    document = joined(story)
    for witness, statement in story:
        again, outcome = document.join(witness, [statement])
        assert again is document
        assert outcome == ((), (), (), ())


@thorough
@given(any_story(), st.data())
def test_the_event_log_rebuilds_the_document(story: list[Told], data: st.DataObject) -> None:
    """Events carry exactly the statements that were taken; in any order they give the same document again."""
    document = Document(order_id=ORDER_ID)
    log: list[WitnessedStatement] = []
    for witness, statement in story:
        document, outcome = document.join(witness, [statement])
        log += outcome.taken
    rebuilt = rebuild(ORDER_ID, (), data.draw(st.permutations(log)))
    assert rebuilt.facts == document.facts
    assert comparable(fold_document(rebuilt)) == comparable(fold_document(document))


@thorough
@given(any_story())
def test_what_one_system_believes_is_the_fold_of_its_own_word(story: list[Told]) -> None:
    for name in {witness for witness, _ in story}:
        alone = fold([(witness, statement) for witness, statement in story if witness == name])
        assert comparable(fold_document(joined(story).of_witness(name))) == comparable(alone)


@given(journeys())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_whole_journey_is_complete_and_without_dispute(story: list[Told]) -> None:
    order = fold(story)
    assert order.complete
    assert order.disputes == ()
    assert order.balance.amount == 0


def test_a_repeated_sale_with_a_new_sealing_is_nothing_new() -> None:
    """Two sealings of one passport differ in every byte of their ciphertext; the statement is the same."""
    issued = sale(1, 10, "web")[0]
    document = joined([told("web", issued, at(10))])
    _, outcome = document.join("web", [told("web", issued, at(20))[1]])
    assert (outcome.new, outcome.attested, outcome.restated) == ((), (), ())


def test_a_word_from_in_between_does_not_win() -> None:
    """553 at 10:00, 500 at 10:05, 553 at 10:10: the last word is 553, whichever of the three comes last."""
    cheap, dear = sale(1, 10, "web", fare=50000)[0], sale(1, 10, "web", fare=55300)[0]
    story = [told("web", dear, at(10)), told("web", dear, at(20)), told("web", cheap, at(15))]
    fare = fold(story).tickets[0].fare_gross
    assert fare is not None
    assert fare.amount == 55300


def test_a_witness_changes_its_mind() -> None:
    """Its latest statement counts, and its earlier one is no party to a dispute."""
    cheap, dear = sale(1, 10, "web", fare=50000)[0], sale(1, 10, "web", fare=55300)[0]
    order = fold([told("web", cheap, at(10)), told("app", dear, at(11)), told("web", dear, at(12))])
    assert order.disputes == ()


def test_the_old_seal_is_not_what_a_statement_says() -> None:
    """Sealed texts of before there were keys of people: index and mask, and another ciphertext every time."""
    fact = sale(1, 10, "web")[0]
    ciphers = iter("abcdef")
    one, other = (
        told("web", fact)[1].model_copy(
            update={"fact": convert_sealed(fact, lambda text: f"sealed:1:{len(text):032x}:99***15:{next(ciphers)}")}
        )
        for _ in range(2)
    )
    assert one.fact != other.fact
    assert one.says == other.says


def test_of_two_words_at_one_moment_that_one_counts_whose_people_are_not_looked_at() -> None:
    """Pseudonyms are random: a replay has others, and must come to the same order."""
    cheap, dear = sale(1, 10, "web", fare=50000)[0], sale(1, 10, "web", fare=55300)[0]
    pseudonyms = ("0" * 32, "f" * 32)
    chosen = set()
    for one, two in (pseudonyms, pseudonyms[::-1]):
        story = [of_person(told("web", cheap), one), of_person(told("web", dear), two)]
        chosen |= {fold(list(order)).tickets[0].fare_gross for order in permutations(story)}
    assert len(chosen) == 1


def of_person(said: Told, subject: str) -> Told:
    witness, statement = said
    fact = convert_sealed(statement.fact, lambda text: f"sealed:2:{subject}:{text[42:]}")
    return witness, statement.model_copy(update={"fact": fact})
