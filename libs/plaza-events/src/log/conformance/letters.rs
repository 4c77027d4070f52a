//! Dead letters.

use plaza_core::{Code, Result, reason};

use super::{START, cx, sample};
use crate::log::{DeadLetter, EventLog};

fn letter(consumer: &str, position: i64, reason: &str, tries: u32) -> DeadLetter {
    DeadLetter {
        id: 0,
        consumer: consumer.to_owned(),
        event: sample("posts", position),
        reason: reason.to_owned(),
        tries,
        at: START,
    }
}

pub(super) async fn keeps_dead_letters(log: &dyn EventLog) -> Result<()> {
    let mut ids = Vec::new();
    for position in 1..=5 {
        ids.push(log.put_dead_letter(&cx(), &letter("home", position, "no such thing", 5)).await?);
    }
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "ids rise: {ids:?}");
    let other = log.put_dead_letter(&cx(), &letter("search", 1, "other", 5)).await?;
    assert_eq!(log.put_dead_letter(&cx(), &letter("home", 2, "still not", 6)).await?, ids[1], "kept once");
    assert_eq!(log.dead_letter(&cx(), ids[1]).await?, DeadLetter { id: ids[1], ..letter("home", 2, "still not", 6) });
    let first = log.dead_letters(&cx(), Some("home"), 0, 3).await?;
    let rest = log.dead_letters(&cx(), Some("home"), first[2].id, 3).await?;
    let listed: Vec<i64> = first.iter().chain(&rest).map(|letter| letter.id).collect();
    assert_eq!(listed, ids);
    assert_eq!(log.dead_letters(&cx(), None, 0, 100).await?.len(), 6);
    assert!(log.remove_dead_letter(&cx(), other).await?);
    assert!(!log.remove_dead_letter(&cx(), other).await?);
    let gone = log.dead_letter(&cx(), other).await;
    assert!(gone.is_err_and(|error| error.is(reason::DEAD_LETTER_NOT_FOUND) && error.code() == Code::NotFound));
    assert!(log.dead_letters(&cx(), Some("search"), 0, 100).await?.is_empty());
    let next = log.put_dead_letter(&cx(), &letter("search", 1, "again", 5)).await?;
    assert!(next > other, "no id is given twice");
    Ok(())
}
