"""English numerals: both scales, ordinals and years."""

from __future__ import annotations

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_WESTERN = (
    (10**24, "septillion"),
    (10**21, "sextillion"),
    (10**18, "quintillion"),
    (10**15, "quadrillion"),
    (10**12, "trillion"),
    (10**9, "billion"),
    (10**6, "million"),
    (10**3, "thousand"),
)
_INDIAN = ((10**7, "crore"), (10**5, "lakh"), (10**3, "thousand"))
_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def below_hundred(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, ones = divmod(n, 10)
    return f"{_TENS[tens]} {_SMALL[ones]}" if ones else _TENS[tens]


class EnglishNumerals:
    """indian: crore and lakh above the thousand, else million and billion.

    "and" stands before the last two digits, after a hundred or a thousand and not elsewhere: one hundred and five,
    eighteen thousand and one, but one million five.
    """

    def __init__(self, *, indian: bool) -> None:
        self._scales = _INDIAN if indian else _WESTERN

    def cardinal(self, n: int) -> str:
        rest, words = self._above_hundred(n)
        hundreds, tail = divmod(rest, 100)
        if hundreds:
            words += [_SMALL[hundreds], "hundred"]
        if tail or not words:
            if words and words[-1] in ("hundred", "thousand"):
                words.append("and")
            words.append(below_hundred(tail))
        return " ".join(words)

    def counted(self, n: int) -> str:
        return self.cardinal(n)

    def plain(self, n: int) -> str:
        """Without "and", as in fractions and ordinals."""
        rest, words = self._above_hundred(n)
        return " ".join([*words, self._group(rest)] if rest or not words else words)

    def ordinal(self, n: int) -> str:
        return ordinal_of(self.plain(n))

    def year(self, n: int) -> str:
        """1999 in pairs, 1905 with "oh", 2005 and round thousands as numbers."""
        high, low = divmod(n, 100)
        if n < 1000 or n > 9999 or (high % 10 == 0 and low < 10):
            return self.cardinal(n).replace(" and ", " ") if n >= 1000 or low < 10 else self._short_year(n)
        if low == 0:
            return f"{below_hundred(high)} hundred"
        return f"{below_hundred(high)} {'oh ' if low < 10 else ''}{below_hundred(low)}"

    def _short_year(self, n: int) -> str:
        high, low = divmod(n, 100)
        return f"{_SMALL[high]} {below_hundred(low)}" if high and low else self.cardinal(n)

    def _above_hundred(self, n: int) -> tuple[int, list[str]]:
        words: list[str] = []
        for value, name in self._scales:
            count, n = divmod(n, value)
            if count:
                words += [self.plain(count) if count > 999 else self._group(count), name]
        return n, words

    def _group(self, n: int) -> str:
        hundreds, tail = divmod(n, 100)
        words = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
        return " ".join([*words, below_hundred(tail)] if tail or not hundreds else words)


def ordinal_of(words: str) -> str:
    """The ordinal of a number in words: its last word changes."""
    head, _, last = words.rpartition(" ")
    changed = _IRREGULAR_ORDINALS.get(last) or (
        f"{last[:-1]}ieth" if last.endswith("y") else f"{last.removesuffix('t')}th"
    )
    return f"{head} {changed}" if head else changed
