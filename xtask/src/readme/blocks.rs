//! The shell blocks of a page, with their tags.

use std::fmt;
use std::net::SocketAddr;

/// What CI does with a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Run,
    Background(Ready),
    Skip(String),
}

/// How a server shows that it serves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// It prints a line with this in it.
    Line(String),
    /// Its port answers.
    Port(SocketAddr),
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => write!(f, "run"),
            Self::Background(Ready::Line(text)) => write!(f, "background until={text}"),
            Self::Background(Ready::Port(port)) => write!(f, "background until={port}"),
            Self::Skip(reason) => write!(f, "skip {reason}"),
        }
    }
}

/// A fenced block of shell commands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Of the opening fence, from 1.
    pub(crate) line: usize,
    pub(crate) tag: Tag,
    pub(crate) script: String,
}

/// All blocks, or everything that is wrong with their tags.
pub(crate) fn parse(page: &str) -> Result<Vec<Block>, Vec<String>> {
    let (mut blocks, mut problems) = (Vec::new(), Vec::new());
    let mut lines = page.lines().enumerate();
    // The last line that was not empty: a tag stands right before its block.
    let mut above = "";
    while let Some((at, line)) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let script = inside.collect::<Vec<_>>().join("\n");
            if is_shell(language) {
                match tag(above) {
                    Ok(tag) => blocks.push(Block { line: at + 1, tag, script }),
                    Err(problem) => problems.push(format!("README.md:{}: {problem}", at + 1)),
                }
            }
            above = "";
        } else if !line.trim().is_empty() {
            above = line.trim();
        }
    }
    if problems.is_empty() { Ok(blocks) } else { Err(problems) }
}

const KINDS: &str = "put <!-- ci: KIND --> before it, where KIND is run, background until=TEXT, \
    background until=127.0.0.1:8080, or skip and the reason";

fn is_shell(language: &str) -> bool {
    let name = language.split_whitespace().next().unwrap_or_default();
    ["sh", "bash", "shell", "console"].contains(&name)
}

fn tag(comment: &str) -> Result<Tag, String> {
    let inside = comment.strip_prefix("<!-- ci:").and_then(|rest| rest.strip_suffix("-->")).map(str::trim);
    let Some(inside) = inside else {
        return Err(format!("shell block without a tag — {KINDS}"));
    };
    if inside == "run" {
        return Ok(Tag::Run);
    }
    if let Some(reason) = inside.strip_prefix("skip ").map(str::trim) {
        return Ok(Tag::Skip(reason.to_owned()));
    }
    let until = inside.strip_prefix("background until=").map(str::trim);
    if let Some(until) = until.filter(|until| !until.is_empty()) {
        let ready = until.parse().map_or_else(|_| Ready::Line(until.to_owned()), Ready::Port);
        return Ok(Tag::Background(ready));
    }
    Err(format!("tag `{inside}` is none of them — {KINDS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_tag_is_read() {
        let page = "# P\n<!-- ci: run -->\n\n```sh\na\nb\n```\n<!-- ci: background until=ready on: -->\n```sh\nc\n```\n\
            <!-- ci: background until=127.0.0.1:80 -->\n```sh\nd\n```\n<!-- ci: skip no cluster -->\n```bash\ne\n```\n\
            ```text\nf\n```\n";
        let blocks = parse(page).unwrap();
        assert_eq!(blocks[0], Block { line: 4, tag: Tag::Run, script: "a\nb".to_owned() });
        assert_eq!(blocks[1].tag, Tag::Background(Ready::Line("ready on:".to_owned())));
        assert_eq!(blocks[2].tag, Tag::Background(Ready::Port(([127, 0, 0, 1], 80).into())));
        assert_eq!(blocks[3].tag, Tag::Skip("no cluster".to_owned()));
        assert_eq!(blocks.len(), 4);
    }

    #[test]
    fn every_block_without_a_good_tag_is_told() {
        let page = "```sh\na\n```\n<!-- ci: skip -->\n```sh\nb\n```\n<!-- ci: background until= -->\n```sh\nc\n```\n\
            <!-- ci: run -->\ntext\n```sh\nd\n```\n";
        assert_eq!(parse(page).unwrap_err().len(), 4);
    }
}
