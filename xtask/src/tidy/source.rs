//! Just enough of Rust's syntax: where code is, where functions are, where a word stands.

/// A function with a body, or a signature in a trait. Lines count from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
    /// An attribute above it has the word `test` in it.
    pub(crate) is_test: bool,
}

/// Blanks out comments, strings and characters and leaves every line where it was.
pub(crate) fn mask(text: &str) -> String {
    let mut mask = Mask { chars: text.chars().collect(), at: 0, out: String::with_capacity(text.len()) };
    while let Some(next) = mask.peek(0) {
        match (next, mask.peek(1)) {
            ('/', Some('/')) => mask.line_comment(),
            ('/', Some('*')) => mask.block_comment(),
            ('"', _) => mask.string(),
            ('\'', _) => mask.character_or_lifetime(),
            ('r', Some('"' | '#')) => mask.raw_string(),
            _ => mask.keep(),
        }
    }
    mask.out
}

struct Mask {
    chars: Vec<char>,
    at: usize,
    out: String,
}

impl Mask {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        self.out.extend(self.peek(0));
        self.at += 1;
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(hidden) = self.peek(0) {
                self.out.push(if hidden == '\n' { '\n' } else { ' ' });
            }
            self.at += 1;
        }
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|next| next != '\n') {
            self.blank(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.blank(1);
                    continue;
                }
            }
            self.blank(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.quoted('"');
    }

    fn quoted(&mut self, quote: char) {
        self.blank(1);
        while let Some(next) = self.peek(0) {
            self.blank(if next == '\\' { 2 } else { 1 });
            if next == quote {
                return;
            }
        }
    }

    fn character_or_lifetime(&mut self) {
        if self.peek(1) == Some('\\') || self.peek(2) == Some('\'') {
            // The character itself may be a quote only behind a backslash.
            self.quoted('\'');
        } else {
            self.keep();
        }
    }

    fn raw_string(&mut self) {
        let hashes = self.chars[self.at + 1..].iter().take_while(|next| **next == '#').count();
        if self.peek(1 + hashes) != Some('"') {
            return self.keep();
        }
        self.blank(2 + hashes);
        while let Some(next) = self.peek(0) {
            let ends = next == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if ends {
                return self.blank(1 + hashes);
            }
            self.blank(1);
        }
    }
}

/// The functions in masked code, in the order of their first lines.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let found = words(code, "fn").filter_map(|at| {
        let rest = &code[at + 2..];
        let name: String = rest.trim_start().chars().take_while(|c| is_word(*c)).collect();
        let end = at + 2 + body_end(rest);
        (!name.is_empty()).then(|| Function {
            name,
            first_line: line_of(code, at),
            last_line: line_of(code, end),
            is_test: has_test_attribute(code, at),
        })
    });
    found.collect()
}

/// The offset of the brace that closes the first body, or of the semicolon that stands instead of one.
fn body_end(code: &str) -> usize {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return at,
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    code.len()
}

fn has_test_attribute(code: &str, at: usize) -> bool {
    let start_of_line = code[..at].rfind('\n').map_or(0, |newline| newline + 1);
    if code[start_of_line..at].contains("test]") {
        return true;
    }
    let above = code[..start_of_line].lines().rev().map(str::trim);
    let mut attributes = above.take_while(|line| line.is_empty() || line.starts_with("#[") || line.ends_with(")]"));
    attributes.any(|line| words(line, "test").next().is_some())
}

/// The offsets at which a word stands, with no letter, digit or underscore on either side.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The line of an offset, counted from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "a // x\n/* y /* z */\n */ b \"c\\\"d\" 'e' '\\'' r#\"f\"g\"# r#type <'h> /// i\n";
        let masked = mask(text);
        assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        let left: Vec<&str> = masked.split_whitespace().collect();
        assert_eq!(left, ["a", "b", "r#type", "<'h>"]);
    }

    #[test]
    fn functions_are_found_with_their_lines() {
        let code = "trait T {\n    fn a(&self, b: [u8; 2]);\n}\n\n#[tokio::test(start_paused = true)]\nasync fn c() {\n    if x {\n    }\n}\nlet d: fn(u8) = e;\n";
        let found = functions(&mask(code));
        let seen: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.first_line, f.last_line, f.is_test)).collect();
        assert_eq!(seen, [("a", 2, 2, false), ("c", 6, 9, true)]);
    }

    #[test]
    fn a_word_is_not_part_of_another() {
        assert_eq!(words("fred alfred fred_x ::fred;", "fred").collect::<Vec<_>>(), [0, 21]);
    }
}
