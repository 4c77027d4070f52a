//! What the people say: short sentences with hashtags, mentions and links, as posts have them.

const OPENINGS: &[&str] = &[
    "Walked past the old mill today and",
    "Still thinking about how",
    "Nobody told me that",
    "Small win of the day:",
    "Note to self:",
    "After three tries it turns out that",
    "The best part of the morning is when",
    "Quick question, does anybody know why",
    "I used to believe that",
    "It took all week, but",
    "Found out by accident that",
    "If you are ever in town,",
];
const MIDDLES: &[&str] = &[
    "the bread rises faster next to the window",
    "a slow train beats a fast queue",
    "the library stays open late on Thursdays",
    "my bicycle only squeaks when it rains",
    "two small pans do more than a big one",
    "the map was right and I was not",
    "you can hear the harbour from up here",
    "the tests pass when nobody is looking",
    "the tomatoes want less water than I gave them",
    "the choir sings better without me",
    "my grandmother's recipe leaves out the most important step",
    "the river looks different every single day",
    "half the fun is in fixing it yourself",
    "the market has the good plums again",
    "an early start is worth a cold coffee",
];
const ENDINGS: &[&str] = &[
    ".",
    "!",
    ", which I did not expect.",
    ", and that is fine.",
    ". More tomorrow.",
    ". Pictures soon.",
    ", so I am starting over.",
    " 🌿",
    " 😅",
    ". Highly recommended.",
];
const TAGS: &[&str] = &[
    "garden",
    "bread",
    "trains",
    "music",
    "rust",
    "books",
    "running",
    "coffee",
    "weekend",
    "photography",
    "cooking",
    "cycling",
    "reading",
    "science",
    "film",
    "travel",
    "maps",
    "design",
    "football",
    "history",
    "birds",
    "chess",
    "knitting",
    "swimming",
    "jazz",
    "theatre",
    "startup",
    "teaching",
    "space",
    "weather",
];

/// A post; it may mention `friend`.
pub(super) fn post(rng: &mut fastrand::Rng, friend: Option<&str>) -> String {
    let mut text = format!("{} {}{}", pick(rng, OPENINGS), pick(rng, MIDDLES), pick(rng, ENDINGS));
    if rng.u8(0..100) < 30 {
        text = format!("{text} {} {}{}", pick(rng, OPENINGS), pick(rng, MIDDLES), pick(rng, ENDINGS));
    }
    if let Some(friend) = friend.filter(|_| rng.u8(0..100) < 20) {
        text = format!("@{friend} {text}");
    }
    for _ in 0..rng.u8(0..3) {
        text.push_str(" #");
        // The smaller of two draws: some tags trend.
        text.push_str(TAGS[rng.usize(0..TAGS.len()).min(rng.usize(0..TAGS.len()))]);
    }
    if rng.u8(0..100) < 10 {
        text.push_str(&format!(" https://example.com/notes/{}", rng.u32(1..100_000)));
    }
    text
}

fn pick(rng: &mut fastrand::Rng, from: &'static [&'static str]) -> &'static str {
    from[rng.usize(0..from.len())]
}
