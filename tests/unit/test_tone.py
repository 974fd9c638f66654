"""The tone of tickets: what is read, and what is said where nothing can be."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from churnml.adapters.warehouse.tone import READ, tone_of
from tests.support import facts_for, features_at

ACCOUNTS = "account_id | created_at\na | 2022-01-01\nb | 2022-01-01\nc | 2022-01-01"
TICKETS = """
account_id | ticket_id | opened_at  | subject                             | body
a          | t1        | 2024-05-01 | We are furious, cancel our contract |
a          | t2        | 2024-05-02 | Question                            | Thanks, this is a great product!
a          | t3        | 2024-06-01 | Terrible, awful, useless            |
b          | t4        | 2024-05-01 | 請求書について                        | 教えてください
"""


def test_unhappy_words_are_below_zero_and_friendly_ones_above():
    assert tone_of("We are furious, this is terrible") < -300
    assert tone_of("Thanks, great product!") > 300


def test_a_text_without_a_known_word_has_no_tone():
    assert tone_of("請求書について教えてください") is None


def test_the_tone_of_tickets_known_at_the_cutoff_is_averaged_over_those_that_have_one(tmp_path):
    facts = facts_for(tmp_path, {"accounts": ACCOUNTS, "support_tickets": TICKETS})
    found = features_at(facts, dt.date(2024, 6, 1), families=("tickets.tone",)).set_index("account_id")
    tones = [tone_of("We are furious, cancel our contract"), tone_of("Question. Thanks, this is a great product!")]
    assert found.loc["a", "tickets_tone_180d"] == sum(tones) / 2 / 1000
    assert found.loc["a", "tickets_annoyed_180d"] == 1
    assert pd.isna(found.loc["b", "tickets_tone_180d"])
    assert found.loc["b", "tickets_annoyed_180d"] == 0
    assert found.loc["c", "tickets_annoyed_180d"] == 0
    later = features_at(facts, dt.date(2024, 6, 2), families=("tickets.tone",)).set_index("account_id")
    assert later.loc["a", "tickets_annoyed_180d"] == 2, "a ticket is known once it is opened, else this proves nothing"


def test_a_long_text_is_read_to_where_quoted_mail_begins(tmp_path):
    long = "fine. " + "x " * READ + " terrible awful furious"
    tickets = pd.DataFrame([{"account_id": "a", "ticket_id": "t", "opened_at": "2024-05-01", "subject": long}])
    facts = facts_for(tmp_path, {"accounts": ACCOUNTS, "support_tickets": tickets})
    found = features_at(facts, dt.date(2024, 6, 1), families=("tickets.tone",)).set_index("account_id")
    assert found.loc["a", "tickets_tone_180d"] > 0
