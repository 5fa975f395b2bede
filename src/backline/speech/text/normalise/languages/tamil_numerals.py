"""Tamil numerals: parts join in their oblique forms (நூறு, but நூற்று before more; ஆயிரம், ஆயிரத்து)."""

from __future__ import annotations

_SMALL = (
    "பூஜ்ஜியம் ஒன்று இரண்டு மூன்று நான்கு ஐந்து ஆறு ஏழு எட்டு ஒன்பது பத்து பதினொன்று பன்னிரண்டு பதின்மூன்று பதினான்கு "
    "பதினைந்து பதினாறு பதினேழு பதினெட்டு பத்தொன்பது"
).split()
_TENS = "_ _ இருபது முப்பது நாற்பது ஐம்பது அறுபது எழுபது எண்பது தொண்ணூறு".split()
_TENS_BEFORE = "_ _ இருபத்து முப்பத்து நாற்பத்து ஐம்பத்து அறுபத்து எழுபத்து எண்பத்து தொண்ணூற்று".split()
_HUNDREDS = "_ நூறு இருநூறு முந்நூறு நானூறு ஐநூறு அறுநூறு எழுநூறு எண்ணூறு தொள்ளாயிரம்".split()
_HUNDREDS_BEFORE = ("_ நூற்று இருநூற்று முந்நூற்று நானூற்று ஐநூற்று அறுநூற்று எழுநூற்று எண்ணூற்று தொள்ளாயிரத்து").split()
# value, alone, before more
_SCALES = ((10**7, "கோடி", "கோடியே"), (10**5, "லட்சம்", "லட்சத்து"), (10**3, "ஆயிரம்", "ஆயிரத்து"))


class TamilNumerals:
    def cardinal(self, n: int) -> str:
        words: list[str] = []
        for value, alone, before in _SCALES:
            count, n = divmod(n, value)
            if count:
                name = before if n else alone
                words.append(name if count == 1 and value == 1000 else f"{self.counted(count)} {name}")
        hundreds, tail = divmod(n, 100)
        if hundreds:
            words.append((_HUNDREDS_BEFORE if tail else _HUNDREDS)[hundreds])
        if tail or not words:
            words.append(_below_hundred(tail))
        return " ".join(words)

    def counted(self, n: int) -> str:
        return "ஒரு" if n == 1 else self.cardinal(n)

    def ordinal(self, n: int) -> str:
        return "முதல்" if n == 1 else self.cardinal(n).rstrip("ு்") + "ாவது"

    def year(self, n: int) -> str:
        return self.cardinal(n)


def _below_hundred(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, ones = divmod(n, 10)
    return f"{_TENS_BEFORE[tens]} {_SMALL[ones]}" if ones else _TENS[tens]
