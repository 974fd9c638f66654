"""Features of a project's own, for what YAML cannot say."""

from dataclasses import dataclass

from churnml.features import Family, Feature, Grain, Polarity, Unit, Wish


@dataclass(frozen=True)
class BusiestDayShare:
    """How much of the use falls on the busiest day: a peak, or every day alike."""

    days: int

    def __call__(self, rows):
        recent = rows["age"] <= self.days
        total = rows["events"].sum(where=recent).cast("float64").nullif(0.0)
        return rows["events"].max(where=recent).cast("float64") / total


def busiest_day(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"product_busiest_day_{n}d",
            family="product.busiest_day",
            means=f"share of the last {n} days' events on the busiest of them",
            grain=Grain.DAY,
            measure=BusiestDayShare(n),
            polarity=Polarity.NEITHER,
            unit=Unit.SHARE,
            when_low=f"Its busiest day makes only {{value}} of its use in {n} days.",
            when_high=f"Its busiest day makes {{value}} of its use in {n} days.",
            lookback=n,
        )
        for n in wish.lookbacks
    )


FAMILIES = (Family("product.busiest_day", "usage_events", "whether use comes in peaks", busiest_day),)
