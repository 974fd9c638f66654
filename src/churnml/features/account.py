"""What never changes about an account: only attributes the project declares static may be used."""

from __future__ import annotations

from churnml.features.declare import Family, Feature, Grain, Measure, Polarity, Unit, Wish


def _age(_wish: Wish) -> tuple[Feature, ...]:
    return (
        Feature(
            name="account_age_days",
            family="account.age",
            means="days since the account was created",
            grain=Grain.ACCOUNT,
            measure=lambda a: a["age"],
            polarity=Polarity.NEITHER,
            unit=Unit.DAYS,
            when_low="Known to us for only {value}.",
            when_high="Known to us for {value}.",
            actionable=False,
            only_low=True,
        ),
    )


def _attribute(name: str) -> Measure:
    return lambda rows: rows[name]


def _attributes(wish: Wish) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            name=f"account_{attribute}",
            family="account.attributes",
            means=f"the account's {attribute}, declared static",
            grain=Grain.ACCOUNT,
            measure=_attribute(attribute),
            polarity=Polarity.NEITHER,
            unit=Unit.NAME,
            when_low=f"Its {attribute.replace('_', ' ')} is '{{value}}'.",
            needs_columns=(("accounts", attribute),),
            actionable=False,
        )
        for attribute in wish.static
    )


FAMILIES = (
    Family("account.age", "accounts", "how long the account is known", _age),
    Family("account.attributes", "accounts", "what it is", _attributes),
)
