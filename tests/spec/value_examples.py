"""Worked examples of values and ids as exports write them: what is read, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from churnml.remarks import RemarkKind


@dataclass(frozen=True)
class ValueExample:
    """One worked example.

    Args:
        title: the rule it shows.
        column: ``table.column``.
        written: what the export holds, row by row.
        read: what is read; None is no value.
        told: the kinds that are told of the column.
        declared: what the project declares for it.
    """

    title: str
    column: str
    written: Sequence[str]
    read: Sequence[Any]
    told: Sequence[RemarkKind] = ()
    declared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> str:
        return self.column.split(".")[0]

    @property
    def name(self) -> str:
        return self.column.split(".")[1]


K = RemarkKind
NUMBERS = (
    ValueExample("numbers of programs", "subscriptions.mrr", ("99.5", "1250", "1.2E3", "+7"), (99.5, 1250, 1200, 7)),
    ValueExample(
        "a decimal dot, thousands behind commas",
        "subscriptions.mrr",
        ("1,250.00", "2,500", "1,25,000.5", "980"),
        (1250, 2500, 125000.5, 980),
        (K.NUMBER_FORMAT,),
    ),
    ValueExample(
        "a decimal comma, thousands behind dots",
        "subscriptions.mrr",
        ("1.250,00", "2.500", "980", "12,5"),
        (1250, 2500, 980, 12.5),
        (K.NUMBER_FORMAT,),
    ),
    ValueExample(
        "thousands behind blanks and apostrophes",
        "subscriptions.mrr",
        ("1 250,00 €", "2\u202f500,10", "3'000", "12 34"),
        (1250, 2500.1, 3000, None),
        (K.NUMBER_FORMAT,),
    ),
    ValueExample(
        "signs and codes of one currency",
        "subscriptions.mrr",
        ("$1,250", "$ 99.50", "-$5", "($7.25)"),
        (1250, 99.5, -5, -7.25),
        (K.NUMBER_FORMAT,),
    ),
    ValueExample(
        "no cents, as price lists write it",
        "subscriptions.mrr",
        ("1.250,-", "980,--", "€ 7,–", "75-", "60,50-"),
        (1250, 980, 7, -75, -60.5),
        (K.NUMBER_FORMAT,),
    ),
    ValueExample(
        "money without decimals: the sign tells", "subscriptions.mrr", ("¥15,000",), (15000,), (K.NUMBER_FORMAT,)
    ),
    ValueExample(
        "what could be 1250 or 1.25 is not read, unless it is declared",
        "subscriptions.mrr",
        ("1,250", "80"),
        (None, 80),
        (K.AMBIGUOUS_NUMBER,),
    ),
    ValueExample(
        "nor is 1.250 where nothing in a column of money tells",
        "subscriptions.mrr",
        ("1.250", "80"),
        (None, 80),
        (K.AMBIGUOUS_NUMBER,),
    ),
    ValueExample(
        "two marks that contradict each other tell nothing of a third",
        "subscriptions.mrr",
        ("1,250.00", "1.250,00", "1,250"),
        (1250, 1250, None),
        (K.NUMBER_FORMAT, K.AMBIGUOUS_NUMBER),
    ),
    ValueExample(
        "a declared decimal comma",
        "subscriptions.mrr",
        ("1.250", "0,5", "12.34"),
        (1250, 0.5, None),
        (K.NUMBER_FORMAT,),
        {"decimal_mark": ","},
    ),
    ValueExample(
        "a mark declared for another table says nothing of this one",
        "subscriptions.mrr",
        ("12.34",),
        (12.34,),
        (),
        {"decimal_mark": {"usage_events": ","}},
    ),
    ValueExample(
        "a quantity may have three decimals", "usage_events.quantity", ("1.250", "0.125", "3"), (1.25, 0.125, 3)
    ),
    ValueExample(
        "per cent, and what is no number",
        "usage_events.quantity",
        ("12 %", "5", "1,2,3", "12abc", "(5"),
        (0.12, 5, None, None, None),
        (K.NUMBER_FORMAT, K.UNREADABLE_VALUE),
    ),
    ValueExample(
        "no limit is no number of seats",
        "subscriptions.seats",
        ("-1", "Unlimited", "∞", "5", "1,200", "7.0"),
        (None, None, None, 5, 1200, 7),
        (K.NUMBER_FORMAT, K.NO_LIMIT),
    ),
    ValueExample(
        "words for nothing, and half a seat",
        "subscriptions.seats",
        ("n/a", "NULL", "\\N", "-", "nan", "2.5", ""),
        (None,) * 7,
        (K.NO_VALUE, K.UNREADABLE_VALUE),
    ),
)
NAMES = (
    ValueExample(
        "a program's sign for nothing is no plan; a word for it may be one",
        "subscriptions.plan",
        ("\\N", "<NA>", "None", "N/A", "null pointer"),
        (None, None, "None", "N/A", "null pointer"),
        (K.NO_VALUE, K.DOUBTFUL_NAME),
    ),
    ValueExample(
        "what a spreadsheet or an export puts around a name",
        "subscriptions.plan",
        ('="Pro"', "\tPro\u00a0", "\u200bPro", "Pro\u00a0Plus", " Pro "),
        ("Pro", "Pro", "Pro", "Pro Plus", "Pro"),
        (K.SPELLING,),
    ),
    ValueExample(
        "breaks of lines and control signs within a name",
        "support_tickets.category",
        ("Bug\u0085report", "Bug\u2028report\x07", "Bug\r\nreport", "Bug\treport", "\x1fBug report"),
        ("Bug report",) * 5,
        (K.SPELLING,),
    ),
    ValueExample(
        "names that differ only in capitals, blanks or hyphens stay apart",
        "subscriptions.plan",
        ("Gold", "gold", "Team-Plus", "team plus", "Teams", "Golden"),
        ("Gold", "gold", "Team-Plus", "team plus", "Teams", "Golden"),
        (K.NEAR_NAME,),
    ),
    ValueExample(
        "a name with blanks around it is the one without",
        "accounts.segment",
        (" smb", "smb"),
        ("smb", "smb"),
        (K.SPELLING,),
    ),
    ValueExample(
        "an event may be called null", "usage_events.event", ("null", "login"), ("null", "login"), (K.DOUBTFUL_NAME,)
    ),
    ValueExample(
        "yes and no",
        "churn_events.voluntary",
        ("Yes", "0", "nein", "off", "n/a", "perhaps"),
        (True, False, False, False, None, None),
        (K.NO_VALUE, K.UNREADABLE_VALUE),
    ),
)
PRIORITIES = (
    ValueExample(
        "the words of help desks, in any capitals",
        "support_tickets.priority",
        ("low", "Normal", "HIGH", "urgent", "Medium", ""),
        ("low", "Normal", "HIGH", "urgent", "Medium", None),
    ),
    ValueExample(
        "another language, a number, a word of one's own: not guessed",
        "support_tickets.priority",
        ("hoch", "2", "P3", "blocker", "high"),
        ("hoch", "2", "P3", "blocker", "high"),
        (K.UNKNOWN_PRIORITY,),
    ),
    ValueExample(
        "declared",
        "support_tickets.priority",
        ("Hoch", "1", "1.0", "4", "dringend"),
        ("high", "urgent", "urgent", "low", "dringend"),
        (K.UNKNOWN_PRIORITY,),
        {"priorities": {"hoch": "high", 1: "urgent", 4: "low"}},
    ),
)
SATISFACTION = (
    ValueExample("1 to 5 as it is", "support_tickets.csat", ("1", "5", "3.5"), (1, 5, 3.5)),
    ValueExample(
        "another scale is not guessed",
        "support_tickets.csat",
        ("10", "3", "7"),
        (None, None, None),
        (K.OTHER_SCALE,),
    ),
    ValueExample(
        "1 to 10, declared",
        "support_tickets.csat",
        ("10", "1", "5.5", "11"),
        (5, 1, 3, None),
        (K.OTHER_SCALE,),
        {"csat_scale": "1-10"},
    ),
    ValueExample("thumbs as 0 and 1 are no 1 of 5", "support_tickets.csat", ("1", "0"), (None, None), (K.OTHER_SCALE,)),
    ValueExample(
        "good and bad, not declared", "support_tickets.csat", ("good", "bad"), (None, None), (K.UNREADABLE_VALUE,)
    ),
    ValueExample(
        "good and bad, declared",
        "support_tickets.csat",
        ("Good", "bad", "offered", "so so"),
        (5, 1, None, None),
        (K.NO_VALUE, K.UNREADABLE_VALUE),
        {"csat_scale": "good/bad"},
    ),
    ValueExample(
        "words of one's own, declared",
        "support_tickets.csat",
        ("Happy", "meh", "4"),
        (5, 3, None),
        (K.UNREADABLE_VALUE,),
        {"csat_scale": {"happy": 5, "meh": 3}},
    ),
)
IDS = (
    ValueExample(
        "what a spreadsheet or an export puts around an id",
        "accounts.account_id",
        ('="00123"', "\t00124", "\ufeff00125", "00126\u00a0", "'00127", "0\u200b0128"),
        ("00123", "00124", "00125", "00126", "00127", "00128"),
        (K.SPELLING,),
    ),
    ValueExample(
        "a column that was a double on the way", "accounts.account_id", ("1000.0", "7.0"), ("1000", "7"), (K.SPELLING,)
    ),
    ValueExample("versions are no doubles", "accounts.account_id", ("1.0", "1.1", "2.0"), ("1.0", "1.1", "2.0")),
    ValueExample(
        "Salesforce's 15 letters among its 18",
        "accounts.account_id",
        ("0015g00000AbCdE", "0015g00000AbCdFAAV"),
        ("0015g00000AbCdEAAV", "0015g00000AbCdFAAV"),
        (K.SPELLING,),
    ),
    ValueExample(
        "ids that differ only in capitals stay apart",
        "accounts.owner_id",
        ("Ann", "ann", "bob", "0015g00000AbCdE", "0015g00000AbCde"),
        ("Ann", "ann", "bob", "0015g00000AbCdE", "0015g00000AbCde"),
        (K.NEAR_NAME,),
    ),
    ValueExample(
        "a program's sign for nothing is nobody's id; somebody may be called Null",
        "accounts.owner_id",
        ("\\N", "NULL", "ann"),
        (None, "NULL", "ann"),
        (K.NO_VALUE, K.DOUBTFUL_NAME),
    ),
    ValueExample(
        "but no account is, unless there is one",
        "accounts.parent_account_id",
        ("None", "nan", "a"),
        (None, None, "a"),
        (K.NO_VALUE,),
    ),
)
VALUE_EXAMPLES = {
    "numbers": NUMBERS,
    "names": NAMES,
    "priorities": PRIORITIES,
    "satisfaction": SATISFACTION,
    "ids": IDS,
}
