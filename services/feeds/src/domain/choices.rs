//! What readers chose to be spared.

use std::sync::Arc;

use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_proto::posts::v1::Post;

use super::Peers;
use super::words::Words;

/// What one reader chose at graph.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    /// Who shows in the feed of an exclusive list alone, by rising id.
    exclusive: Vec<AccountId>,
    /// None are muted if there are none.
    words: Option<Words>,
}

impl Choices {
    /// What the reader, who must be the caller, chose.
    pub(crate) async fn of(peers: &Peers, cx: &Cx, reader: AccountId) -> Result<Self> {
        let (exclusive, words) = tokio::try_join!(peers.exclusive(cx, reader), peers.muted_words(cx))?;
        Ok(Self { exclusive, words: Words::of(&words)? })
    }

    /// How much memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let words = self.words.as_ref().map_or(0, Words::bytes);
        size_of::<Self>() + self.exclusive.len() * size_of::<AccountId>() + words
    }
}

/// The languages that one reader reads, as BCP 47 tags; all if there is none.
#[derive(Debug, Default)]
pub(crate) struct Languages(Vec<String>);

impl Languages {
    pub(crate) fn new(tags: Vec<String>) -> Self {
        Self(tags)
    }

    /// Whether a post in this language is read: one that does not say its language is, and of two tags the longer one may
    /// say more than the other.
    fn read(&self, language: &str) -> bool {
        self.0.is_empty() || language.is_empty() || self.0.iter().any(|read| agree(read, language))
    }

    /// How much memory they take, about.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.0.iter().map(|tag| size_of::<String>() + tag.len()).sum::<usize>()
    }
}

/// Whether the parts that both tags have are the same.
fn agree(one: &str, other: &str) -> bool {
    one.split('-').zip(other.split('-')).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// What one reader chose, as of some time.
#[derive(Clone, Debug)]
pub(crate) struct Taste {
    pub(crate) choices: Arc<Choices>,
    pub(crate) languages: Arc<Languages>,
    pub(crate) now: Timestamp,
}

impl Taste {
    /// Of somebody who chose nothing, such as nobody that is known.
    pub(crate) fn of_nobody() -> Self {
        Self { choices: Arc::default(), languages: Arc::default(), now: Timestamp(0) }
    }

    /// Whether what the account brings is kept from the home feed.
    pub(crate) fn keeps_from_home(&self, account: AccountId) -> bool {
        self.choices.exclusive.binary_search(&account).is_ok()
    }

    /// Whether the reader wants to be spared of what the post says.
    pub(crate) fn spares(&self, post: &Post) -> bool {
        let options = post.poll.iter().flat_map(|poll| &poll.options).map(|option| &option.text);
        let shown = post.media.iter().map(|media| &media.alt);
        let mut texts = [&post.text, &post.warning].into_iter().chain(options).chain(shown);
        let mut muted = |words: &Words| texts.any(|text| words.any_in(text, self.now));
        !self.languages.read(&post.language) || self.choices.words.as_ref().is_some_and(&mut muted)
    }
}

#[cfg(test)]
mod tests {
    use plaza_proto::graph::v1::MutedWord;
    use plaza_proto::posts::v1::{Media, Poll, PollOption};

    use super::*;

    #[test]
    fn a_word_is_muted_wherever_a_post_says_it() {
        let muted = MutedWord { word: "cake".to_owned(), expire_time: None };
        let choices = Arc::new(Choices { words: Words::of(&[muted]).unwrap(), ..Choices::default() });
        let taste = Taste { choices, languages: Arc::default(), now: Timestamp(0) };
        let (cake, nothing) = (|| "a Cake".to_owned(), Post::default());
        let options = vec![PollOption::default(), PollOption { text: cake(), ..PollOption::default() }];
        let poll = Some(Poll { options, ..Poll::default() });
        let media = vec![Media { alt: cake(), ..Media::default() }];
        assert!(!taste.spares(&nothing));
        assert!(taste.spares(&Post { text: cake(), ..nothing.clone() }));
        assert!(taste.spares(&Post { warning: cake(), ..nothing.clone() }));
        assert!(taste.spares(&Post { poll, ..nothing.clone() }));
        assert!(taste.spares(&Post { media, ..nothing }));
    }

    #[test]
    fn tags_agree_as_far_as_both_go() {
        let reads =
            |tags: &[&str], language| Languages(tags.iter().map(|tag| (*tag).to_owned()).collect()).read(language);
        for (tags, language, expected) in [
            (&[][..], "de", true),
            (&["de"], "", true),
            (&["de", "pt"], "pt-BR", true),
            (&["pt-BR"], "PT", true),
            (&["pt-BR"], "pt-br", true),
            (&["pt-BR"], "pt-PT", false),
            (&["de"], "den", false),
            (&["de"], "en", false),
            (&["zh-Hant"], "zh-Hans", false),
        ] {
            assert_eq!(reads(tags, language), expected, "{tags:?} {language}");
        }
    }
}
