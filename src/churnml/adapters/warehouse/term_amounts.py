"""Amounts of a whole term in a column of monthly ones: a year's price where a month's belongs."""

from __future__ import annotations

from churnml.adapters.warehouse.reading import Reading
from churnml.remarks import RemarkKind
from churnml.tables import SUBSCRIPTIONS

# Term → its months. Whoever pays ahead gets a tenth or two off, hardly a third, and nobody pays a half more.
MONTHS = {"quarterly": 3, "semiannual": 6, "annual": 12, "biennial": 24, "triennial": 36}
LEAST, MOST = 0.65, 1.3
# Below so many contracts of a plan in one term, what they cost says nothing.
FEWEST = 3


def tell_term_amounts(reading: Reading, standing: str) -> None:
    """Tells terms whose contracts cost as many times a monthly contract of the same plan as they have months.

    Compared is what a seat costs where seats are known, else, of a year and more, what a contract of a named plan costs
    (who pays for longer may be larger): the middle one of each plan, and where plans disagree, nothing is said.

    Args:
        reading: the reading.
        standing: the view of the periods as all that is known says.
    """
    if "billing_period" not in reading.counts.given[SUBSCRIPTIONS.name]:
        return
    months = ", ".join(f"('{term}', {length})" for term, length in MONTHS.items())
    # the contracts of a plan, compared by seat where nearly all have seats
    priced = (
        "SELECT coalesce(plan, '') AS plan, billing_period AS term, account_id, "
        "mrr / CASE WHEN seats > 0 THEN seats END AS a_seat, mrr "
        f"FROM {standing} WHERE mrr > 0 QUALIFY row_number() OVER "
        "(PARTITION BY account_id, subscription_id, term, plan ORDER BY starts_at DESC) = 1"
    )
    middle = (
        "SELECT plan, term, count(*) AS contracts, median(mrr) AS mrr, "
        f"CASE WHEN count(a_seat) >= {FEWEST} THEN median(a_seat) END AS a_seat FROM ({priced}) GROUP BY ALL "
        f"HAVING count(*) >= {FEWEST}"
    )
    rows = reading.con.execute(
        f"WITH middle AS ({middle}), terms (term, months) AS (VALUES {months}), compared AS ("
        "SELECT l.term, months, l.contracts, coalesce(l.a_seat / m.a_seat, "
        "CASE WHEN months >= 12 AND l.plan <> '' THEN l.mrr / m.mrr END) / months AS share "
        "FROM middle AS l JOIN terms USING (term) JOIN middle AS m ON m.plan = l.plan AND m.term = 'monthly') "
        "SELECT term, months, sum(contracts)::BIGINT, median(share) FROM compared GROUP BY ALL "
        f"HAVING bool_and(share BETWEEN {LEAST} AND {MOST}) ORDER BY months"
    ).fetchall()
    for term, length, contracts, share in rows:
        detail = f"If the amount is that of the whole term, select mrr / {length} for these"
        sample = f"{term}: {share * length:.3g} × a monthly contract of the same plan"
        reading.tell(RemarkKind.AMOUNTS_OF_TERMS, SUBSCRIPTIONS.name, "mrr", contracts, [sample], detail)
