# the month of the cutoff: before Christmas everybody orders, and fewer stay away
from churnml.features import Family, Feature, Grain, Polarity, Unit

WORDS = "At this time of the year ({value} is its month) others stay away, too."
MONTH = Feature(
    "season_month", "season.month", "the month of the cutoff", grain=Grain.ACCOUNT, absent=None, actionable=False,
    measure=lambda rows: rows["as_of"].month(), polarity=Polarity.NEITHER, unit=Unit.COUNT, when_low=WORDS,
)  # fmt: skip
FAMILIES = (Family("season.month", "accounts", "the time of the year", lambda wish: (MONTH,)),)
