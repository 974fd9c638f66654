"""A draft held against what is on record: what is borne out passes, what is not is named."""

from __future__ import annotations

import datetime as dt

import pytest

from churnml.pages.draft import BorneOut, doubts

RECORD = BorneOut(
    numbers=[41.6, 12.0, 3.0],
    shares=[0.62],
    amounts=[12_480.0, 950.0],
    dates=[dt.date(2024, 3, 5), dt.date(2024, 9, 30)],
    names=["acc_0042", "olga", "Rescue call", "at risk"],
    texts=["Active on 2 days in 28; usually 12.", "Opened 7 tickets on 2024-02-11."],
)


def doubted(draft: str) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in doubts(draft, RECORD)]


@pytest.mark.parametrize(
    "draft",
    [
        "Dear Olga, acc_0042 is at risk: 62 % churn, health 42.",
        "Health is 41.6, MRR is EUR 12,480 (about $12.5k), 950 of it new.",
        "The probability is 0.62, or 62%, so act before 30 September.",
        "Renewal: 2024-09-30, that is September 30th, 2024 or 30.09.2024.",
        "They were active on 2 days in 28, usually twelve; seven tickets since 11 February 2024.",
        "Rescue call: three steps. Thanks, best regards, Olga",
        "Call them on Monday. I think that MRR matters.",
    ],
)
def test_what_is_on_record_passes_however_it_is_written(draft: str) -> None:
    assert doubted(draft) == []


@pytest.mark.parametrize(
    ("draft", "kind", "text"),
    [
        ("The probability of churn is 64 %.", "number", "64 %"),
        ("Health fell to 43.", "number", "43"),
        ("Health fell to 41.5.", "number", "41.5"),
        ("They pay $12,580 a month.", "number", "$12,580"),
        ("They pay 13k a month.", "number", "13k"),
        ("They opened nine tickets.", "number", "nine"),
        # a share is no amount, and an amount no share
        ("They pay $62 a month.", "number", "$62"),
        ("12 % will leave.", "number", "12 %"),
        ("It renews on 2024-09-29.", "date", "2024-09-29"),
        ("It renews on 30 September 2025.", "date", "30 September 2025"),
        ("It renews on October 1st.", "date", "October 1st"),
        ("It renews on 2024-02-31.", "date", "2024-02-31"),
        ("Dear Piet, how are you?", "name", "Piet"),
        ("I spoke with Globex about it.", "name", "Globex"),
        ("acc_0043 is at risk.", "name", "acc_0043"),
    ],
)
def test_what_is_not_on_record_is_named(draft: str, kind: str, text: str) -> None:
    assert doubted(draft) == [(kind, text)]


def test_doubts_stand_in_their_order_with_their_place() -> None:
    draft = "Dear Piet, 64 % on 1 May."
    assert [(one.kind, draft[one.start :].startswith(one.text)) for one in doubts(draft, RECORD)] == [
        ("name", True),
        ("number", True),
        ("date", True),
    ]
