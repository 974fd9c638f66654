"""Why a score is what it is, in sentences a customer success manager can use, with the numbers in them.

Contributions are exact TreeSHAP values in log-odds (Lundberg, Erion and Lee, 2018), summed by feature
family, because a manager acts on "active days" and not on its three lookbacks. Families of one theme say
nearly the same of an account, and which of them the trees took is an accident of the seed: they compete for
one reason, whose weight is their sum. What nearly everybody shares says little of anyone, so reasons are ordered
by their weight times their surprise: on the list, among the account's peers, and against its own past. See
docs/reasons.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration
from churnml.features import Polarity, theme_of
from churnml.ledger import Reason
from churnml.scoring.peers import LEAST_PEERS, Peers
from churnml.scoring.people import about_people, of_one_person
from churnml.scoring.wording import GROW, LEAVE, own_usual, sentence

# A theme that moves the log-odds by less does not stand out: 0.25 turns 10 % into 12.5 %. It is also several
# times what another seed changes (docs/reasons.md).
LEAST_CONTRIBUTION = 0.25
REASONS_SHOWN = 3
# A family that adds less than this share of the strongest one of its theme does not speak for it.
LEAST_SHARE = 0.25
# What more than a third of its peers share is not what sets an account apart: it is told last.
ORDINARY = math.log2(3)
# An eighth of the list may read the same.
MOST_OF_WORDS = 3.0
# Values that differ by less read the same.
WORDED_DIGITS = 3
# What differs by less is as surprising.
BITS_DIGITS = 1
# On the reference scale, a health input at or under this is a reason of its own.
POOR = 25.0
# Which reasons are told first, whatever their weight.
TELLING, AS_EVER, PASSIVE = 0, 1, 2


@dataclass(frozen=True)
class Candidates:
    """What might be told of accounts: parallel arrays, by row, then by theme and family as they are declared.

    Args:
        row: the row of the frame.
        theme, family: their numbers.
        feature: place of the feature that would speak in the list of features.
        weight: of the theme, see :class:`Reason`.
        strength: what the family itself adds to that.
        particular: how far the account stands from its peers and its own past there, in bits.
        words: equal where the sentence would be.
        tier: TELLING; AS_EVER where the account is no lower than its own past, though lower than others;
            or where too many of its peers stand there too; PASSIVE where nobody can act on it.
    """

    row: np.ndarray
    theme: np.ndarray
    family: np.ndarray
    feature: np.ndarray
    weight: np.ndarray
    strength: np.ndarray
    particular: np.ndarray
    words: np.ndarray
    tier: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[tuple[np.ndarray, Candidates]]) -> Candidates:
        """Several parts of a frame as one; with each the places of its rows in the whole."""
        whole = [(places[part.row], part) for places, part in parts]
        return cls(
            np.concatenate([rows for rows, _ in whole]),
            *(
                np.concatenate([getattr(part, name) for _, part in whole])
                for name in ("theme", "family", "feature", "weight", "strength", "particular", "words", "tier")
            ),
        )

    def surprises(self) -> np.ndarray:
        """How much each says of its account, in bits: what is particular to it, and how few on the list have the like.

        The same sentence on every line is read once: how few could be told the very same counts beside the family.

        As if one more account had it and one had not, so that a short list does not decide.
        """
        if not len(self.row):
            return np.zeros(0)
        accounts = len(np.unique(self.row))
        having = np.bincount(self.family, minlength=int(self.family.max()) + 1)
        sentence = np.unique(self.words, return_inverse=True)[1]
        same = np.log2((accounts + 2) / (np.bincount(sentence) + 1))[sentence]
        few = np.log2((accounts + 2) / (having + 1))[self.family]
        weight: np.ndarray = few + np.minimum(same, MOST_OF_WORDS) + self.particular
        return weight


@dataclass(frozen=True)
class Picked:
    """Reasons to be told: parallel arrays, by row and then by place.

    Args:
        row: the row of the frame.
        feature: place of the feature that speaks in the list of features.
        weight: see :class:`Reason`.
    """

    row: np.ndarray
    feature: np.ndarray
    weight: np.ndarray


def pick(candidates: Candidates, *, of_list: bool) -> Picked:
    """The first :data:`REASONS_SHOWN` themes of every row, each by one family.

    Of a tier the heaviest come first; ``of_list`` weighs by surprise too, since the rows are one day's list. Of a
    theme, whose weight is one, the most surprising family speaks there.
    """
    c = candidates
    surprise = c.surprises() if of_list else np.ones(len(c.row))
    telling = np.round(surprise, BITS_DIGITS) if of_list else c.strength
    # equal ones: the stronger, and then what is declared first
    order = np.lexsort((c.family, -c.strength, -telling, c.tier, c.theme, c.row))
    order = order[_first_of(c.row[order], c.theme[order])]
    order = order[np.lexsort((c.theme[order], (-c.weight * surprise)[order], c.tier[order], c.row[order]))]
    rows = c.row[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    order = order[place < REASONS_SHOWN]
    return Picked(c.row[order], c.feature[order], c.weight[order])


def _first_of(*sorted_keys: np.ndarray) -> np.ndarray:
    """Whether each place is the first of its run of equal keys."""
    first = np.ones(len(sorted_keys[0]), dtype=bool)
    first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in sorted_keys])
    return first


def tell(
    picked: Picked,
    frame: pd.DataFrame,
    features: Sequence[FeatureDeclaration],
    usual: Mapping[str, float],
    currency: str = "",
    *,
    towards_risk: bool = True,
) -> list[tuple[Reason, ...]]:
    """The picked reasons of every row of ``frame``, in words."""
    told: list[list[Reason]] = [[] for _ in range(len(frame))]
    columns: dict[int, tuple[list[Any], list[float]]] = {}
    for i in np.unique(picked.feature):
        mine = frame.iloc[picked.row[picked.feature == i]]
        columns[int(i)] = (mine[features[i].name].tolist(), own_usual(features[i], mine).tolist())
    taken = dict.fromkeys(columns, 0)
    outcome = LEAVE if towards_risk else GROW
    for row, i, weight in zip(picked.row.tolist(), picked.feature.tolist(), picked.weight.tolist(), strict=True):
        feature, at = features[i], taken[i]
        taken[i] += 1
        value, own = columns[i][0][at], columns[i][1][at]
        past = None if math.isnan(own) else own
        text = sentence(feature, value, usual.get(feature.name), currency, past, outcome=outcome)
        told[row].append(Reason(feature.family, feature.name, text, round(weight, 6)))
    return [tuple(reasons) for reasons in told]


def model_reasons(
    frame: pd.DataFrame,
    features: Sequence[FeatureDeclaration],
    contributions: np.ndarray,
    usual: Mapping[str, float],
    *,
    towards_risk: bool,
    currency: str = "",
) -> list[tuple[Reason, ...]]:
    """The reasons of a day's list: what pushes each account the way the message goes; none where nothing stands out.

    Args:
        frame: features, one row an account.
        features: their declarations, in the order of the contributions' columns.
        contributions: log-odds, shape (rows, features).
        usual: feature → its median in training.
        towards_risk: for churn, a feature with a declared polarity is a reason only on its bad side.
        currency: shown behind money.
    """
    peers, rows = Peers.of(frame), np.arange(len(frame))
    candidates = model_candidates(frame, features, contributions, usual, peers, rows, towards_risk=towards_risk)
    picked = pick(candidates, of_list=True)
    return tell(picked, frame, features, usual, currency, towards_risk=towards_risk)


def model_candidates(
    frame: pd.DataFrame,
    features: Sequence[FeatureDeclaration],
    contributions: np.ndarray,
    usual: Mapping[str, float],
    peers: Peers,
    places: np.ndarray,
    *,
    towards_risk: bool,
) -> Candidates:
    """What might be told of each account; see :func:`model_reasons`. ``places`` are its rows among the ``peers``."""
    may_speak = (contributions > 0) & speakable(frame, features)
    if towards_risk:
        may_speak &= np.column_stack([_on_bad_side(f, frame[f.name], usual.get(f.name)) for f in features])
    family, families = numbered([feature.family for feature in features])
    theme, _ = numbered([theme_of(name) for name in families])
    by_family = _summed(contributions, family)
    # within a family its strongest feature speaks, within a theme one of its strong families
    feature_of, may_speak = strongest(contributions, may_speak, family)
    may_speak &= by_family > 0
    best, there_is = strongest(by_family, may_speak, theme)
    least = np.where(there_is, np.take_along_axis(by_family, best, axis=1) * LEAST_SHARE, np.inf)
    weights = _summed(by_family, theme)
    may_speak &= (by_family >= least[:, theme]) & (weights[:, theme] >= LEAST_CONTRIBUTION)
    row, which = np.nonzero(may_speak)
    speaker = feature_of[row, which]
    apart = particular(places[row], speaker, features, usual, peers)
    return Candidates(
        row=row,
        theme=theme[which],
        family=which,
        feature=speaker,
        weight=weights[row, theme[which]],
        strength=by_family[row, which],
        particular=apart.bits,
        words=wordings(row, speaker, frame, features, usual),
        tier=np.maximum(tiers(row, speaker, frame, features), np.where(apart.ordinary, AS_EVER, TELLING)),
    )


@dataclass(frozen=True)
class Particular:
    """How far each candidate's account stands from its peers and its own past; arrays are parallel to the candidates.

    Args:
        bits: how far.
        ordinary: too many of its peers stand there, too.
    """

    bits: np.ndarray
    ordinary: np.ndarray


def particular(
    rows: np.ndarray,
    speaker: np.ndarray,
    features: Sequence[FeatureDeclaration],
    usual: Mapping[str, float],
    peers: Peers,
) -> Particular:
    """What is particular to the accounts in ``rows`` of the peers by what would speak of each."""
    apart, fallen = np.zeros(len(rows)), np.zeros(len(rows))
    for i in np.unique(speaker):
        mine = speaker == i
        apart[mine] = peers.apart(rows[mine], features[i], usual.get(features[i].name))
        fallen[mine] = peers.fallen(rows[mine], features[i])
    return Particular(apart + fallen, (apart < ORDINARY) & (len(peers.frame) >= LEAST_PEERS))


def wordings(
    row: np.ndarray,
    speaker: np.ndarray,
    frame: pd.DataFrame,
    features: Sequence[FeatureDeclaration],
    usual: Mapping[str, float],
) -> np.ndarray:
    """A number for what each candidate would say, but for the account's own past; equal sentences have equal ones."""
    numbers = np.zeros(len(row), dtype="int64")
    for i in np.unique(speaker):
        feature, mine = features[i], speaker == i
        values = frame[feature.name].iloc[row[mine]]
        if not feature.is_category:
            values = values.astype("float64").round(WORDED_DIGITS)
        place, distinct = pd.factorize(values)
        texts = [sentence(feature, value, usual.get(feature.name)) for value in distinct]
        numbers[mine] = np.array([hash((feature.name, text)) for text in texts], dtype="int64")[place]
    return numbers


def speakable(frame: pd.DataFrame, features: Sequence[FeatureDeclaration]) -> np.ndarray:
    """What could be told of whom, shape (rows, features): what is known, and of one person nothing about people.

    What is not known is a reason of the model's, but nothing a manager could be told or could check.
    """
    known = np.column_stack([frame[feature.name].notna() for feature in features])
    people = np.array([about_people(feature) for feature in features])
    return np.asarray(known & ~(of_one_person(frame)[:, None] & people))


def tiers(
    row: np.ndarray, speaker: np.ndarray, frame: pd.DataFrame, features: Sequence[FeatureDeclaration]
) -> np.ndarray:
    """The tier of each candidate; parallel to ``row`` and ``speaker``."""
    tier = np.full(len(row), TELLING)
    for i in np.unique(speaker):
        feature, mine = features[i], speaker == i
        if not feature.actionable:
            tier[mine] = PASSIVE
        elif feature.polarity == Polarity.HEALTHIER and feature.before:
            rows = frame.iloc[row[mine]]
            tier[mine] = np.where(rows[feature.name].to_numpy("float64") >= own_usual(feature, rows), AS_EVER, TELLING)
    return tier


def numbered(names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Each name's number, and the names by number, in order of appearance."""
    distinct = list(dict.fromkeys(names))
    return np.array([distinct.index(name) for name in names], dtype=int), distinct


def _summed(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums of columns by group, shape (rows, groups)."""
    return np.asarray(values @ np.eye(group.max() + 1)[group])


def strongest(values: np.ndarray, allowed: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each group the allowed column with the largest value, and whether there is one, shape (rows, groups)."""
    best = np.empty((len(values), group.max() + 1), dtype=int)
    is_one = np.empty(best.shape, dtype=bool)
    for number in range(best.shape[1]):
        inside = np.flatnonzero(group == number)
        best[:, number] = inside[np.where(allowed[:, inside], values[:, inside], -np.inf).argmax(axis=1)]
        is_one[:, number] = allowed[:, inside].any(axis=1)
    return best, is_one


def _on_bad_side(feature: FeatureDeclaration, values: pd.Series, usual: float | None) -> np.ndarray:
    """Whether each value lies on the risky side of what is usual; a feature without a direction mostly does."""
    if feature.polarity == Polarity.NEITHER and not feature.only_low:
        return np.ones(len(values), dtype=bool)
    if usual is None:
        return np.zeros(len(values), dtype=bool)
    numbers = values.to_numpy(dtype="float64")
    return numbers > usual if feature.polarity == Polarity.RISKIER else numbers < usual
