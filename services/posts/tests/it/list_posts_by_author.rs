//! ListPostsByAuthor.

use plaza_core::{Cx, reason};

use crate::support::{World, nobody, user};

/// Walks all pages; panics if one but the last is not full.
async fn walk(w: &World, cx: &Cx, author: i64, size: i32) -> Vec<i64> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (page, next) = w.page(cx, author, size, &token).await.unwrap();
        assert!(next.is_empty() || page.len() == usize::try_from(size).unwrap());
        all.extend(page);
        token = next;
        if token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn list_posts_by_author_pages_are_full_whoever_looks() {
    let w = World::new().await;
    let (mut public, mut all) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let hidden = n % 4 != 0;
        let id = w.post(1, if hidden { w.followers("f") } else { w.text("p") }).await;
        w.post(2, w.text("of somebody else")).await;
        all.insert(0, id);
        if !hidden {
            public.insert(0, id);
        }
    }
    w.graph.follow(3, 1);
    w.graph.block(1, 5);
    for size in [1, 3, 10, 40] {
        assert_eq!(walk(&w, &user(1), 1, size).await, all);
        assert_eq!(walk(&w, &user(3), 1, size).await, all);
        assert_eq!(walk(&w, &user(4), 1, size).await, public);
        assert_eq!(walk(&w, &nobody(), 1, size).await, public);
        assert!(walk(&w, &user(5), 1, size).await.is_empty());
        assert!(walk(&w, &user(4), 99, size).await.is_empty());
    }
    assert_eq!(w.page(&user(1), 1, 0, "").await.unwrap().0.len(), 20);
    assert_eq!(w.page(&user(1), 1, 5_000, "").await.unwrap().0.len(), 40);
}

#[tokio::test]
async fn a_walk_is_not_disturbed_by_writes() {
    let w = World::new().await;
    let mut expected = Vec::new();
    for _ in 0..30 {
        expected.insert(0, w.post(1, w.text("a")).await);
    }
    let (mut seen, mut gone, mut token) = (Vec::new(), Vec::new(), String::new());
    for round in 0.. {
        let (page, next) = w.page(&user(2), 1, 4, &token).await.unwrap();
        seen.extend(page);
        token = next;
        if token.is_empty() {
            break;
        }
        w.post(1, w.text("new")).await;
        // One that was served goes, and one that was not yet.
        for id in [expected[round], expected[29 - round]] {
            w.delete(1, id).await.unwrap();
            gone.push(id);
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
    assert!(gone.len() > 8 && expected.iter().all(|id| gone.contains(id) || seen.contains(id)));
    assert!(seen.iter().all(|id| expected.contains(id)));
}

#[tokio::test]
async fn page_tokens_are_bound_to_author_and_caller() {
    let w = World::new().await;
    for author in [1, 2] {
        for _ in 0..3 {
            w.post(author, w.text("a")).await;
        }
    }
    let token = w.page(&user(3), 1, 1, "").await.unwrap().1;
    assert!(w.page(&user(3), 1, 2, &token).await.is_ok());
    for (cx, author, token) in [
        (user(4), 1, token.clone()),
        (nobody(), 1, token.clone()),
        (user(3), 2, token.clone()),
        (user(3), 1, format!("{token}A")),
        (user(3), 1, "AAAA".to_owned()),
    ] {
        let error = w.page(&cx, author, 1, &token).await.unwrap_err();
        assert!(error.is(reason::PAGE_TOKEN_INVALID));
        assert_eq!(error.violations()[0].field, "page_token");
    }
}
