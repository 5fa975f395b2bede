"""Telugu numerals, with the oblique forms that join them to what follows.

A larger part stands in its oblique form before a smaller one or a noun: రెండు వందలు alone, but రెండు వందల ఒకటి and
రెండు వందల రూపాయలు. Above the crore, crores are counted: లక్ష కోట్లు is 10^12. One hundred is వంద alone and నూట before a
number; one before a noun is ఒక, and ఒక్క after tens.
"""

from __future__ import annotations

_SMALL = (
    "సున్నా ఒకటి రెండు మూడు నాలుగు ఐదు ఆరు ఏడు ఎనిమిది తొమ్మిది పది పదకొండు పన్నెండు పదమూడు పద్నాలుగు పదిహేను పదహారు పదిహేడు పద్దెనిమిది పంతొమ్మిది"
).split()
_TENS = "_ _ ఇరవై ముప్పై నలభై యాభై అరవై డెబ్బై ఎనభై తొంభై".split()
# value, one alone, plural alone, plural before more
_SCALES = (
    (10**7, "కోటి", "కోట్లు", "కోట్ల"),
    (10**5, "లక్ష", "లక్షలు", "లక్షల"),
    (10**3, "వెయ్యి", "వేలు", "వేల"),
)
_ORDINALS = {1: "మొదటి"}


def below_hundred(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, ones = divmod(n, 10)
    return f"{_TENS[tens]} {_SMALL[ones]}" if ones else _TENS[tens]


class TeluguNumerals:
    def cardinal(self, n: int) -> str:
        return self._words(n, before_noun=False)

    def counted(self, n: int) -> str:
        return self._words(n, before_noun=True)

    def ordinal(self, n: int) -> str:
        return _ORDINALS.get(n) or ordinal_of(self.cardinal(n))

    def year(self, n: int) -> str:
        """1100 to 1999 by hundreds: పంతొమ్మిది వందల నలభై ఏడు."""
        hundreds, tail = divmod(n, 100)
        if not 11 <= hundreds <= 99 or hundreds % 10 == 0:
            return self.cardinal(n)
        return f"{below_hundred(hundreds)} {'వందల ' + below_hundred(tail) if tail else 'వందలు'}"

    def _words(self, n: int, *, before_noun: bool) -> str:
        words: list[str] = []
        for value, one, many, oblique in _SCALES:
            count, n = divmod(n, value)
            if count == 1:
                words.append(one)
            elif count:
                words += [self._words(count, before_noun=True), oblique if n or before_noun else many]
        hundreds, tail = divmod(n, 100)
        if hundreds == 1:
            words.append("నూట" if tail else "వంద")
        elif hundreds:
            words += [_SMALL[hundreds], "వందల" if tail or before_noun else "వందలు"]
        if tail or not words:
            words.append(self._last(tail, first=not words) if before_noun else below_hundred(tail))
        return " ".join(words)

    def _last(self, tail: int, *, first: bool) -> str:
        if tail == 1 and first:
            return "ఒక"
        if tail % 10 == 1 and tail != 11:
            return f"{_TENS[tail // 10]} ఒక్క" if tail > 1 else "ఒక్క"
        return below_hundred(tail)


def ordinal_of(words: str) -> str:
    """-వ: a final -ు or -ి is lost before it, and -ై becomes -య్య."""
    if words.endswith("ై"):
        return words[:-1] + "య్యవ"
    if words.endswith(("ు", "ి")):
        return words[:-1] + "వ"
    return words + "వ"
