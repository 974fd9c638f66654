"""What a person can do with a work item, and what is refused with how to mend it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from churnml.errors import ChurnmlError
from churnml.ledger import ENDED, WorkItem
from churnml.work import life as work
from tests.support import day

MONDAY = day("2024-06-03")
ITEM = WorkItem(
    work_id="w-1",
    account_id="acme",
    playbook="call",
    reason="",
    owner="ana",
    state="open",
    opened_on=MONDAY,
    due=day("2024-06-10"),
    follows="ana",
)


def test_done_says_who_when_and_what_came_of_it():
    after, event = work.done(ITEM, who="ana", why=" they renew ", on=day("2024-06-05"))
    assert (after.state, after.ended_on, after.ended_because) == ("done", day("2024-06-05"), "they renew")
    assert (event.work_id, event.on, event.what, event.who, event.why) == (
        "w-1",
        day("2024-06-05"),
        "done",
        "ana",
        "they renew",
    )


def test_what_is_done_needs_no_words():
    after, event = work.done(ITEM, who="ana", on=MONDAY)
    assert after.ended_because == event.why == "done"


def test_dismissed_work_keeps_its_reason():
    after, event = work.dismiss(ITEM, who="ana", why="wrong number", on=MONDAY)
    assert (after.state, after.ended_because, event.what, event.why) == (
        "dismissed",
        "wrong number",
        "dismissed",
        "wrong number",
    )


def test_snoozed_work_knows_until_when_and_can_be_snoozed_on_or_ended():
    after, event = work.snooze(ITEM, until=day("2024-06-20"), who="ana", why="holiday", on=MONDAY)
    assert (after.state, after.snoozed_until, after.due) == ("snoozed", day("2024-06-20"), ITEM.due)
    assert event.details == {"until": "2024-06-20"}
    again, _ = work.snooze(after, until=day("2024-06-25"), who="ana", why="longer", on=day("2024-06-04"))
    assert again.snoozed_until == day("2024-06-25")
    ended, _ = work.done(after, who="ana", on=day("2024-06-04"))
    assert (ended.state, ended.snoozed_until) == ("done", None)


def test_work_given_by_hand_follows_the_accounts_owner_no_more():
    after, event = work.reassign(ITEM, to="ben", who="lead", why="he speaks French", on=MONDAY)
    assert (after.owner, after.follows, after.due) == ("ben", None, ITEM.due)
    assert (event.what, event.who, event.details) == ("reassigned", "lead", {"from": "ana", "to": "ben"})


@pytest.mark.parametrize("state", ENDED)
def test_what_has_ended_cannot_be_changed(state):
    ended = replace(ITEM, state=state, ended_on=day("2024-06-05"), ended_because="they renew")
    for change in (
        lambda: work.done(ended, who="ana", on=day("2024-06-06")),
        lambda: work.dismiss(ended, who="ana", why="x", on=day("2024-06-06")),
        lambda: work.snooze(ended, until=day("2024-07-01"), who="ana", why="x", on=day("2024-06-06")),
        lambda: work.reassign(ended, to="ben", who="ana", why="x", on=day("2024-06-06")),
    ):
        with pytest.raises(ChurnmlError, match=f"It was {state} on 2024-06-05 and cannot change any more: they renew"):
            change()


@pytest.mark.parametrize("why", ["", "  "])
def test_snoozing_dismissing_and_reassigning_need_a_reason(why):
    with pytest.raises(ChurnmlError, match="No reason is given for snoozing") as caught:
        work.snooze(ITEM, until=day("2024-07-01"), who="ana", why=why, on=MONDAY)
    assert "work w-1" in caught.value.where
    assert caught.value.remedy
    with pytest.raises(ChurnmlError, match="No reason is given for dismissing"):
        work.dismiss(ITEM, who="ana", why=why, on=MONDAY)
    with pytest.raises(ChurnmlError, match="No reason is given for reassigning"):
        work.reassign(ITEM, to="ben", who="ana", why=why, on=MONDAY)


@pytest.mark.parametrize("until", ["2024-06-03", "2024-06-02"])
def test_snoozing_until_today_or_before_is_refused(until):
    with pytest.raises(ChurnmlError, match="is not after 2024-06-03"):
        work.snooze(ITEM, until=day(until), who="ana", why="x", on=MONDAY)


def test_nothing_can_be_done_before_it_was_opened_or_by_nobody_or_for_nobody():
    with pytest.raises(ChurnmlError, match="It was opened on 2024-06-03, after 2024-06-02"):
        work.done(ITEM, who="ana", on=day("2024-06-02"))
    with pytest.raises(ChurnmlError, match="Nobody is named who does this"):
        work.done(ITEM, who=" ", on=MONDAY)
    with pytest.raises(ChurnmlError, match="Nobody is named to have it"):
        work.reassign(ITEM, to=" ", who="ana", why="x", on=MONDAY)
    with pytest.raises(ChurnmlError, match="ana has it already"):
        work.reassign(ITEM, to="ana", who="ana", why="x", on=MONDAY)


def test_an_item_is_named_by_what_it_is_about_and_when_it_was_opened():
    name = work.work_id_of("acme", "call", "", MONDAY)
    assert name == work.work_id_of("acme", "call", "", MONDAY)
    others = {
        work.work_id_of("acme2", "call", "", MONDAY),
        work.work_id_of("acme", "mail", "", MONDAY),
        work.work_id_of("acme", "call", "usage.trend", MONDAY),
        work.work_id_of("acme", "call", "", MONDAY + dt.timedelta(1)),
        work.work_id_of("acmec", "all", "", MONDAY),
    }
    assert len(others | {name}) == 6


@pytest.mark.parametrize("what", work.BY_HAND)
def test_what_somebody_did_can_be_taken_back_by_them_alone(what: str):
    does = {
        "done": lambda: work.done(ITEM, who="ana", on=MONDAY),
        "dismissed": lambda: work.dismiss(ITEM, who="ana", why="sold", on=MONDAY),
        "snoozed": lambda: work.snooze(ITEM, until=day("2024-06-20"), who="ana", why="holiday", on=MONDAY),
        "reassigned": lambda: work.reassign(ITEM, to="ben", who="ana", why="knows them", on=MONDAY),
    }
    after, event = does[what]()
    back, undone = work.undo(after, ITEM, event, who="ana", on=MONDAY)
    assert back == ITEM
    assert (undone.what, undone.who, undone.details["undoes"]) == ("undone", "ana", what)
    # who had it in between is told that they have it no more
    assert undone.details.get("from") == ("ben" if what == "reassigned" else None)
    with pytest.raises(ChurnmlError, match="not yours to take back"):
        work.undo(after, ITEM, event, who="ben", on=MONDAY)
    with pytest.raises(ChurnmlError, match="not yours to take back"):
        work.undo(back, after, undone, who="ana", on=MONDAY)


def test_what_happens_by_itself_is_taken_back_by_nobody():
    after, event = work.closed(ITEM, "it is well again", MONDAY)
    with pytest.raises(ChurnmlError, match="not yours to take back"):
        work.undo(after, ITEM, event, who=work.CHURNML, on=MONDAY)


def test_an_item_is_named_as_it_stands():
    names = {
        work.fingerprint_of(one)
        for one in (
            ITEM,
            replace(ITEM, owner="ben"),
            replace(ITEM, state="snoozed", snoozed_until=day("2024-06-20")),
            replace(ITEM, state="snoozed", snoozed_until=day("2024-06-21")),
            replace(ITEM, due=day("2024-06-11")),
            replace(ITEM, work_id="w-2"),
        )
    }
    assert len(names) == 6
    assert work.fingerprint_of(ITEM) == work.fingerprint_of(replace(ITEM, minutes=5))
