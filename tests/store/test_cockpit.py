"""What the cockpit asks, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from churnml.adapters.store import Store
from churnml.errors import UnknownNameError
from churnml.ledger.cockpit import AccountChoices, AccountFilter, OwnerWork
from churnml.work.life import done, reassign, undo
from tests.store.days import NOW, account, day, opening, record, scores

FIRST, SECOND = day("03-01"), day("03-02")


@pytest.fixture
def book(store: Store) -> Store:
    """Five accounts of two owners and one of nobody; two have open work."""
    rows = [
        account("ant", owner_id="olga", mrr=300.0, health=10.0, churn_probability=0.9, segment="smb"),
        account("Bee", owner_id="olga", mrr=None, health=None, churn_probability=None, segment=None),
        account("cat_1", owner_id="piet", mrr=100.0, health=50.0, churn_probability=0.5, segment="ent"),
        account("catx1", owner_id="piet", mrr=200.0, health=90.0, churn_probability=0.1, band="healthy"),
        account("dog", owner_id=None, mrr=50.0, health=70.0, churn_probability=0.3),
    ]
    record(store, scores(FIRST, *rows), "first", NOW)
    record(store, scores(SECOND, *rows), "second", NOW, opening(SECOND, "ant", "dog"))
    return store


def ids(store: Store, asked: AccountFilter, owners: tuple[str, ...] | None = None, **stretch: int) -> list[str]:
    return [line.account_id for line in store.account_list(SECOND, asked, owners, **stretch).lines]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (AccountFilter(text="BEE"), ["Bee"]),
        (AccountFilter(text="_"), ["cat_1"]),
        (AccountFilter(text="%"), []),
        (AccountFilter(owner="-"), ["dog"]),
        (AccountFilter(segment="-"), ["Bee"]),
        (AccountFilter(band="healthy"), ["catx1"]),
        (AccountFilter(work="open", sort="account", descending=False), ["ant", "dog"]),
        (AccountFilter(work="none", owner="olga"), ["Bee"]),
        (AccountFilter(health_from=50, health_to=70, sort="health"), ["dog", "cat_1"]),
        (AccountFilter(mrr_from=200, sort="mrr", descending=False), ["catx1", "ant"]),
        (AccountFilter(churn_from=0.5, sort="churn"), ["ant", "cat_1"]),
        (AccountFilter(sort="mrr"), ["ant", "catx1", "cat_1", "dog", "Bee"]),
        (AccountFilter(sort="mrr", descending=False), ["dog", "cat_1", "catx1", "ant", "Bee"]),
    ],
)
def test_accounts_are_chosen_and_ordered(book: Store, asked: AccountFilter, wanted: list[str]) -> None:
    assert ids(book, asked) == wanted


def test_a_stretch_knows_the_sums_of_all(book: Store) -> None:
    listed = book.account_list(SECOND, AccountFilter(sort="mrr"), first=1, limit=2)
    assert [line.account_id for line in listed.lines] == ["catx1", "cat_1"]
    assert (listed.accounts, listed.mrr, listed.at_risk) == (5, 650.0, 125.0)


def test_of_other_owners_nothing_is_known(book: Store) -> None:
    everything = AccountFilter(sort="account", descending=False)
    assert sorted(ids(book, everything, ("piet",))) == ["cat_1", "catx1"]
    # olga has the work of nobody's account, and so sees it
    assert sorted(ids(book, everything, ("olga",))) == ["Bee", "ant", "dog"]
    assert ids(book, everything, ("nobody",)) == ids(book, everything, ()) == []
    assert book.account_list(SECOND, everything, ("piet",)).mrr == 300.0
    assert book.account_choices(SECOND, ("piet",)) == AccountChoices(("piet",), ("ent", "smb"), ("at_risk", "healthy"))
    seen = {(name, who): book.may_see(name, (who,)) for name in ("ant", "dog", "cat_1") for who in ("olga", "piet")}
    assert [pair for pair, may in seen.items() if may] == [("ant", "olga"), ("dog", "olga"), ("cat_1", "piet")]
    assert not book.may_see("ant", ())
    assert not book.may_see("none", ("olga",))
    assert book.owner_work() == (OwnerWork("olga", 2),)
    assert book.owner_work(("piet",)) == ()


def test_the_last_change_of_an_item_can_be_taken_back(book: Store) -> None:
    item = book.work.item("ant")
    assert book.last_change(item.work_id).before is None
    after, event = reassign(item, to="piet", who="olga", why="knows them", on=SECOND)
    book.work.change(item, after, event, NOW)
    last = book.last_change(item.work_id)
    assert (last.item, last.before, last.event, last.undone) == (after, item, event, 0)
    back, undone = undo(last.item, last.before or item, last.event, who="olga", on=SECOND)
    book.work.change(after, back, undone, NOW)
    assert book.work.item("ant") == item
    assert book.last_change(item.work_id).undone == 1
    with pytest.raises(UnknownNameError):
        book.last_change("w-none")


def test_what_somebody_changed_since_a_moment_is_their_last_change_of_it(book: Store) -> None:
    ant, dog = book.work.item("ant"), book.work.item("dog")
    for minutes, item, who in ((0, ant, "olga"), (5, dog, "piet")):
        book.work.change(item, *done(item, who=who, on=SECOND), NOW + dt.timedelta(minutes=minutes))
    assert [one.item.account_id for one in book.changed_by("olga", NOW)] == ["ant"]
    assert book.changed_by("olga", NOW + dt.timedelta(minutes=1)) == []
    assert [one.item.account_id for one in book.changed_by("piet", NOW)] == ["dog"]
    assert [item.account_id for item in book.ended_since(SECOND, "olga")] == ["ant", "dog"]
    assert book.ended_since(SECOND + dt.timedelta(days=1), None) == []


def test_what_each_scoring_of_an_account_was_made_from_is_on_record(book: Store) -> None:
    assert [(made.as_of, made.held) for made in book.made_from("ant", SECOND)] == [(FIRST, False), (SECOND, False)]
    assert [made.as_of for made in book.made_from("ant", FIRST)] == [FIRST]
    assert book.made_from("none", SECOND) == []
    record(book, scores(SECOND, replace(account("ant"), health=1.0)), "third", NOW)
    assert [made.as_of for made in book.made_from("ant", SECOND)] == [FIRST, SECOND]
