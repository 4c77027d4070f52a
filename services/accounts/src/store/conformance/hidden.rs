//! Accounts that only their owners can read, and those that are to be deleted.

use plaza_core::{AccountId, Timestamp, reason};
use plaza_proto::accounts::v1::{AccountDeactivated, AccountDeleted, AccountReactivated};

use super::{Bench, cx, gone, request};
use crate::domain::{Account, Change, Deletion, Edit, Handle, Login};
use crate::store::Ended;

async fn changed(b: &Bench, id: AccountId, edit: Edit) -> Account {
    let account = b.store.change(&cx(), Change::new(id, edit, b.env.now())).await.unwrap().value;
    assert_eq!(*b.store.get(&cx(), id).await.unwrap().unwrap(), account);
    assert_eq!(*b.store.batch_get(&cx(), &[id]).await.unwrap()[0], account);
    account
}

pub(crate) async fn accounts_go_out_of_sight_and_come_back(b: Bench) {
    let id = b.created("ada").await;
    let since = b.env.now().0;
    let hidden = changed(&b, id, Edit::Deactivate).await;
    assert_eq!((hidden.deactivated_at, hidden.delete_at, hidden.version), (Some(since), None, 2));
    b.clock.advance(5);
    assert_eq!(changed(&b, id, Edit::Deactivate).await.deactivated_at, Some(since), "the first time stays");
    // It keeps its handle, its owner can sign in, and rebuilds find it.
    assert_eq!(b.store.id_by_handle(&cx(), &Handle::parse("ada").unwrap()).await.unwrap(), Some(id));
    assert_eq!(b.store.credential(&cx(), &Login::parse("ada")).await.unwrap().unwrap().0, id);
    assert_eq!(b.store.list_ids(&cx(), AccountId(0), 10).await.unwrap(), [id]);
    let back = changed(&b, id, Edit::Reactivate).await;
    assert_eq!((back.deactivated_at, back.delete_at, back.version), (None, None, 4));
    let events = b.events().await;
    assert_eq!(events[1].decode::<AccountDeactivated>().unwrap().unwrap().account_id, id.get());
    assert_eq!(events[3].decode::<AccountReactivated>().unwrap().unwrap().account_id, id.get());
    let nobody = b.store.change(&cx(), Change::new(AccountId(5), Edit::Deactivate, b.env.now())).await;
    assert!(nobody.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

pub(crate) async fn a_deletion_that_waits_is_done_when_it_is_due(b: Bench) {
    let (ada, bob, carol) = (b.created("ada").await, b.created("bob").await, b.created("carol").await);
    let at = |ms| b.env.now().plus_ms(ms);
    let due = |now: Timestamp, limit| {
        let store = b.store.clone();
        async move { store.due_deletions(&cx(), now, limit).await.unwrap() }
    };
    let (first, second) = (at(10), at(20));
    assert_eq!(changed(&b, bob, Edit::DeleteAt(first)).await.delete_at, Some(first.0));
    assert_eq!(changed(&b, bob, Edit::DeleteAt(second)).await.delete_at, Some(first.0), "the first time stays");
    changed(&b, ada, Edit::DeleteAt(second)).await;
    changed(&b, carol, Edit::DeleteAt(first)).await;
    assert_eq!(changed(&b, carol, Edit::Reactivate).await.delete_at, None);
    assert!(due(at(9), 10).await.is_empty());
    assert_eq!((due(first, 10).await, due(second, 10).await), (vec![bob], vec![bob, ada]));
    assert_eq!(due(second, 1).await, [bob], "the longest due first");

    let if_due = |id| Deletion { only_if_due: true, ..gone(id) };
    for early in [ada, bob, carol] {
        let refused = b.store.delete(&cx(), if_due(early)).await.unwrap_err();
        assert!(refused.is(reason::ACCOUNT_NOT_FOUND), "not yet, or not any more");
    }
    b.clock.advance(10);
    let written = b.store.delete(&request(0, 1, 1), if_due(bob)).await.unwrap();
    assert_eq!(b.store.delete(&request(0, 1, 1), if_due(bob)).await.unwrap(), written);
    for left in [ada, carol, bob] {
        assert!(b.store.delete(&cx(), if_due(left)).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    }
    assert!(b.store.get(&cx(), bob).await.unwrap().is_none());
    assert!(due(second, 10).await == [ada] && b.store.get(&cx(), ada).await.unwrap().is_some());
    let last = b.events().await.pop().unwrap();
    assert_eq!(last.decode::<AccountDeleted>().unwrap().unwrap().account_id, bob.get());
}

pub(crate) async fn a_deletion_is_recalled_as_it_was_made(b: Bench) {
    let (ada, bob) = (b.created("ada").await, b.created("bob").await);
    assert_eq!(b.store.recall_deleted(&request(ada.get(), 1, 1)).await.unwrap(), None);
    let later = Change::new(ada, Edit::DeleteAt(b.env.now().plus_ms(1_000)), b.env.now());
    let waits = b.store.change(&request(ada.get(), 1, 1), later).await.unwrap();
    let gone = b.store.delete(&request(bob.get(), 2, 1), gone(bob)).await.unwrap();
    let recalled = async |account: AccountId, n| b.store.recall_deleted(&request(account.get(), n, 1)).await.unwrap();
    assert_eq!(recalled(ada, 1).await, Some(Ended::Later(Box::new(waits))));
    assert_eq!(recalled(bob, 2).await, Some(Ended::Now(gone)));
    let other = b.store.recall_deleted(&request(ada.get(), 1, 2)).await.unwrap_err();
    assert!(other.is(reason::REQUEST_ID_REUSED));
}
