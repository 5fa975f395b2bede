"""What a keyboard writes: web and mail addresses, paths, file names, network addresses, hashtags and handles."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import (
    COMPOUND,
    DIGIT,
    LETTER,
    Piece,
    Reading,
    Rule,
    exact_rule,
    rule,
)

_DOMAINS = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|co|in|uk|us|ca|au|de|fr|it|es|nl|jp|cn|ru|br|eu|me|tv|xyz|nic|"
    "ac|sm|abc"
)
_EXTENSIONS = (
    "pdf|docx?|xlsx?|pptx?|csv|txt|json|xml|html?|php|js|py|zip|rar|gz|exe|apk|mp3|mp4|wav|avi|mkv|jpe?g|png|gif|svg|"
    "log|md"
)
_HOST = r"(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,62}\.){1,8}[A-Za-z]{2,12}"
_PATH = r"(?:/[!-;=?-~]{0,500})?"
_NO_MORE = r"(?![A-Za-z0-9@])"
_PARTS = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]")
_PLAIN = frozenset("com org net edu gov info biz co".split())
_EXTENSION = re.compile(_EXTENSIONS)
_TRAILING = ".,;:!?)'\"”’]}"


def rules(language: Language) -> list[Rule]:
    """Everything with marks inside and no blanks."""
    if not language.web_marks:
        return []
    reader = _Electronic(language)
    anywhere = (COMPOUND, DIGIT)
    return [
        rule(COMPOUND, r"(?:https?|ftp|file|sftp)://[!-;=?-~]{1,500}", reader.address),
        rule(anywhere, rf"[A-Za-z0-9][A-Za-z0-9._%+&-]{{0,63}}@{_HOST}(?![A-Za-z0-9@]){_PATH}", reader.address),
        rule(COMPOUND, rf"www\.{_HOST}{_PATH}", reader.address),
        rule(DIGIT, r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:/\d{1,2})?(?![\d.]\d|\d)", reader.address),
        rule(COMPOUND, r"[A-Z]:\\[!-;=?-~]{1,300}", reader.address),
        rule(
            anywhere,
            rf"(?:[A-Za-z0-9_][A-Za-z0-9_-]{{0,62}}\.){{1,8}}(?:{_DOMAINS}){_NO_MORE}(?!\.[A-Za-z0-9]){_PATH}",
            reader.address,
        ),
        rule(anywhere, rf"[A-Za-z0-9_-]{{1,64}}\.(?:{_EXTENSIONS}){_NO_MORE}", reader.address),
        rule(
            ("/", "~"),
            rf"(?<![{LETTER}\d>])~?/[A-Za-z][A-Za-z0-9_.-]{{0,60}}(?:/[A-Za-z0-9_.-]{{1,60}}){{1,12}}/?",
            reader.address,
        ),
        exact_rule("#", rf"#(?=[{LETTER}])(?![{LETTER}\d_]{{1,60}}#)(?P<w>[{LETTER}\d_]{{1,60}})", reader.hashtag),
        rule("@", rf"(?<![{LETTER}\d])@(?P<w>[A-Za-z_][A-Za-z0-9_]{{0,40}})", reader.handle),
    ]


class _Electronic:
    def __init__(self, language: Language) -> None:
        self._language = language
        self._numbers = Numbers(language)
        self._marks = language.web_marks

    def address(self, match: re.Match[str]) -> Reading:
        text = match[0].rstrip(_TRAILING)
        start = match.start()
        if text.endswith("/") and len(match[0]) > len(text) and match[0][len(text)] not in _TRAILING:
            return None
        words = self._words(text)
        pieces: list[Piece] = []
        for word, low, high in words:
            pieces.append((f" {word}" if pieces else word, start + low, start + high))
        return pieces or None

    def hashtag(self, match: re.Match[str]) -> Reading:
        parts = re.findall(r"\d+|_|[A-Z]+(?![a-z])|[A-Z]?[^\d_A-Z]+|[A-Z]", match["w"])
        return " ".join([self._marks["hashtag"], *(self._tagged(part) for part in parts if part != "_")])

    def _tagged(self, part: str) -> str:
        if part.isdecimal():
            year = len(part) == 4 and "1900" <= part <= "2099"
            return self._language.numerals.year(int(part)) if year else self._numbers.cardinal(part)
        letters = self._language.letters
        capitals = letters and part.isascii() and part.isupper()
        return " ".join(letters[character] for character in part.lower()) if capitals else part

    def handle(self, match: re.Match[str]) -> Reading:
        words = [self._word(part, 1, "") for part in _PARTS.findall(match["w"])]
        return " ".join([self._marks["@"], *words]) if self._language.script == "latin" else None

    def _words(self, text: str) -> list[Piece]:
        """One word for each part: letters, digits, mark."""
        found = list(_PARTS.finditer(text))
        spoken: list[Piece] = []
        first_slash = text.find("/", text.find("://") + 3)
        for index, part in enumerate(found):
            before = text[part.start() - 1 : part.start()]
            place = 2 if 0 <= first_slash < part.start() else 1
            if part.start() == 0 and text[part.end() : part.end() + 1] == ":":
                place = 0
            tail = text[part.end() : part.end() + 1]
            last = index == len(found) - 1 or tail in ("/", ":")
            word = self._word(part[0], place, before if last or before == "." else "")
            spoken.append((word, part.start(), part.end()))
        return spoken

    def _word(self, part: str, place: int, before: str) -> str:
        """place: 0 a scheme or drive, 1 the host, 2 the path. before: a dot in front of a domain or an extension."""
        if part[0] in "0123456789":
            return self._numbers.digits(part)
        if not part.isascii() or not part.isalpha():
            return self._marks.get(part) or self._language.symbols.get(part, part)
        language = self._language
        low = part.lower()
        if low in language.web_words:
            return language.web_words[low]
        if language.letters:
            spelled = language.spells_web or part.isupper()
            return " ".join(language.letters[character] for character in low) if spelled else part
        if low in _PLAIN:
            return low
        short = len(low) <= 4 and not re.search("[aeiouy]", low)
        if (
            low == "www"
            or (place == 0 and low != "file")
            or (before == "." and (len(low) == 2 or _EXTENSION.fullmatch(low)))
        ):
            return part.upper()
        return part.upper() if short and place == 2 else part
