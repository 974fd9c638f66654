"""How currencies are written: signs, words and codes."""

from __future__ import annotations

from collections.abc import Collection

# What a sign or a word names; several where it names several.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"),
    "DOLLAR": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD"),
    "DOLLARS": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD"),
    "US$": ("USD",),
    "$US": ("USD",),
    "USD$": ("USD",),
    "US DOLLAR": ("USD",),
    "US DOLLARS": ("USD",),
    "C$": ("CAD",),
    "CA$": ("CAD",),
    "A$": ("AUD",),
    "AU$": ("AUD",),
    "NZ$": ("NZD",),
    "S$": ("SGD",),
    "HK$": ("HKD",),
    "NT$": ("TWD",),
    "MX$": ("MXN",),
    "R$": ("BRL",),
    "€": ("EUR",),
    "EURO": ("EUR",),
    "EUROS": ("EUR",),
    "£": ("GBP",),
    "POUND": ("GBP",),
    "POUNDS": ("GBP",),
    "¥": ("JPY", "CNY"),
    "￥": ("JPY", "CNY"),
    "JP¥": ("JPY",),
    "CN¥": ("CNY",),
    "YEN": ("JPY",),
    "円": ("JPY",),
    "元": ("CNY",),
    "RMB": ("CNY",),
    "₹": ("INR",),
    "₩": ("KRW",),
    "₽": ("RUB",),
    "₺": ("TRY",),
    "₫": ("VND",),
    "₱": ("PHP",),
    "₪": ("ILS",),
    "฿": ("THB",),
    "₴": ("UAH",),
    "ZŁ": ("PLN",),
    "KČ": ("CZK",),
    "FT": ("HUF",),
    "KR": ("SEK", "NOK", "DKK", "ISK"),
    "KR.": ("SEK", "NOK", "DKK", "ISK"),
    "FR": ("CHF",),
    "FR.": ("CHF",),
    "SFR": ("CHF",),
}


def meanings_of(text: str) -> tuple[str, ...]:
    """The codes that a currency may have as it is written."""
    if text.strip() == "GBp":
        return ("GBX",)  # pence: small letters are all that tells them from pounds
    folded = text.strip().upper()
    return SPELLINGS.get(folded, (folded,))


def code_of(text: str, about: Collection[str]) -> str:
    """The code of a currency as it is written; a sign that several share is the one of them that is ``about``."""
    folded = text.strip().upper()
    meant = meanings_of(text)
    if len(meant) == 1:
        return meant[0]
    named = [code for code in meant if code in about]
    if len(named) == 1:
        return named[0]
    # with no other dollar about, a dollar is the American one
    return meant[0] if not named and folded in ("$", "DOLLAR", "DOLLARS") else folded
