"""Which language a sentence is in: by its script, then by words that only one language of that script uses."""

from __future__ import annotations

import re

_SCRIPTS = (
    # first, last letter of the block, language
    (0x0900, 0x097F, "hi"),
    (0x0980, 0x09FF, "bn"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B00, 0x0B7F, "or"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0600, 0x06FF, "ur"),
    (0x0750, 0x077F, "ur"),
)
# A word with all its signs: in Indic scripts the vowel signs are no letters to Python.
_WORD = re.compile(r"(?:[^\W\d_]|[\u0900-\u0963\u0970-\u097f\u0980-\u09e3\u09f0-\u0dff\u200c\u200d])+")
_INDIC_SHARE = 3
"""An Indic word weighs as much as so many Latin ones: code-mixed speech borrows nouns."""

_MARATHI = frozenset(
    "आहे आहेत होते होता होती नाही आणि मी तू आम्ही तुम्ही त्यांनी त्याने तिने माझा माझी तुझा आपण काय कसे कुठे मला तुला "
    "झाला झाली झाले करतो करते केला केली ह्या या साठी मध्ये होतो आहोत आहात".split()
) - {"या", "मी", "होते", "होता", "होती"}
_NEPALI = frozenset("छ छन् छु छैन हो होइन गर्छ गर्नुहोस् तपाईं मेरो हामी उनी भयो थियो थिए पनि लागि गरेको भएको छौं हुन्छ".split())
_KONKANI = frozenset("आसा आसात हांव म्हजें म्हजो तुजें कितें खंय जाता करता आमी तुमी गोंय".split()) - {"जाता", "करता"}
_ASSAMESE = re.compile("[\u09f0\u09f1]")
_SINDHI = re.compile("[\u067b\u067d\u0680\u0684\u0683\u06fd\u06fe\u0699\u06b3\u06b1\u06bb]")


def detect_language(text: str, default: str = "en") -> str:
    """The language of one sentence, as a code of two or three letters.

    The script of most words decides, and Latin words among Indic ones (code-mix) do not: one Indic word in four makes
    the sentence Indic. Devanagari is Hindi unless words of Marathi, Nepali or Konkani outnumber
    the rest; Bengali script with the Assamese letters is Assamese; Arabic script with the Sindhi letters is Sindhi.
    Latin letters alone are English; no letters at all give `default`.
    """
    counts: dict[str, int] = {}
    latin = 0
    for word in _WORD.findall(text):
        language = _of_letter(ord(word[0]))
        if language:
            counts[language] = counts.get(language, 0) + 1
        else:
            latin += 1
    if not counts:
        return "en" if latin else default
    best = max(counts, key=lambda language: counts[language])
    return _by_words(text, best) if counts[best] * _INDIC_SHARE > latin else "en"


def _of_letter(code: int) -> str:
    for first, last, language in _SCRIPTS:
        if first <= code <= last:
            return language
    return ""


def _by_words(text: str, language: str) -> str:
    if language == "hi":
        words = _WORD.findall(text)
        found = {code: sum(word in own for word in words) for code, own in _OWN_WORDS}
        best = max(found, key=lambda code: found[code])
        return best if found[best] else "hi"
    if language == "bn" and _ASSAMESE.search(text):
        return "as"
    if language == "ur" and _SINDHI.search(text):
        return "sd"
    return language


_OWN_WORDS = (("mr", _MARATHI), ("ne", _NEPALI), ("kok", _KONKANI))
