//! What stands in the tables, and how they are read.

use plaza_core::{AccountId, PostId, Timestamp};
use plaza_stores::{Postgres, PostgresOptions};
use sqlx::AssertSqlSafe;

use super::support::{Schema, clock, cx, like, new, number, reply};
use crate::domain::{Mark, Visibility};
use crate::store::postgres::{MIGRATIONS, marks, reads, refs, threads};
use crate::store::{END, Place, PostStore};

#[tokio::test]
async fn a_tombstone_holds_no_text_no_hashtag_and_no_counter() {
    let Some(schema) = Schema::new() else { return };
    let (store, mut conn) = (schema.open(&clock(), 1).await, schema.connect().await);
    let id = store.publish(&cx(), new(1, "#One #two #ONE @bob")).await.unwrap().post;
    let answer = store.publish(&cx(), reply(2, "#two", id)).await.unwrap().post;
    store.set_mark(&cx(), like(3, id)).await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM hashtags").await, 3);
    store.delete(&cx(), AccountId(1), id).await.unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM hashtags").await, 1);
    let empty = "SELECT count(*) FROM posts WHERE deleted_at IS NOT NULL AND text = '' AND spans IS NULL";
    assert_eq!(number(&mut conn, empty).await, 1);
    // Nor does the end of a reply leave one.
    store.delete(&cx(), AccountId(2), answer).await.unwrap();
    for rows in ["SELECT count(*) FROM post_counts", "SELECT count(*) FROM marks"] {
        assert_eq!(number(&mut conn, rows).await, 0, "{rows}");
    }
}

/// The longest hashtags of the widest characters fit into the index.
#[tokio::test]
async fn the_longest_hashtags_are_taken_in() {
    let Some(schema) = Schema::new() else { return };
    let store = schema.open(&clock(), 1).await;
    let text = format!("#{} #{}", "𠀀".repeat(100), "𠀁".repeat(100));
    let id = store.publish(&cx(), new(1, &text)).await.unwrap().post;
    assert_eq!(store.posts(&cx(), &[id]).await.unwrap().remove(0).unwrap().spans.len(), 2);
}

/// Whatever the planner believes of an author, lists are read off the author's index from the end that is asked for. With
/// a plain `author_id = $1 ORDER BY id DESC` it walks through everybody's posts here.
#[tokio::test]
async fn lists_are_read_off_indexes() {
    let Some(schema) = Schema::new() else { return };
    let (store, mut conn) = (schema.open(&clock(), 1).await, schema.connect().await);
    let fill = "INSERT INTO posts (id, author_id, text, visibility, root_id, quote_of_id, reply_to_id, media)
                SELECT n, 1 + n % 3, 'some words', 1 + n % 4, n, n % 5, CASE WHEN n % 10 > 0 THEN 1 + n % 50 END,
                       CASE WHEN n % 4 = 0 THEN '[]' END
                FROM generate_series(1, 20000) AS n;
                INSERT INTO marks (post_id, account_id, kind, id)
                SELECT 1 + n % 300, n % 101, 1 + n % 3, n FROM generate_series(1, 20000) AS n";
    sqlx::raw_sql(fill).execute(&mut conn).await.unwrap();
    sqlx::raw_sql("ANALYZE posts; ANALYZE marks; SET plan_cache_mode = force_generic_plan")
        .execute(&mut conn)
        .await
        .unwrap();
    for (sql, types, values, index) in [
        (reads::PUBLIC_BY_AUTHOR, "int8, int8, int8", "2, 9000, 10", "posts_public_by_author"),
        (reads::FOR_FOLLOWERS_BY_AUTHOR, "int8, int8, int8", "2, 9000, 10", "posts_for_followers_by_author"),
        (reads::QUOTES, "int8, int8, int8", "2, 9000, 10", "posts_by_quote_of"),
        (threads::REPLIES, "int8[], int8, int8", "'{1,2}', 0, 10", "posts_by_reply_to"),
        (threads::BY_HASHTAG, "text[], int8, text[], text[], int8", "'{a,b}', 9000, '{c}', '{d}', 10", "hashtags_pkey"),
        (
            reads::MEDIA_BY_AUTHOR,
            "int8, int8, int8, int2[], bool",
            "2, 9000, 10, '{1,3}', true",
            "posts_media_by_author",
        ),
        (reads::OPENERS_BY_AUTHOR, "int8, int8, int8, int2[]", "2, 9000, 10, '{1,3}'", "posts_openers_by_author"),
        (marks::MARKERS, "int8, int2, int8, int8, int8", "2, 1, 9000, 0, 10", "marks_by_post"),
        (marks::MARKED_BY, "int8, int2, int8, int8, int8", "2, 3, 9000, 0, 10", "marks_by_account"),
        (refs::NEXT_REPOSTS, "int8[], int8[], int8, int8", "'{1,2}', '{9000,9000}', 0, 10", "marks_by_account"),
        (reads::ALL_BY_AUTHOR, "int8, int8, int8", "2, 9000, 10", "posts_by_author"),
        (refs::NEXT, "int8[], int8[], int8, int8", "'{1,2}', '{9000,9000}', 0, 10", "posts_by_author"),
    ] {
        let plan = format!("PREPARE list ({types}) AS {sql}; EXPLAIN EXECUTE list ({values})");
        let (prepare, explain) = plan.split_once("; ").unwrap();
        sqlx::raw_sql(AssertSqlSafe(prepare.to_owned())).execute(&mut conn).await.unwrap();
        let lines: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(explain.to_owned())).persistent(false).fetch_all(&mut conn).await.unwrap();
        let plan = lines.join("\n");
        // Thread and hashtag lists are merged from one walk for each parent or tag.
        let merged = sql == threads::REPLIES || sql == threads::BY_HASHTAG;
        let walked = plan.contains(&format!("using {index} ")) || plan.contains(&format!("Backward using {index} "));
        assert!(walked && (merged || !plan.contains("Sort")), "{sql}\n{plan}");
        sqlx::raw_sql("DEALLOCATE list").execute(&mut conn).await.unwrap();
    }
    let page = store.ids_by_author(&cx(), AccountId(2), crate::domain::Sight::Everything, END, 3).await.unwrap();
    assert_eq!(page.iter().map(|id| id.0).collect::<Vec<_>>(), [19_999, 19_996, 19_993]);
}

/// A schema of the first release, brought up to date: posts, spans and likes stay.
#[tokio::test]
async fn a_schema_of_the_first_release_keeps_its_posts_and_likes() {
    let Some(schema) = Schema::new() else { return };
    let old = PostgresOptions::new("posts");
    let old = Postgres::open(&schema.address, old, &MIGRATIONS[..3]).await.unwrap();
    let fill = r#"INSERT INTO posts (id, author_id, text, spans, visibility, root_id)
                  VALUES (7, 1, 'old @bob', '[[2,4,8,"bob"]]', 2, 7);
                  INSERT INTO post_counts (post_id, likes) VALUES (7, 2);
                  INSERT INTO likes (post_id, account_id, at) VALUES (7, 3, 1800000000000), (7, 4, 1800000000000)"#;
    sqlx::raw_sql(fill).execute(&mut schema.connect().await).await.unwrap();
    old.close().await;
    let store = schema.open(&clock(), 1).await;
    let post = store.posts(&cx(), &[PostId(7)]).await.unwrap().remove(0).unwrap();
    assert_eq!(
        (post.text.as_str(), post.visibility, post.spans[0].value.as_str()),
        ("old @bob", Visibility::Followers, "bob")
    );
    assert_eq!(Some(post.counts), store.recount(&cx(), PostId(7)).await.unwrap());
    let newest = Place { id: i64::MAX, of: AccountId(0) };
    let likers = store.markers(&cx(), PostId(7), Mark::Like, newest, 10).await.unwrap();
    assert_eq!(likers.iter().map(|place| place.of.0).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(PostId(likers[0].id).time(), Timestamp(1_800_000_000_000));
}
