"""How fast text becomes words: sentences a second, what an import costs, the worst flood, and what a first sound waits.

One core. Sentences are those of the reference pairs that read as sentences, each followed by a plain one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from backline.speech.text.normalise.normaliser import Normaliser

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests" / "speech" / "text" / "cases"
PLAIN = {
    "en": "The morning was clear and the road to the river was empty, so we walked on without a word.",
    "hi": "सुबह साफ़ थी और नदी की ओर जाने वाली सड़क ख़ाली थी, इसलिए हम चुपचाप चलते रहे।",
    "te": "ఉదయం నిర్మలంగా ఉంది, నదికి వెళ్ళే దారి ఖాళీగా ఉంది, కాబట్టి మేము మాట్లాడకుండా నడిచాము.",
}
PEERS = "NeMo 34 (en), 60 (hi); WeTextProcessing 44 (en); Kokoro-FastAPI's regexes 5,202 (en)"
"""Lines a second on NeMo's case files, on a machine like this one."""
SECONDS = 2.0
IMPORT = """
import re, sys, time
def resident_mb():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
before, began = resident_mb(), time.perf_counter()
from backline.speech.text.normalise.normaliser import Normaliser
imported = time.perf_counter()
normaliser = Normaliser()
first = []
for language in ("en", "hi", "te"):
    start = time.perf_counter()
    normaliser.normalise("5", language)
    first.append(f"{language} {1000 * (time.perf_counter() - start):.0f} ms")
print(f"import {1000 * (imported - began):.0f} ms; first text of a language: {', '.join(first)}; "
      f"{resident_mb() - before:.1f} MB with all three")
"""
FLOODS = ["1", "a", "1,", "1/", "1-", "1 ", "a.", "a@", "[", "<", "₹", "रोड 1 ", "http://", "😀"]


def main() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True)
    print(done.stdout.decode().strip())
    normaliser = Normaliser()
    print(f"{'':4}{'sentences/s':>14}{'µs each':>10}{'characters each':>17}")
    for language in PLAIN:
        sentences = corpus(language)
        rate = sentences_a_second(normaliser, sentences, language)
        print(f"{language:4}{rate:>14,.0f}{1e6 / rate:>10.1f}{sum(map(len, sentences)) / len(sentences):>17.0f}")
    print(f"peers: {PEERS}")
    text = ("On 5 May 2024 he paid $1,250.50 for 12 kg. " + PLAIN["en"] + " " + PLAIN["en"])[:200]
    print(f"200 characters: {1e3 / sentences_a_second(normaliser, [text], 'en'):.3f} ms")
    worst = max((seconds(normaliser, flood), flood) for flood in FLOODS)
    print(f"50,000 characters: at worst {worst[0]:.2f} s, {worst[1]!r} repeated")


def corpus(language: str) -> list[str]:
    """Half plain sentences, half with something to read."""
    lines = [line for path in sorted((CASES / language).glob("*.txt")) for line in path.read_text("utf-8").splitlines()]
    written = [line.split("~")[0] for line in lines if line]
    spaced = [text for text in written if text.count(" ") >= 3]
    return [sentence for text in spaced for sentence in (text, PLAIN[language])]


def sentences_a_second(normaliser: Normaliser, sentences: list[str], language: str) -> float:
    normalise = normaliser.normalise
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for sentence in sentences:
            normalise(sentence, language)
        count += len(sentences)
    return count / (time.perf_counter() - began)


def seconds(normaliser: Normaliser, flood: str) -> float:
    text = flood * (50_000 // len(flood))
    began = time.perf_counter()
    for language in PLAIN:
        normaliser.normalise(text, language)
    return (time.perf_counter() - began) / len(PLAIN)


if __name__ == "__main__":
    main()
