//! Posts that are not published yet.

use futures::future::join_all;
use plaza_core::{AccountId, Timestamp, reason};

use super::{Subject, cx, new, reply, request};
use crate::store::{Draft, DraftChange, DraftVersion, DraftWork, Kept, NewPost};

const ACCOUNT: AccountId = AccountId(1);
const MOST: usize = 9;

fn kept(post: &str, at: Option<i64>) -> Kept {
    Kept { post: post.as_bytes().to_vec(), publish_at: at.map(Timestamp) }
}

const fn of(account: i64, work: DraftWork) -> DraftChange {
    DraftChange { account: AccountId(account), work }
}

fn keep(post: &str, at: Option<i64>) -> DraftChange {
    of(ACCOUNT.0, DraftWork::Keep(kept(post, at), MOST))
}

async fn change(s: &Subject, change: DraftChange) -> i64 {
    s.store.change_draft(&cx(), change).await.unwrap().id
}

async fn drafts(s: &Subject) -> Vec<Draft> {
    s.store.drafts(&cx(), ACCOUNT, i64::MAX, 1_000).await.unwrap()
}

fn draft(id: i64, version: i64, kept: Kept) -> Draft {
    Draft { account: ACCOUNT, id, version, kept, failure: String::new() }
}

pub(super) async fn drafts_are_kept_replaced_and_deleted(s: Subject) {
    let first = s.store.change_draft(&request(1, "CreateDraft", 1), keep("first", None)).await.unwrap();
    let again = s.store.change_draft(&request(1, "CreateDraft", 1), keep("first", None)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(s.store.answered_draft(&request(1, "CreateDraft", 1)).await.unwrap(), Some(first));
    assert_eq!(s.store.answered_draft(&request(2, "CreateDraft", 1)).await.unwrap(), None);
    let (first, second) = (first.id, change(&s, keep("second", Some(500))).await);
    assert_eq!(drafts(&s).await, [draft(second, 0, kept("second", Some(500))), draft(first, 0, kept("first", None))]);
    change(&s, of(1, DraftWork::Replace(first, kept("changed", Some(900))))).await;
    change(&s, of(1, DraftWork::Delete(second))).await;
    assert_eq!(drafts(&s).await, [draft(first, 1, kept("changed", Some(900)))]);
    assert_eq!(s.store.drafts(&cx(), ACCOUNT, first, 9).await.unwrap(), []);
    for refused in [
        of(1, DraftWork::Replace(second, kept("gone", None))),
        of(1, DraftWork::Delete(second)),
        of(2, DraftWork::Replace(first, kept("another's", None))),
        of(2, DraftWork::Delete(first)),
    ] {
        assert!(s.store.change_draft(&cx(), refused).await.unwrap_err().is(reason::DRAFT_NOT_FOUND));
    }
    assert_eq!(s.told().await, [], "nobody is told");
}

pub(super) async fn an_account_keeps_so_many_drafts_and_no_more(s: Subject) {
    let calls = (0..2 * MOST).map(|_| async { s.store.change_draft(&cx(), keep("a", None)).await });
    let all = join_all(calls).await;
    let refused: Vec<_> = all.into_iter().filter_map(Result::err).collect();
    assert!(refused.len() == MOST && refused.iter().all(|refusal| refusal.is(reason::TOO_MANY_DRAFTS)));
    let kept_now = drafts(&s).await;
    assert_eq!(kept_now.len(), MOST);
    change(&s, of(2, DraftWork::Keep(kept("a", None), MOST))).await;
    change(&s, of(1, DraftWork::Delete(kept_now[0].id))).await;
    change(&s, keep("a", None)).await;
}

pub(super) async fn drafts_come_due_in_the_order_of_their_times(s: Subject) {
    let mut ids = Vec::new();
    for at in [Some(300), None, Some(100), Some(200), Some(400), Some(200)] {
        ids.push(change(&s, keep("a", at)).await);
    }
    let due = async |now, after: Option<Draft>, limit| {
        s.store.due(&cx(), Timestamp(now), after.as_ref(), limit).await.unwrap()
    };
    let ids_of = |due: &[Draft]| due.iter().map(|draft| draft.id).collect::<Vec<_>>();
    assert_eq!(ids_of(&due(99, None, 9).await), [0; 0]);
    assert_eq!(ids_of(&due(300, None, 9).await), [ids[2], ids[3], ids[5], ids[0]]);
    let mut part = due(999, None, 2).await;
    assert_eq!(ids_of(&part), [ids[2], ids[3]]);
    assert_eq!(ids_of(&due(999, part.pop(), 9).await), [ids[5], ids[0], ids[4]]);
}

pub(super) async fn a_draft_that_failed_says_why_until_it_is_replaced(s: Subject) {
    let id = change(&s, keep("a", Some(100))).await;
    let old = drafts(&s).await.remove(0);
    change(&s, of(1, DraftWork::Replace(id, kept("b", Some(150))))).await;
    s.store.fail_draft(&cx(), &old, "NO").await.unwrap();
    assert_eq!(drafts(&s).await, [draft(id, 1, kept("b", Some(150)))], "it is another by now");
    let new = drafts(&s).await.remove(0);
    s.store.fail_draft(&cx(), &new, "NO").await.unwrap();
    assert_eq!(drafts(&s).await, [Draft { failure: "NO".to_owned(), ..draft(id, 2, kept("b", None)) }]);
    assert_eq!(s.store.due(&cx(), Timestamp(999), None, 9).await.unwrap(), []);
    change(&s, of(1, DraftWork::Replace(id, kept("c", Some(200))))).await;
    assert_eq!(drafts(&s).await, [draft(id, 3, kept("c", Some(200)))]);
}

pub(super) async fn a_draft_is_published_once_however_many_try(s: Subject) {
    let gone = s.publish(new(2, "gone")).await.post;
    s.store.delete(&cx(), AccountId(2), gone).await.unwrap();
    for round in 0..5 {
        let id = change(&s, keep("a", None)).await;
        let from = |version, post| NewPost { draft: Some(DraftVersion { id, version }), ..post };
        let refused = s.store.publish(&cx(), from(0, reply(1, "to what is gone", gone))).await.unwrap_err();
        assert!(refused.is(reason::REPLY_TARGET_NOT_FOUND));
        let of_another = s.store.publish(&cx(), from(0, new(2, "a"))).await.unwrap_err();
        assert!(of_another.is(reason::DRAFT_NOT_FOUND));
        change(&s, of(1, DraftWork::Replace(id, kept("b", None)))).await;
        let old = s.store.publish(&cx(), from(0, new(1, "old"))).await.unwrap_err();
        assert!(old.is(reason::WRITE_CONFLICT));
        assert_eq!(drafts(&s).await.len(), 1, "what is refused leaves the draft");
        let tries = (0..12).map(|n| {
            let (s, post) = (s.clone(), from(1, new(1, "once")));
            async move {
                let cx = if n % 3 == 0 { request(1_000 + 12 * round + n, "PublishDraft", 1) } else { cx() };
                s.store.publish(&cx, post).await
            }
        });
        let (done, refused): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        assert!(refused.iter().all(|refusal| refusal.as_ref().unwrap_err().is(reason::DRAFT_NOT_FOUND)));
        assert_eq!(drafts(&s).await, []);
    }
    assert_eq!(s.told().await.len(), 2 + 5);
}

pub(super) async fn an_erased_account_leaves_no_draft(s: Subject) {
    for _ in 0..7 {
        change(&s, keep("a", Some(5))).await;
    }
    assert_eq!(s.store.held(&cx(), AccountId(0), 9).await.unwrap(), [ACCOUNT]);
    assert_eq!(s.store.held_among(&cx(), &[ACCOUNT, AccountId(2)]).await.unwrap(), [ACCOUNT]);
    s.store.erase_posts(&cx(), ACCOUNT, 2).await.unwrap();
    assert_eq!((drafts(&s).await, s.store.held(&cx(), AccountId(0), 9).await.unwrap()), (vec![], vec![]));
    assert!(s.store.change_draft(&cx(), keep("a", None)).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}
