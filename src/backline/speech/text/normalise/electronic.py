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
        exact_rule(
            "#",
            rf"(?<![{LETTER}\d])#(?=[{LETTER}])(?![{LETTER}\d_]{{1,60}}#)(?P<w>[{LETTER}\d_]{{1,60}})",
            reader.hashtag,
        ),
        rule("@", rf"(?<![{LETTER}\d])@(?P<w>[A-Za-z_][A-Za-z0-9_]{{0,40}})", reader.handle),
    ]


class _Electronic:
    def __init__(self, language: Language) -> None:
        self._language = language
        self._numbers = Numbers(language)
        self._marks = language.web_marks

    def address(self, match: re.Match[str]) -> Reading:
        """Without the marks that end a sentence after it."""
        words = self._words(match[0].rstrip(_TRAILING))
        at = match.start()
        return [(f" {word}" if low else word, at + low, at + high) for word, low, high in words] or None

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
        words = [self._word(part[0], part, _Address(match["w"])) for part in _PARTS.finditer(match["w"])]
        return " ".join([self._marks["@"], *words]) if self._language.script == "latin" else None

    def _words(self, text: str) -> list[Piece]:
        """One word for each part: letters, digits, mark."""
        address = _Address(text)
        found = _PARTS.finditer(text)
        return [(self._word(part[0], part, address), part.start(), part.end()) for part in found]

    def _word(self, part: str, match: re.Match[str], address: _Address) -> str:
        if part[0] in "0123456789":
            round_number = address.path < match.start() and part.endswith("000") and len(part) < 7 and part[0] != "0"
            return self._numbers.cardinal(part) if round_number else self._numbers.digits(part)
        if not part.isascii() or not part.isalpha():
            return self._marks.get(part) or self._language.symbols.get(part, part)
        language = self._language
        low = part.lower()
        if low in language.web_words:
            return language.web_words[low]
        if language.letters:
            spelled = language.spells_web or part.isupper()
            return " ".join(language.letters[character] for character in low) if spelled else part
        return address.in_english(match)


class _Address:
    """Where the parts of an address stand. at: the @, or -1; path: the first stroke after the host, or past the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = text.find("@")
        self._scheme = text.split("://")[0].lower() if "://" in text else ""
        slash = text.find("/", text.find("://") + 3)
        self.path = slash if slash >= 0 else len(text)
        self._marked = bool(self._scheme and self._scheme != "file") or self.at > 0 or text.lower().startswith("www.")

    def in_english(self, match: re.Match[str]) -> str:
        """Capitals where English names the letters: schemes, www, short and unknown domains, extensions."""
        part, low = match[0], match[0].lower()
        start, end = match.span()
        after_dot = self._text[start - 1 : start] == "."
        scheme = start == 0 and self._scheme == low and low != "file"
        last = self._text[end : end + 1] in ("", "/", ":")
        if low == "www" or scheme:
            return part.upper()
        if low in _PLAIN:
            return low
        if start < self.at:
            return part
        if start < self.path:
            short = after_dot and len(low) == 2
            unknown = after_dot and last and self.at >= 0
            return part.upper() if short or unknown or (after_dot and last and _EXTENSION.fullmatch(low)) else part
        if after_dot and _EXTENSION.fullmatch(low) and end == len(self._text):
            return part.upper()
        consonants = 1 < len(low) <= 4 and not re.search("[aeiouy]", low)
        if consonants and self._marked:
            return part.upper()
        return low if self._scheme else part
