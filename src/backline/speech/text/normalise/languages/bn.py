"""Bengali, begun: numbers, dates, money, percent and telephone numbers. Units, times and symbols are still to come."""

from __future__ import annotations

from backline.speech.text.normalise import cardinal, date, measure, money, telephone
from backline.speech.text.normalise.languages.base import Currency, Language, Magnitude
from backline.speech.text.normalise.languages.indian_numerals import IndianNumerals
from backline.speech.text.normalise.rules import Rule

_BELOW_HUNDRED = (
    "শূন্য এক দুই তিন চার পাঁচ ছয় সাত আট নয় দশ এগারো বারো তেরো চৌদ্দ পনেরো ষোলো সতেরো আঠারো উনিশ বিশ একুশ বাইশ তেইশ চব্বিশ পঁচিশ "
    "ছাব্বিশ সাতাশ আটাশ ঊনত্রিশ ত্রিশ একত্রিশ বত্রিশ তেত্রিশ চৌত্রিশ পঁয়ত্রিশ ছত্রিশ সাঁইত্রিশ আটত্রিশ ঊনচল্লিশ চল্লিশ একচল্লিশ বিয়াল্লিশ "
    "তেতাল্লিশ চুয়াল্লিশ পঁয়তাল্লিশ ছেচল্লিশ সাতচল্লিশ আটচল্লিশ ঊনপঞ্চাশ পঞ্চাশ একান্ন বাহান্ন তিপ্পান্ন চুয়ান্ন পঞ্চান্ন ছাপ্পান্ন সাতান্ন "
    "আটান্ন ঊনষাট ষাট একষট্টি বাষট্টি তেষট্টি চৌষট্টি পঁয়ষট্টি ছেষট্টি সাতষট্টি আটষট্টি ঊনসত্তর সত্তর একাত্তর বাহাত্তর তিয়াত্তর চুয়াত্তর "
    "পঁচাত্তর ছিয়াত্তর সাতাত্তর আটাত্তর ঊনআশি আশি একাশি বিরাশি তিরাশি চুরাশি পঁচাশি ছিয়াশি সাতাশি আটাশি ঊননব্বই নব্বই একানব্বই "
    "বিরানব্বই তিরানব্বই চুরানব্বই পঁচানব্বই ছিয়ানব্বই সাতানব্বই আটানব্বই নিরানব্বই"
).split()
_MONTH_NAMES = tuple("জানুয়ারি ফেব্রুয়ারি মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর".split())
_MAGNITUDES = {
    "হাজার": Magnitude("হাজার"),
    "লাখ": Magnitude("লাখ"),
    "লক্ষ": Magnitude("লক্ষ"),
    "কোটি": Magnitude("কোটি"),
    "lakh": Magnitude("লাখ"),
    "crore": Magnitude("কোটি"),
}
_CURRENCIES = (
    Currency(("৳", "টাকা", "BDT"), "টাকা", "টাকা", "পয়সা", "পয়সা"),
    Currency(("₹", "Rs", "Rs.", "INR", "রুপি"), "টাকা", "টাকা", "পয়সা", "পয়সা"),
    Currency(("$", "USD", "ডলার"), "ডলার", "ডলার", "সেন্ট", "সেন্ট"),
    Currency(("€", "EUR"), "ইউরো", "ইউরো", "সেন্ট", "সেন্ট"),
    Currency(("£", "GBP"), "পাউন্ড", "পাউন্ড", "পেন্স", "পেন্স"),
)


def language(region: str) -> Language:
    """region: makes no difference."""
    numerals = IndianNumerals(
        below_hundred=_BELOW_HUNDRED,
        hundred="শো",
        hundreds_joined=True,
        scales=((10**7, "কোটি"), (10**5, "লাখ"), (10**3, "হাজার")),
        ordinal_ending="তম",
    )
    return Language(
        code="bn",
        numerals=numerals,
        digits=tuple(_BELOW_HUNDRED[:10]),
        point="দশমিক",
        minus="মাইনাস",
        plus="প্লাস",
        percent="শতাংশ",
        to="থেকে",
        per="প্রতি",
        by="বাই",
        indian=True,
        magnitudes=_MAGNITUDES,
        months={name: index + 1 for index, name in enumerate(_MONTH_NAMES)},
        month_names=_MONTH_NAMES,
        currencies=_CURRENCIES,
        year_after=r"\s?(?:সালে|সাল|সালের|খ্রিস্টাব্দ)",
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *telephone.rules(language),
        *date.rules(language),
        *money.rules(language),
        *measure.percent_rules(language),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
    ]
