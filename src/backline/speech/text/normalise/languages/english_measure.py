"""Whether an English quantity stands before a noun like an adjective, and so in the singular: a 5 km run."""

from __future__ import annotations

import re

from backline.speech.text.normalise.rules import LETTER

_REACH = 40
"""Characters looked at before a quantity."""

_ADJECTIVES = (
    "new|old|small|large|big|huge|tiny|short|long|quick|brisk|fast|slow|nice|single|standard|daily|steep|heavy|light|"
    "typical|simple|free|cheap|modern|thick|thin|wide|narrow"
)
_DETERMINERS = (
    "another|the|this|my|your|his|her|its|our|their|each|first|second|third|last|next|final|"
    "one|two|three|four|five|six|seven|eight|nine|ten|[a-z]+['’]s"
)
# The first number of a range may stand between: a 5-10 km run.
_BEFORE = r"(?<![^\s(\"'“‘—–-])(?:{words})\s(?:[\d.,]{{1,9}}\s?(?:-|–|to|or)\s?)?$"
_ARTICLE = re.compile(_BEFORE.format(words="an?"), re.IGNORECASE)
_LOOSER = re.compile(_BEFORE.format(words=rf"{_DETERMINERS}|an?\s(?:{_ADJECTIVES})"), re.IGNORECASE)

_NO_NOUN = (
    "a|an|the|this|that|these|those|of|in|on|at|to|from|by|with|for|and|or|nor|but|than|more|less|fewer|away|ago|later|"
    "earlier|before|after|per|between|through|across|along|above|below|under|over|into|onto|up|down|off|out|around|"
    "near|past|since|until|till|within|without|is|are|was|were|be|been|am|has|have|had|do|does|did|will|would|can|could|"
    "may|might|must|shall|should|i|you|he|she|it|we|they|who|which|when|where|while|if|because|as|so|not|also|only|just|"
    "each|every|all|both|either|about|again|already|still|now|then|today|tomorrow|yesterday|tonight|here|there|north|"
    "south|east|west|left|right|apart|further|farther|my|your|his|her|its|our|their|x|"
    r"seem\w*|remain\w*|mean\w*|take\w*|took|cost\w*|make\w*|made|go|goes|went|felt|ran|saw|got|gave|bought|paid|sold|led|feel\w*|look\w*|come\w*|came|became|\w+ed|\w+ly"
)
_NOUN = re.compile(rf"\s(?!(?:{_NO_NOUN})(?![{LETTER}]))(?=[{LETTER}])", re.IGNORECASE)


def modifies(text: str, start: int, end: int) -> bool:
    """After "a" always, since no plural follows it; after other determiners when a noun is next.

    text[start:end]: the quantity.
    """
    before = text[max(0, start - _REACH) : start]
    if _ARTICLE.search(before):
        return True
    return _NOUN.match(text, end) is not None and _LOOSER.search(before) is not None


def modifies_noun(text: str, start: int, end: int) -> bool:
    """The same for money, which is an amount by itself more often: a $5 bill, but for a $5."""
    return _NOUN.match(text, end) is not None and modifies(text, start, end)
