"""The language of a sentence, by script and by words."""

from __future__ import annotations

import pytest

from backline.speech.text.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, world", "en"),
        ("नमस्ते, आप कैसे हैं?", "hi"),
        ("मला माहित नाही, तू कुठे आहेस?", "mr"),
        ("मी पुण्यात राहतो आणि तो मुंबईत आहे.", "mr"),
        ("तपाईं कहाँ जानुहुन्छ? म घर जान्छु।", "ne"),
        ("हांव गोंयां आसा", "kok"),
        ("నమస్తే, మీరు ఎలా ఉన్నారు?", "te"),
        ("வணக்கம்", "ta"),
        ("আমি ভাত খাই", "bn"),
        ("মই ভাত খাওঁ আৰু", "as"),
        ("કેમ છો", "gu"),
        ("ನಮಸ್ಕಾರ", "kn"),
        ("നമസ്കാരം", "ml"),
        ("ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "pa"),
        ("ନମସ୍କାର", "or"),
        ("آپ کیسے ہیں", "ur"),
        ("توهان ڪيئن آهيو ٻڌاءِ", "sd"),
        ("ආයුබෝවන්", "si"),
        ("Café au lait", "en"),
        ("मेरी meeting कल office में है", "hi"),
        ("నా meeting రేపు office లో ఉంది", "te"),
        ("I said नमस्ते to everyone in the room today", "en"),
        ("మా ఇంట్లో WhatsApp notification", "te"),
    ],
)
def test_a_sentence_has_its_language(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "123", "5%", "!?", "१२३", "౧౨౩", "😀", "\ue000"])
def test_without_letters_the_default_holds(text: str) -> None:
    assert detect_language(text, "te") == "te"
