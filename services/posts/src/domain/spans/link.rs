//! Links: `http://` or `https://`, a host, and what follows it.
//!
//! What ends a sentence or closes a bracket that the link did not open is not part of the link. A link that names a user
//! before the host is none: `https://bank.example@evil.example` looks like what it is not.

use super::Scan;
use super::chars::is_word;

/// The longest link, in bytes.
const MAX_BYTES: usize = 2_048;
const SCHEMES: [&str; 2] = ["https://", "http://"];

pub(super) fn scan(before: &str, rest: &str) -> Scan {
    let starts = |scheme: &&str| rest.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    let Some(scheme) = SCHEMES.into_iter().find(starts) else { return Scan::Nothing };
    let after_scheme = &rest[scheme.len()..];
    if before.chars().next_back().is_some_and(is_word) || !after_scheme.starts_with(char::is_alphanumeric) {
        return Scan::Nothing;
    }
    let run = until(after_scheme, |c| !is_url(c));
    let authority = until(run, |c| matches!(c, '/' | '?' | '#'));
    if authority.contains('@') {
        return Scan::Plain(scheme.len() + run.len());
    }
    let host = until(authority, |c| !is_host(c));
    let port = &authority[host.len()..];
    // Whatever else stands behind the host, such as `,`, is the sentence's.
    let whole = if port.is_empty() || is_port(port) { run } else { host };
    let len = scheme.len() + trimmed(whole).len();
    if len > MAX_BYTES {
        return Scan::Plain(scheme.len() + run.len());
    }
    Scan::Found(len, rest[..len].to_owned())
}

/// The part of `text` before the first character that ends it.
fn until(text: &str, ends: impl Fn(char) -> bool) -> &str {
    &text[..text.find(ends).unwrap_or(text.len())]
}

fn is_host(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '.' | '_') || unicode_normalization::char::is_combining_mark(c)
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|p| (1..=5).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
}

/// What a link may hold: no white space, no control characters, none of what RFC 3986 leaves for delimiting links, and
/// no punctuation of scripts that put no space after it.
fn is_url(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{301f}' | '！' | '，' | '：' | '；' | '？' | '（' | '）')
}

/// `link` without the punctuation at its end. A closing bracket stays if the link opens it.
fn trimmed(link: &str) -> &str {
    let count = |c: char| link.matches(c).count();
    let (mut round, mut square) = ((count('('), count(')')), (count('['), count(']')));
    let mut end = link.len();
    while let Some(last) = link[..end].chars().next_back() {
        let drop = match last {
            ')' => drop_unopened(&mut round),
            ']' => drop_unopened(&mut square),
            '(' | '[' => true,
            c => matches!(c, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*' | '…' | '’' | '”' | '»'),
        };
        if !drop {
            break;
        }
        end -= last.len_utf8();
    }
    &link[..end]
}

/// Whether more are closed than opened; then one closed less is left.
fn drop_unopened((opened, closed): &mut (usize, usize)) -> bool {
    let drop = closed > opened;
    if drop {
        *closed -= 1;
    }
    drop
}
