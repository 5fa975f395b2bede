/** Texts to try: numbers, money, dates and times in three languages. */

/** @type {{language: string, title: string, text: string}[]} */
export const examples = [
  {
    language: "en",
    title: "A booking",
    text: "Your table for 4 is booked on 12 March 2027 at 7:30 pm. The deposit of ₹1,250.50 is paid. See you soon!",
  },
  {
    language: "en",
    title: "A match report",
    text: "Chasing 287, the visitors were 94 for 5 after 21 overs. Then came a stand of 148 in just 97 balls, and the match was won by 3 wickets with 8 balls to spare.",
  },
  {
    language: "hi",
    title: "रेलगाड़ी",
    text: "नमस्ते! आपकी गाड़ी 15 अगस्त 2026 को रात 10:30 बजे प्लेटफ़ॉर्म 4 से चलेगी। टिकट का किराया ₹2,345 है। आपकी यात्रा शुभ हो।",
  },
  {
    language: "hi",
    title: "बाज़ार भाव",
    text: "आज मंडी में प्याज़ ₹38 और टमाटर ₹52.50 किलो बिका। पिछले साल के मुक़ाबले दाम 12% कम हैं, और आवक 1,40,000 क्विंटल रही।",
  },
  {
    language: "te",
    title: "విద్యుత్ బిల్లు",
    text: "నమస్కారం! మీ విద్యుత్ బిల్లు ₹1,860. చెల్లించడానికి చివరి తేదీ 25 డిసెంబర్ 2026. ధన్యవాదాలు.",
  },
  {
    language: "te",
    title: "బస్సు ప్రయాణం",
    text: "హైదరాబాద్ నుండి విజయవాడకు 275 కిలోమీటర్లు. బస్సు ఉదయం 6:15 గంటలకు బయలుదేరి 11:45 గంటలకు చేరుతుంది. టికెట్ ధర ₹480.",
  },
];
