"""Where the region decides: the order of a date, and lakh or million; and the languages that have begun."""

from __future__ import annotations

import pytest

from backline.speech.text.normalise.normaliser import Normaliser


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "10/06/2005", "october sixth two thousand five"),
        ("en-us", "10/06/2005", "october sixth two thousand five"),
        ("en-gb", "10/06/2005", "the tenth of june two thousand five"),
        ("en-in", "10/06/2005", "the tenth of june two thousand five"),
        ("en_IN", "10/06/2005", "the tenth of june two thousand five"),
        ("en", "1234567", "one million two hundred thirty four thousand five hundred and sixty seven"),
        ("en-in", "1234567", "twelve lakh thirty four thousand five hundred and sixty seven"),
        ("en-in", "1,234,567", "one million two hundred thirty four thousand five hundred and sixty seven"),
        ("en", "12,34,567", "twelve lakh thirty four thousand five hundred and sixty seven"),
        ("en", "₹1234567", "twelve lakh thirty four thousand five hundred and sixty seven rupees"),
        ("hi-in", "1,234,567", "बारह लाख चौंतीस हज़ार पाँच सौ सड़सठ"),
        ("te-in", "100", "వంద"),
        ("ta", "123", "நூற்று இருபத்து மூன்று"),
        ("ta", "25-03-2020", "இருபத்து ஐந்து மார்ச் இரண்டு ஆயிரத்து இருபது"),
        ("ta", "₹500", "ஐநூறு ரூபாய்"),
        ("ta", "௧௦%", "பத்து சதவீதம்"),
        ("bn", "123", "একশো তেইশ"),
        ("bn", "২৫/০৩/২০২০", "পঁচিশ মার্চ দুই হাজার বিশ"),
        ("bn", "৳৫০০", "পাঁচশো টাকা"),
        ("bn", "১৯৭১ সালে", "উনিশশো একাত্তর সালে"),
    ],
)
def test_the_region_decides(language: str, written: str, spoken: str) -> None:
    assert Normaliser().normalise(written, language).text == spoken
