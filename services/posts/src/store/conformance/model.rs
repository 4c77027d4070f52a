//! Random sequences of operations, compared step by step with a model that keeps everything in plain maps.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{AccountId, Env, ManualClock, PostId, Timestamp};

use super::{Subject, cx, like, new, reply, unlike};
use crate::domain::{Counts, PostRef, Sight, Visibility};
use crate::store::NewPost;

const ACCOUNTS: u64 = 5;
const STEPS: usize = 400;

#[derive(Default)]
struct Model {
    posts: BTreeMap<PostId, Kept>,
    dead: Vec<PostId>,
}

struct Kept {
    author: i64,
    visibility: Visibility,
    reply_to: Option<PostId>,
    likes: BTreeSet<i64>,
}

impl Model {
    fn counts(&self, id: PostId) -> Option<Counts> {
        let likes = self.posts.get(&id)?.likes.len();
        let replies = self.posts.values().filter(|p| p.reply_to == Some(id)).count();
        Some(Counts {
            likes: i64::try_from(likes).unwrap(),
            replies: i64::try_from(replies).unwrap(),
            ..Counts::default()
        })
    }

    /// A post to do something with: mostly a living one.
    fn any(&self, env: &Env) -> PostId {
        let of = |env: &Env, count: usize| usize::try_from(env.below(u64::try_from(count).unwrap())).unwrap();
        if self.posts.is_empty() || env.below(10) == 0 {
            return if self.dead.is_empty() { PostId(1) } else { self.dead[of(env, self.dead.len())] };
        }
        *self.posts.keys().nth(of(env, self.posts.len())).unwrap()
    }

    fn bury(&mut self, id: PostId) {
        self.posts.remove(&id);
        self.dead.push(id);
    }
}

pub(super) async fn random_sequences_agree_with_the_model(s: Subject) {
    let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 3);
    let mut model = Model::default();
    for step in 0..STEPS {
        s.clock.advance(i64::try_from(env.below(3)).unwrap());
        act(&s, &env, &mut model).await;
        compare(&s, &env, &model, step).await;
    }
    for id in model.posts.keys().chain(&model.dead) {
        assert_eq!(s.counts(*id).await, model.counts(*id));
    }
}

async fn act(s: &Subject, env: &Env, model: &mut Model) {
    let account = 1 + i64::try_from(env.below(ACCOUNTS)).unwrap();
    let target = model.any(env);
    match env.below(10) {
        0..=3 => {
            let all = [Visibility::Public, Visibility::Unlisted, Visibility::Followers, Visibility::Mentioned];
            let visibility = all[usize::try_from(env.below(4)).unwrap()];
            let wanted = if env.below(2) == 0 { new(account, "a #tag") } else { reply(account, "b", target) };
            let reply_to = wanted.reply_to;
            let done = s.store.publish(&cx(), NewPost { visibility, ..wanted }).await;
            assert_eq!(done.is_ok(), reply_to.is_none_or(|to| model.posts.contains_key(&to)));
            if let Ok(published) = done {
                let likes = BTreeSet::new();
                model.posts.insert(published.post, Kept { author: account, visibility, reply_to, likes });
            }
        }
        4 => {
            let done = s.store.delete(&cx(), AccountId(account), target).await;
            let own = model.posts.get(&target).is_some_and(|p| p.author == account);
            assert_eq!(done.is_ok(), own);
            if own {
                model.bury(target);
            }
        }
        5..=7 => {
            let done = s.store.set_mark(&cx(), like(account, target)).await;
            let new = model.posts.get_mut(&target).map(|p| p.likes.insert(account));
            assert_eq!(done.ok().map(|liked| liked.position.is_some()), new);
        }
        _ => {
            let done = s.store.set_mark(&cx(), unlike(account, target)).await;
            let old = model.posts.get_mut(&target).map(|p| p.likes.remove(&account));
            assert_eq!(done.ok().map(|liked| liked.position.is_some()), old);
        }
    }
}

async fn compare(s: &Subject, env: &Env, model: &Model, step: usize) {
    let asked: Vec<PostId> = (0..5).map(|_| model.any(env)).collect();
    let found = s.store.posts(&cx(), &asked).await.unwrap();
    for (id, post) in asked.iter().zip(found) {
        assert_eq!(post.map(|p| p.counts), model.counts(*id), "step {step}, post {id}");
    }
    let author = 1 + i64::try_from(env.below(ACCOUNTS)).unwrap();
    for sight in [Sight::Public, Sight::Followers, Sight::Everything] {
        let of = |(id, p): (&PostId, &Kept)| (p.author == author && sight.shows(p.visibility, false)).then_some(*id);
        let expected: Vec<PostId> = model.posts.iter().rev().filter_map(of).take(6).collect();
        let ids = s.store.ids_by_author(&cx(), AccountId(author), sight, PostId(i64::MAX), 6).await.unwrap();
        assert_eq!(ids, expected, "step {step}");
    }
    let authors = [AccountId(author), AccountId(author % 5 + 1)];
    let of = |(id, p): (&PostId, &Kept)| PostRef { post: *id, author: AccountId(p.author) };
    let newest = model.posts.iter().rev().map(of).filter(|r| authors.contains(&r.author));
    let refs = s.store.refs(&cx(), &authors, PostId(i64::MAX), 12).await.unwrap();
    assert_eq!(refs, newest.take(12).collect::<Vec<_>>(), "step {step}");
}
