//! How entries stand in Redis: post id and author, or repost id, who reposted, and post id; 8 bytes each, big-endian, so
//! that bytes sort as places do.

use fred::bytes::{BufMut as _, Bytes, BytesMut};
use fred::types::Value;
use plaza_core::{AccountId, Error, PostId, Result};

use crate::domain::Entry;

const ID: usize = 8;

/// The id of a post, or its floor.
pub(super) fn id(id: i64) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&id.max(0).to_be_bytes()))
}

/// Entries, in one piece of memory.
pub(super) fn members(entries: &[Entry]) -> Vec<Value> {
    let mut bytes = BytesMut::with_capacity(entries.iter().map(len).sum());
    for entry in entries {
        bytes.put_i64(entry.place.0.max(0));
        bytes.put_i64(entry.by.0);
        if entry.is_repost() {
            bytes.put_i64(entry.post.0);
        }
    }
    let mut bytes = bytes.freeze();
    entries.iter().map(|entry| Value::Bytes(bytes.split_to(len(entry)))).collect()
}

fn len(entry: &Entry) -> usize {
    if entry.is_repost() { 3 * ID } else { 2 * ID }
}

/// Reads an id.
pub(super) fn post(bytes: &[u8]) -> Result<PostId> {
    Ok(PostId(number(bytes)?))
}

/// Reads an entry.
pub(super) fn entry(member: &[u8]) -> Result<Entry> {
    let (place, rest) = member.split_at_checked(ID).ok_or_else(unreadable)?;
    let place = PostId(number(place)?);
    if rest.len() == ID {
        return Ok(Entry::post(place, AccountId(number(rest)?)));
    }
    let (by, post) = rest.split_at_checked(ID).ok_or_else(unreadable)?;
    Ok(Entry::repost(place, AccountId(number(by)?), PostId(number(post)?)))
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
        let of = |p: &i64| match p % 2 {
            0 => Entry::post(PostId(*p), AccountId(i64::MAX - p)),
            _ => Entry::repost(PostId(*p), AccountId(i64::MAX - p), PostId(p / 2)),
        };
        let entries: Vec<Entry> = posts.iter().map(of).collect();
        let members = members(&entries);
        let read: Vec<Entry> = members.iter().map(|m| entry(bytes(m)).unwrap()).collect();
        assert_eq!(read, entries);
        assert!(members.windows(2).all(|pair| bytes(&pair[0]) < bytes(&pair[1])));
        assert_eq!(post(bytes(&id(77))).unwrap(), PostId(77));
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for wrong in [&b""[..], b"1234567", b"123456789", b"12345678901234567", b"1234567890123456789012345"] {
            assert!(entry(wrong).is_err());
        }
        assert!(post(b"1").is_err());
    }
}
