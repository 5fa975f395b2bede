"""English tables: months, money, magnitudes, units."""

from __future__ import annotations

from backline.speech.text.normalise.languages.base import Currency, Magnitude, Unit

MONTHS = {
    name: index + 1
    for index, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        )
    )
    for name in names.split()
}

MAGNITUDES = {
    written: Magnitude(spoken)
    for spoken, forms in {
        "thousand": "thousand",
        "million": "million millions mn mil",
        "billion": "billion billions bn",
        "trillion": "trillion trillions tn",
        "quadrillion": "quadrillion",
        "lakh": "lakh lakhs lac lacs",
        "crore": "crore crores cr",
    }.items()
    for written in forms.split()
} | {"lakh crore": Magnitude("lakh crore"), "lakh crores": Magnitude("lakh crore")}

CURRENCIES = (
    Currency(("₹", "Rs", "Rs.", "INR", "Re", "Re.", "rupees", "rupee", "₨"), "rupee", "rupees", "paisa", "paise"),
    Currency(("US$", "USD"), "us dollar", "us dollars", "cent", "cents"),
    Currency(("$", "dollars", "dollar"), "dollar", "dollars", "cent", "cents"),
    Currency(("€", "EUR", "euros", "euro"), "euro", "euros", "cent", "cents"),
    Currency(("£", "GBP", "pounds sterling"), "pound", "pounds", "penny", "pence"),
    Currency(("¥", "JPY", "yen"), "yen", "yen"),
    Currency(("CN¥", "CNY", "RMB", "yuan"), "yuan", "yuan"),
    Currency(("₩", "KRW", "won"), "won", "won"),
    Currency(("₽", "RUB"), "ruble", "rubles", "kopek", "kopeks"),
    Currency(("₺", "TRY"), "lira", "lira", "kurush", "kurush"),
    Currency(("₦", "NGN"), "naira", "naira", "kobo", "kobo"),
    Currency(("৳", "BDT", "taka"), "taka", "taka", "paisa", "paise"),
    Currency(("₱", "PHP"), "peso", "pesos", "centavo", "centavos"),
    Currency(("฿", "THB"), "baht", "baht", "satang", "satang"),
    Currency(("₫", "VND"), "dong", "dong"),
    Currency(("₪", "ILS"), "shekel", "shekels", "agora", "agorot"),
    Currency(("C$", "CAD", "CA$"), "canadian dollar", "canadian dollars", "cent", "cents"),
    Currency(("A$", "AUD", "AU$"), "australian dollar", "australian dollars", "cent", "cents"),
    Currency(("S$", "SGD"), "singapore dollar", "singapore dollars", "cent", "cents"),
    Currency(("HK$", "HKD"), "hong kong dollar", "hong kong dollars", "cent", "cents"),
    Currency(("NZ$", "NZD"), "new zealand dollar", "new zealand dollars", "cent", "cents"),
    Currency(("CHF",), "swiss franc", "swiss francs", "centime", "centimes"),
    Currency(("AED",), "dirham", "dirhams", "fils", "fils"),
    Currency(("SAR",), "riyal", "riyals", "halala", "halalas"),
    Currency(("NPR",), "nepalese rupee", "nepalese rupees", "paisa", "paise"),
    Currency(("LKR",), "sri lankan rupee", "sri lankan rupees", "cent", "cents"),
    Currency(("PKR",), "pakistani rupee", "pakistani rupees", "paisa", "paise"),
    Currency(("¢", "cents"), "cent", "cents"),
    Currency(("paise",), "paisa", "paise"),
)

_NAMES = {
    # written forms: one, many
    "kg kgs kilo": "kilogram kilograms",
    "g gm gms gram grams": "gram grams",
    "mg": "milligram milligrams",
    "mcg µg μg": "microgram micrograms",
    "lb lbs": "pound pounds",
    "oz": "ounce ounces",
    "km kms kilometer kilometers": "kilometer kilometers",
    "m": "meter meters",
    "cm cms": "centimeter centimeters",
    "mm": "millimeter millimeters",
    "millimeter millimeters": "millimeter millimeters",
    "µm μm": "micrometer micrometers",
    "nm": "nanometer nanometers",
    "mi": "mile miles",
    "yd yds": "yard yards",
    "ha": "hectare hectares",
    "l ltr ltrs": "liter liters",
    "ml": "milliliter milliliters",
    "cl": "centiliter centiliters",
    "dl": "deciliter deciliters",
    "gal": "gallon gallons",
    "h hr hrs": "hour hours",
    "min mins": "minute minutes",
    "s sec secs": "second seconds",
    "ms": "millisecond milliseconds",
    "µs μs": "microsecond microseconds",
    "ns": "nanosecond nanoseconds",
    "wk wks": "week weeks",
    "mo mos": "month months",
    "yr yrs": "year years",
    "hz": "hertz hertz",
    "khz": "kilohertz kilohertz",
    "mhz": "megahertz megahertz",
    "ghz": "gigahertz gigahertz",
    "w": "watt watts",
    "kw": "kilowatt kilowatts",
    "mw": "megawatt megawatts",
    "gw": "gigawatt gigawatts",
    "v": "volt volts",
    "kv": "kilovolt kilovolts",
    "mah": "milliamp_hour milliamp_hours",
    "kj": "kilojoule kilojoules",
    "cal": "calorie calories",
    "kcal": "kilocalorie kilocalories",
    "db": "decibel decibels",
    "kb": "kilobyte kilobytes",
    "mb": "megabyte megabytes",
    "gb": "gigabyte gigabytes",
    "tb": "terabyte terabytes",
    "pb": "petabyte petabytes",
    "kbps": "kilobit_per_second kilobits_per_second",
    "mbps": "megabit_per_second megabits_per_second",
    "gbps": "gigabit_per_second gigabits_per_second",
    "kmph km/h kph": "kilometer_per_hour kilometers_per_hour",
    "mph": "mile_per_hour miles_per_hour",
    "rpm": "revolution_per_minute revolutions_per_minute",
    "bpm": "beat_per_minute beats_per_minute",
    "fps": "frame_per_second frames_per_second",
    "kwh": "kilowatt_hour kilowatt_hours",
    "hp": "horsepower horsepower",
    "psi": "pound_per_square_inch pounds_per_square_inch",
    "ppm": "part_per_million parts_per_million",
    "pa": "pascal pascals",
    "kpa": "kilopascal kilopascals",
    "hpa": "hectopascal hectopascals",
    "mpa": "megapascal megapascals",
    "mp": "megapixel megapixels",
    "px": "pixel pixels",
    "°c ℃": "degree_Celsius degrees_Celsius",
    "°f ℉": "degree_Fahrenheit degrees_Fahrenheit",
    "° º": "degree degrees",
    "\u2126 ω": "ohm ohms",
    "kn": "kilonewton kilonewtons",
    "cc": "CC CC",
    "ac": "acre acres",
    "tsp": "teaspoon teaspoons",
    "tbsp": "tablespoon tablespoons",
    "doz": "dozen dozen",
}

UNITS: dict[str, Unit] = {
    written: Unit(*(name.replace("_", " ") for name in names.split()))
    for forms, names in _NAMES.items()
    for written in forms.split()
} | {
    "ft": Unit("foot", "feet"),
    "° c": Unit("degree Celsius", "degrees Celsius"),
    "° f": Unit("degree Fahrenheit", "degrees Fahrenheit"),
    "in": Unit("inch", "inches"),
    '"': Unit("inch", "inches"),
    "sq ft": Unit("square foot", "square feet"),
    "sq. ft.": Unit("square foot", "square feet"),
    "sqft": Unit("square foot", "square feet"),
    "sq km": Unit("square kilometer", "square kilometers"),
    "sq m": Unit("square meter", "square meters"),
    "sq yd": Unit("square yard", "square yards"),
    "sq mi": Unit("square mile", "square miles"),
}
