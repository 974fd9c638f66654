"""The colours of bands, the same in charts and on every page."""

from __future__ import annotations

from collections.abc import Sequence

# Bands from best to worst; further bands take the shades between, which differ in lightness too.
BEST_TO_WORST = ((47, 143, 118), (226, 178, 74), (176, 68, 47))
UNKNOWN_COLOUR = "#aab3b9"


def band_colours(bands: Sequence[str], unknown: Sequence[str] = ()) -> dict[str, str]:
    """A colour for each declared band, best to worst, and grey for the ``unknown`` ones."""
    last = max(len(bands) - 1, 1)
    return {name: _shade(i / last) for i, name in enumerate(bands)} | dict.fromkeys(unknown, UNKNOWN_COLOUR)


def _shade(share: float) -> str:
    """The colour at ``share`` of the way from best to worst."""
    place = share * (len(BEST_TO_WORST) - 1)
    low = min(int(place), len(BEST_TO_WORST) - 2)
    mixed = (
        round(a + (b - a) * (place - low)) for a, b in zip(BEST_TO_WORST[low], BEST_TO_WORST[low + 1], strict=True)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
