//! Records as lines of JSON.

use plaza_core::{Error, Result};
use prost::Name;
use prost_reflect::{DynamicMessage, Value};
use serde::Serialize;

/// A line of an export.
#[derive(Serialize)]
struct Line<'a> {
    service: &'a str,
    kind: &'a str,
    record: &'a DynamicMessage,
}

/// The line of an `ExportRecord` of a service; nothing if it holds none, as of a service that knows kinds that this one
/// does not.
pub(super) fn line<M: Name>(service: &str, record: &M) -> Result<Option<String>> {
    let wrong = |error: &dyn std::fmt::Display| Error::internal(format!("a record that cannot be told: {error}"));
    let shape = plaza_proto::pool().get_message_by_name(&M::full_name()).ok_or_else(|| wrong(&M::full_name()))?;
    let message = DynamicMessage::decode(shape, record.encode_to_vec().as_slice()).map_err(|e| wrong(&e))?;
    let Some((field, Value::Message(record))) = message.fields().next() else { return Ok(None) };
    let line = Line { service, kind: field.name(), record };
    serde_json::to_string(&line).map(Some).map_err(|e| wrong(&e))
}

#[cfg(test)]
mod tests {
    use plaza_proto::posts::v1::{ExportRecord, Post, PostMark, Visibility, export_record::Record};

    use super::*;

    #[test]
    fn a_record_is_one_line_with_its_kind() {
        let create_time = Some(prost_types::Timestamp { seconds: 1_762_164_000, nanos: 0 });
        let like = ExportRecord { record: Some(Record::Like(PostMark { post_id: 7, create_time })) };
        let expected =
            r#"{"service":"posts","kind":"like","record":{"postId":"7","createTime":"2025-11-03T10:00:00Z"}}"#;
        assert_eq!(line("posts", &like).unwrap().unwrap(), expected);
        let text = "two\nlines \u{2028} \"quoted\"".to_owned();
        let post = Post { text: text.clone(), visibility: Visibility::Followers.into(), ..Post::default() };
        let told = line("posts", &ExportRecord { record: Some(Record::Post(post)) }).unwrap().unwrap();
        assert!(!told.contains('\n'), "{told}");
        let read: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            (&read["record"]["text"], &read["record"]["visibility"]),
            (&text.into(), &"VISIBILITY_FOLLOWERS".into())
        );
    }

    #[test]
    fn a_record_of_no_known_kind_is_left_out() {
        assert_eq!(line("posts", &ExportRecord { record: None }).unwrap(), None);
    }
}
