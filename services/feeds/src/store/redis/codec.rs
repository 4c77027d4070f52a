//! How entries stand in Redis: post id and author, 8 bytes each, big-endian, so that bytes sort as ids do.

use fred::bytes::{BufMut as _, Bytes, BytesMut};
use fred::types::Value;
use plaza_core::{AccountId, Error, PostId, Result};

use crate::domain::Entry;

const ID: usize = 8;
const MEMBER: usize = 2 * ID;

/// The id of a post, or its floor.
pub(super) fn id(id: i64) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&id.max(0).to_be_bytes()))
}

/// Entries, in one piece of memory.
pub(super) fn members(entries: &[Entry]) -> Vec<Value> {
    let mut bytes = BytesMut::with_capacity(entries.len() * MEMBER);
    for Entry { post, author } in entries {
        bytes.put_i64(post.0.max(0));
        bytes.put_i64(author.0);
    }
    let bytes = bytes.freeze();
    (0..entries.len()).map(|n| Value::Bytes(bytes.slice(n * MEMBER..(n + 1) * MEMBER))).collect()
}

/// Reads an id.
pub(super) fn post(bytes: &[u8]) -> Result<PostId> {
    Ok(PostId(number(bytes)?))
}

/// Reads an entry.
pub(super) fn entry(member: &[u8]) -> Result<Entry> {
    let (post, author) = member.split_at_checked(ID).ok_or_else(unreadable)?;
    Ok(Entry { post: PostId(number(post)?), author: AccountId(number(author)?) })
}

fn number(bytes: &[u8]) -> Result<i64> {
    Ok(i64::from_be_bytes(bytes.try_into().map_err(|_| unreadable())?))
}

fn unreadable() -> Error {
    Error::internal("a feed in redis holds what is no entry")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &Value) -> &[u8] {
        value.as_bytes().unwrap()
    }

    #[test]
    fn entries_are_read_as_they_were_written_and_sort_by_post() {
        let posts = [0, 1, 255, 256, (1 << 22) - 1, 1 << 22, i64::MAX - 1, i64::MAX];
        let entries: Vec<Entry> =
            posts.iter().map(|p| Entry { post: PostId(*p), author: AccountId(i64::MAX - p) }).collect();
        let members = members(&entries);
        let read: Vec<Entry> = members.iter().map(|m| entry(bytes(m)).unwrap()).collect();
        assert_eq!(read, entries);
        assert!(members.windows(2).all(|pair| bytes(&pair[0]) < bytes(&pair[1])));
        assert_eq!(post(bytes(&id(77))).unwrap(), PostId(77));
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for wrong in [&b""[..], b"1234567", b"123456789", b"12345678901234567"] {
            assert!(entry(wrong).is_err());
        }
        assert!(post(b"1").is_err());
    }
}
