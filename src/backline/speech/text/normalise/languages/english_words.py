"""English word tables: abbreviations, streets, states, symbols, operators, marks of web addresses, emoji."""

from __future__ import annotations

DIRECTIONS = {"N": "North", "S": "South", "E": "East", "W": "West"}

STREETS = {
    "st": "Street",
    "street": "Street",
    "ave": "Avenue",
    "avenue": "Avenue",
    "rd": "Road",
    "road": "Road",
    "blvd": "Boulevard",
    "dr": "Drive",
    "drive": "Drive",
    "ln": "Lane",
    "lane": "Lane",
    "ct": "Court",
    "pl": "Place",
    "sq": "Square",
    "hwy": "Highway",
    "highway": "Highway",
    "expy": "Expressway",
    "pkwy": "Parkway",
    "ter": "Terrace",
    "cir": "Circle",
}

STATES = dict(
    pair.split("=")
    for pair in (
        "AL=Alabama AK=Alaska AZ=Arizona AR=Arkansas CA=California CO=Colorado CT=Connecticut DE=Delaware FL=Florida "
        "GA=Georgia HI=Hawaii ID=Idaho IL=Illinois IN=Indiana IA=Iowa KS=Kansas KY=Kentucky LA=Louisiana ME=Maine "
        "MD=Maryland MA=Massachusetts MI=Michigan MN=Minnesota MS=Mississippi MO=Missouri MT=Montana NE=Nebraska "
        "NV=Nevada OH=Ohio OK=Oklahoma OR=Oregon PA=Pennsylvania TN=Tennessee TX=Texas UT=Utah VT=Vermont VA=Virginia "
        "WA=Washington WI=Wisconsin WY=Wyoming"
    ).split()
) | {
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "WV": "West Virginia",
}

HEADINGS = (
    *(
        "chapter part section volume vol book act scene article phase appendix figure table unit module lesson "
        "paragraph clause schedule verse canto episode round"
    ).split(),
    "world war",
    "super bowl",
    "type",
    "class",
    "phase",
    "stage",
    "grade",
    "tier",
)
"""Before a numeral of one letter or more."""

NOT_NAMES = (
    "level group category factor rank mark model series version generation title fantasy "
    "rocky rambo saw halloween windows apollo gemini kepler cranial nerve war olympiad division roman"
).split()
"""Before a numeral of two letters or more: things, which are numbered, where a name has an ordinal."""

ROYAL = (
    "Alexander Charles Edward Elizabeth Ferdinand Francis Frederick George Henry James John Louis Mary Napoleon "
    "Nicholas Paul Peter Philip Pius Richard Victoria Wilhelm William"
).split()
"""Before a numeral of one letter: Henry V, but not Vitamin C."""

ABBREVIATIONS = {
    "Mr.": "mister",
    "Mr": "mister",
    "Mrs.": "misses",
    "Mrs": "misses",
    "Ms.": "miz",
    "Prof.": "professor",
    "Capt.": "captain",
    "Lt.": "lieutenant",
    "Sgt.": "sergeant",
    "Gov.": "governor",
    "Rev.": "reverend",
    "Hon.": "honorable",
    "Jr.": "junior",
    "Jr": "junior",
    "Sr.": "senior",
    "vs.": "versus",
    "vs": "versus",
    "etc.": "et cetera",
    "etc": "et cetera",
    "e.g.": "for example",
    "e.g": "for example",
    "i.e.": "that is",
    "i.e": "that is",
    "approx.": "approximately",
    "dept.": "department",
    "govt.": "government",
    "govt": "government",
    "Govt.": "government",
    "Dept.": "department",
    "Inc.": "incorporated",
    "Ltd.": "limited",
    "Ltd": "limited",
    "Pvt.": "private",
    "Pvt": "private",
    "Corp.": "corporation",
    "Bros.": "brothers",
    "Assn.": "association",
    "w/o": "without",
    "w/": "with",
    "b/w": "between",
    "c/o": "care of",
    "a.k.a.": "also known as",
    "a/c": "account",
    "tv": "TV",
    "401(k)": "four oh one k",
    "7-eleven": "seven eleven",
    "7-Eleven": "seven eleven",
    "Mt.": "mount",
    "C#": "C sharp",
    "F#": "F sharp",
    "Ph.D.": "PhD",
    "B.Sc.": "BSc",
    "M.Sc.": "MSc",
    "B.Tech.": "BTech",
    "incl.": "including",
    "excl.": "excluding",
    "Asst.": "assistant",
    "Maj.": "major",
    "Cmdr.": "commander",
    "Hwy.": "highway",
    "24x7": "twenty four seven",
    "24×7": "twenty four seven",
    "Ft.": "fort",
}

SYMBOLS = {
    "&": "and",
    "%": "percent",
    "@": "at",
    "#": "hash",
    "$": "dollar",
    "€": "euro",
    "£": "pound",
    "¥": "yen",
    "₩": "won",
    "₹": "rupee",
    "+": "plus",
    "=": "equals",
    "§": "section",
    "¶": "paragraph",
    "©": "copyright",
    "®": "registered",
    "™": "trademark",
    "°": "degree",
    "º": "degree",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "≈": "approximately equal to",
    "≤": "less than or equal to",
    "≥": "greater than or equal to",
    "≠": "not equal to",
    "∞": "infinity",
    "√": "square root of",
    "→": "to",
    "‰": "per mille",
}

OPERATORS = {
    "=": "equals",
    "+": "plus",
    "-": "minus",
    "−": "minus",
    "/": "divided by",
    "∕": "divided by",
    "÷": "divided by",
    "*": "times",
    "×": "times",
    "∗": "times",
    "∙": "times",
    "⋅": "times",
    "±": "plus or minus",
    "<": "less than",
    ">": "greater than",
    "≤": "less than or equal to",
    "≥": "greater than or equal to",
    "≦": "less than or equal to",
    "≧": "greater than or equal to",
    "≠": "not equal to",
    "≈": "approximately equal to",
    "⊂": "subset of",
    "⊆": "subset of or equal to",
    "⊇": "superset of or equal to",
    "∪": "union",
    "∩": "intersection",
    "⋈": "natural join",
    "∈": "in",
    "^": "to the power of",
    "^2": "squared",
    "^3": "cubed",
}

WEB_MARKS = {
    ".": "dot",
    "/": "slash",
    "\\": "backslash",
    ":": "colon",
    "-": "dash",
    "_": "underscore",
    "@": "at",
    "&": "ampersand",
    "?": "question mark",
    "=": "equals",
    "#": "hash",
    "%": "percent",
    "+": "plus",
    "~": "tilde",
    "hashtag": "hashtag",
}

WEB_WORDS = {"jpg": "jpeg", "nvidia": "NVIDIA", "cuda": "CUDA"}

EMOJI = {
    "😀": "grinning face",
    "😃": "grinning face",
    "😄": "smiling face",
    "😁": "beaming face",
    "😂": "face with tears of joy",
    "🤣": "rolling on the floor laughing",
    "😊": "smiling face",
    "🙂": "smiling face",
    "😉": "winking face",
    "😍": "smiling face with heart eyes",
    "😘": "face blowing a kiss",
    "😎": "smiling face with sunglasses",
    "🤔": "thinking face",
    "😢": "crying face",
    "😭": "loudly crying face",
    "😡": "angry face",
    "😱": "screaming face",
    "😴": "sleeping face",
    "🥳": "partying face",
    "🙏": "folded hands",
    "👍": "thumbs up",
    "👎": "thumbs down",
    "👏": "clapping hands",
    "👋": "waving hand",
    "💪": "flexed biceps",
    "❤": "red heart",
    "💔": "broken heart",
    "🔥": "fire",
    "✨": "sparkles",
    "⭐": "star",
    "🎉": "party popper",
    "🎂": "birthday cake",
    "🎁": "gift",
    "🚀": "rocket",
    "☀": "sun",
    "🌙": "moon",
    "🌧": "rain",
    "🌹": "rose",
    "🌸": "cherry blossom",
    "🐶": "dog",
    "🐱": "cat",
    "🍕": "pizza",
    "☕": "coffee",
    "🎵": "musical note",
    "📞": "telephone",
    "📧": "e-mail",
    "✅": "check mark",
    "✔": "check mark",
    "❌": "cross mark",
    "⚠": "warning",
    "💯": "hundred points",
    "🇮🇳": "flag of India",
    "🇺🇸": "flag of the United States",
    "🇬🇧": "flag of the United Kingdom",
}

IDENTIFIERS = (
    "otp|pin|pin ?code|zip|zip ?code|code|password|passcode|pnr|ending|"
    "ending in|ends in|ending with|last four digits|"
    "account|account no\\.?|a/c|card|card no\\.?|aadhaar|aadhar|pan|ifsc|"
    "ssn|id|serial|tracking|booking|order|ticket|invoice|"
    "plate|plates|vehicle|registration|reg|reference|ref|phone|mobile|telephone|tel|call|contact|helpline|whatsapp|"
    "dial|flight|extension|ext|swift|imei|isbn|gst no\\.?|model no\\.?|licence|license"
)

IDENTIFIER_FILLERS = (
    "number|numbers|no|nos|code|is|was|are|id|at|on|me|us|my|your|the|to|in|with|digits|ends|ending|card|helpline"
)

SCORE_WORDS = (
    r"\b(?:won|win|wins|lost|lose|beat|beats|score|scored|scoring|lead|leads|led|defeated|victory|final|draw|drew|by)\b"
    r"[^.!?\d]{0,30}$"
)
