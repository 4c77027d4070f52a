//! What is wrong with the settings, said so that it can be put right.

use std::fmt;

use figment::error::Kind;

/// Every wrong setting found, each with its name and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(Vec<String>);

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrong setting: {}", self.0.join("\nwrong setting: "))
    }
}

impl SettingsError {
    /// One problem.
    #[must_use]
    pub fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }

    pub(super) fn unless_empty(problems: Vec<String>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }
}

impl From<figment::Error> for SettingsError {
    fn from(errors: figment::Error) -> Self {
        Self(errors.into_iter().map(|error| describe(&error)).collect())
    }
}

fn describe(error: &figment::Error) -> String {
    let place = error.metadata.as_ref().map_or_else(String::new, |metadata| match &metadata.source {
        Some(source) => format!(" in {source}"),
        None => format!(" in {}", metadata.name),
    });
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let parents = error.path.strip_suffix(std::slice::from_ref(field)).unwrap_or(&error.path);
            let name: Vec<&str> = parents.iter().chain([field]).map(String::as_str).collect();
            format!("there is no setting `{}`{place}; {}", name.join("."), suggestion(field, known))
        }
        Kind::UnknownVariant(value, known) => {
            format!("`{path}` is `{value}`{place}; {}", suggestion(value, known))
        }
        kind if path.is_empty() => format!("{kind}{place}"),
        kind => format!("`{path}`{place}: {}", plain(&kind.to_string())),
    }
}

/// The words of the libraries in those of people.
fn plain(kind: &str) -> String {
    match kind {
        "invalid socket address syntax" => "write an IP address and a port, such as `127.0.0.1:50051`".to_owned(),
        _ => ["u64", "u32", "u16", "usize"]
            .iter()
            .find_map(|number| kind.strip_suffix(&format!("expected {number}")))
            .map_or_else(|| kind.to_owned(), |rest| format!("{rest}expected a whole number, 0 or more")),
    }
}

/// The nearest of what there is, or all of it.
fn suggestion(wrong: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|k| (strsim::damerau_levenshtein(wrong, k), *k)).min();
    match nearest {
        Some((distance, name)) if distance <= 1 + name.len() / 4 => format!("did you mean `{name}`?"),
        Some(_) => format!("there are: {}", known.join(", ")),
        None => "nothing can be set here".to_owned(),
    }
}
