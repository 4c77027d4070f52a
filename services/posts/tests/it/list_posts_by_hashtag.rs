//! ListPostsByHashtag.

use plaza_core::{Cx, Result, reason};
use plaza_proto::posts::v1::{ListPostsByHashtagRequest, Visibility};

use crate::support::{World, ids, nobody, user};

fn request(hashtag: &str) -> ListPostsByHashtagRequest {
    ListPostsByHashtagRequest { hashtag: hashtag.to_owned(), ..ListPostsByHashtagRequest::default() }
}

async fn list(w: &World, cx: &Cx, request: ListPostsByHashtagRequest) -> Result<(Vec<i64>, String)> {
    let page = w.posts.list_posts_by_hashtag(cx, request).await?;
    Ok((ids(&page.posts), page.next_page_token))
}

#[tokio::test]
async fn list_posts_by_hashtag_finds_public_posts_however_the_tag_is_written() {
    let w = World::new().await;
    let mut expected = Vec::new();
    for (author, text) in [(1, "#Straße"), (2, "on the #STRASSE"), (3, "#strasse #two"), (1, "#strassen")] {
        let id = w.post(author, w.text(text)).await;
        if !text.contains("strassen") {
            expected.insert(0, id);
        }
    }
    w.post(1, w.seen_by(Visibility::Unlisted, "#strasse")).await;
    w.post(1, w.followers("#strasse")).await;
    for tag in ["strasse", "#Straße", "STRASSE", "＃straße"] {
        assert_eq!(list(&w, &user(1), request(tag)).await.unwrap(), (expected.clone(), String::new()), "{tag}");
    }
    w.graph.block(2, 9);
    w.accounts.protect(3);
    assert_eq!(list(&w, &user(9), request("strasse")).await.unwrap().0, expected[2..]);
    w.edit(1, expected[2], "nothing").await.unwrap();
    assert_eq!(list(&w, &user(1), request("strasse")).await.unwrap().0, expected[1..2], "3 is protected by now");
}

#[tokio::test]
async fn list_posts_by_hashtag_takes_any_all_and_none_and_pages() {
    let w = World::new().await;
    let mut all = Vec::new();
    for n in 0..12 {
        let text = ["#a", "#b", "#a #b", "#a #c"][n % 4];
        all.insert(0, (w.post(1, w.text(text)).await, text));
    }
    let of = |keep: fn(&str) -> bool| all.iter().filter(|(_, text)| keep(text)).map(|(id, _)| *id).collect::<Vec<_>>();
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let any = ListPostsByHashtagRequest { any_of: tags(&["B"]), ..request("a") };
    assert_eq!(list(&w, &nobody(), any).await.unwrap().0, of(|_| true));
    let both = ListPostsByHashtagRequest { all_of: tags(&["#b"]), ..request("a") };
    assert_eq!(list(&w, &nobody(), both).await.unwrap().0, of(|text| text == "#a #b"));
    let none = ListPostsByHashtagRequest { none_of: tags(&["b", "c"]), ..request("a") };
    assert_eq!(list(&w, &nobody(), none).await.unwrap().0, of(|text| text == "#a"));
    let (first, token) = list(&w, &nobody(), ListPostsByHashtagRequest { page_size: 5, ..request("a") }).await.unwrap();
    let next = ListPostsByHashtagRequest { page_size: 5, page_token: token.clone(), ..request("a") };
    let (second, end) = list(&w, &nobody(), next.clone()).await.unwrap();
    assert_eq!(([first, second].concat(), end), (of(|text| text.contains("#a")), String::new()));
    let other = ListPostsByHashtagRequest { hashtag: "b".to_owned(), ..next };
    assert!(list(&w, &nobody(), other).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
}

#[tokio::test]
async fn list_posts_by_hashtag_refuses_what_is_no_hashtag() {
    let w = World::new().await;
    for (wrong, field) in [
        (request("two words"), "hashtag"),
        (request("#"), "hashtag"),
        (request("a#b"), "hashtag"),
        (request(""), "hashtag"),
        (ListPostsByHashtagRequest { any_of: vec!["a".to_owned(), "!".to_owned()], ..request("a") }, "any_of[1]"),
        (ListPostsByHashtagRequest { all_of: vec![String::new()], ..request("a") }, "all_of[0]"),
        (ListPostsByHashtagRequest { none_of: vec!["a".to_owned(); 11], ..request("a") }, "none_of"),
        (ListPostsByHashtagRequest { page_size: -1, ..request("a") }, "page_size"),
    ] {
        let refused = list(&w, &nobody(), wrong).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, field, "{refused}");
    }
}
