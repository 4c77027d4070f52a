//! The posts service over its engine, in process, entry steps in front.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod batch_get_posts;
mod bookmark_post;
mod create_post;
mod delete_post;
mod drafts;
mod edit_post;
mod erasure;
mod export_records;
mod get_thread;
mod like_post;
mod list_markers;
mod list_post_refs;
mod list_posts_by_author;
mod list_posts_by_hashtag;
mod media;
mod mentions;
mod pin_post;
mod postgres;
mod quotes;
mod refusals;
mod replicas;
mod reply_controls;
mod repost;
mod restore_post;
mod schedule;
mod support;
mod visibility;
mod vote_poll;
