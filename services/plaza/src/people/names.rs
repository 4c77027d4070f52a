//! Who the people are: a number gives a handle, a name and an e-mail address, whatever the seed.

/// The password of all of them. They are no real people, and their platform holds nothing of anybody.
pub const PASSWORD: &str = "correct horse battery";

const FIRST: &[&str] = &[
    "Ada", "Bruno", "Carla", "Dario", "Edda", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Levin", "Mira",
    "Nils", "Olga", "Pavel", "Quirin", "Rosa", "Sven", "Tilda", "Uma", "Viktor", "Wanda", "Xenia", "Yara", "Zoran",
    "Amir", "Bela", "Chiara", "Dunya", "Elif", "Farid",
];
const LAST: &[&str] = &[
    "Alder", "Birch", "Cedar", "Dale", "Elm", "Ford", "Grove", "Heath", "Ivory", "Juniper", "Kestrel", "Lake", "Marsh",
    "North", "Oakes", "Pine", "Quarry", "Reed", "Stone", "Thorn", "Umber", "Vale", "Willow", "Yarrow", "Zephyr",
    "Brook", "Cliff", "Fern", "Glen", "Holt", "Moor",
];

/// One of the people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The handle, without `@`.
    pub handle: String,
    /// The name shown.
    pub name: String,
    /// The e-mail address, of a domain reserved for examples.
    pub email: String,
}

/// Person number `n`. The first is ada, whom the demo's story is about.
#[must_use]
pub fn person(n: u32) -> Person {
    if n == 0 {
        let (handle, name, email) = ("ada".to_owned(), "Ada Alder".to_owned(), "ada@example.com".to_owned());
        return Person { handle, name, email };
    }
    let at = usize::try_from(n).unwrap_or_default();
    // 32 first and 31 last names have no common factor, so both turn with every number and 992 pairs come before a
    // repeat.
    let (first, last) = (FIRST[at % FIRST.len()], LAST[at % LAST.len()]);
    let round = at / (FIRST.len() * LAST.len());
    let number = if round == 0 { String::new() } else { format!("_{}", round + 1) };
    let handle = format!("{}_{}{number}", first.to_lowercase(), last.to_lowercase());
    Person { name: format!("{first} {last}"), email: format!("{handle}@example.com"), handle }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn handles_are_unique_and_within_the_rules() {
        let handles: HashSet<String> = (0..20_000).map(|n| person(n).handle).collect();
        assert_eq!(handles.len(), 20_000);
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(handles.iter().all(|h| (2..=30).contains(&h.len()) && h.chars().all(allowed)));
    }
}
