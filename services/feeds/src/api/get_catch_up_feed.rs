//! `GetCatchUpFeed`: the best of what came to the caller's home feed since they looked at it last.

use plaza_core::page::{self, Pager, Scope};
use plaza_core::{AccountId, Cx, PostId, Result, Timestamp, id};
use plaza_proto::feeds::v1::{self, CatchUpPost, GetCatchUpFeedRequest, GetCatchUpFeedResponse};

use super::Handler;
use super::items::repost;
use crate::domain::{CaughtUp, FeedKind, Look, MOST_POSTS, Score, Scored};

/// The parts of a token: time, place, and the posts that were shown, two in each.
const KEYS: usize = 2 + MOST_POSTS / 2;

pub(crate) async fn get_catch_up_feed(
    h: &Handler,
    cx: &Cx,
    req: GetCatchUpFeedRequest,
) -> Result<GetCatchUpFeedResponse> {
    let owner = cx.account()?;
    let size = page::size(req.page_size)?;
    let filter = [req.since_place];
    let scope = Scope { method: "GetCatchUpFeed", filter: &filter, caller: Some(owner) };
    let mut walk = match Walk::open(&h.pager, scope, &req.page_token)? {
        Some(walk) => walk,
        None => {
            h.await_token(cx).await;
            Walk { at: h.env.now(), since: since(h, cx, owner, req.since_place).await, shown: Vec::new() }
        }
    };
    let oldest = PostId(id::first_at(walk.at.plus_ms(-h.best.age_ms)));
    let look = Look { since: walk.since.max(oldest), at: walk.at };
    let CaughtUp { posts, considered, complete } = h.pages.catch_up(cx, owner, look, &h.best).await?;
    let left = h.best.posts.saturating_sub(walk.shown.len());
    let mut fresh = posts.into_iter().filter(|post| !walk.has_shown(post)).take(left);
    let page: Vec<Scored> = fresh.by_ref().take(size).collect();
    let goes_on = fresh.next().is_some();
    walk.shown.extend(page.iter().map(name));
    Ok(GetCatchUpFeedResponse {
        posts: page.into_iter().map(present).collect(),
        next_page_token: if goes_on { walk.seal(&h.pager, scope) } else { String::new() },
        since_place: look.since.get(),
        considered: i32::try_from(considered).unwrap_or(i32::MAX),
        complete: complete && walk.since >= oldest,
    })
}

/// From which place on: the one that the request names, or the read position of home. Without either, and while positions
/// cannot be read, as far back as is looked at.
async fn since(h: &Handler, cx: &Cx, owner: AccountId, named: i64) -> PostId {
    if named > 0 {
        return PostId(named);
    }
    match h.positions.get(cx, owner, FeedKind::Home).await {
        Ok(position) => position.map_or(PostId(0), |position| position.place),
        Err(error) => {
            tracing::warn!(%owner, %error, "a reader catches up without a read position");
            cx.degraded("feeds-positions");
            PostId(0)
        }
    }
}

/// A walk through pages: all look at what stood at one time, and none shows what one before has shown.
struct Walk {
    at: Timestamp,
    since: PostId,
    /// By their [`name`]s.
    shown: Vec<u32>,
}

/// A few bits of a post's id, which tell it from the few others of a walk.
fn name(post: &Scored) -> u32 {
    let id = post.item.entry.post.get().to_le_bytes();
    u32::from_le_bytes([id[0], id[1], id[2], id[3]]).max(1)
}

impl Walk {
    fn open(pager: &Pager, scope: Scope<'_>, token: &str) -> Result<Option<Self>> {
        let Some([at, since, shown @ ..]) = pager.open::<KEYS>(scope, token)? else { return Ok(None) };
        let halves = |two: &i64| {
            let [a, b, c, d, e, f, g, h] = two.to_le_bytes();
            [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
        };
        let shown = shown.iter().flat_map(halves).filter(|name| *name != 0).collect();
        Ok(Some(Self { at: Timestamp(at), since: PostId(since), shown }))
    }

    fn seal(&self, pager: &Pager, scope: Scope<'_>) -> String {
        let mut keys = vec![self.at.0, self.since.get()];
        keys.extend(self.shown.chunks(2).map(|two| {
            let [low, high] = [two.first(), two.get(1)].map(|name| i64::from(name.copied().unwrap_or_default()));
            low | high << 32
        }));
        keys.resize(KEYS, 0);
        pager.seal(scope, &keys)
    }

    fn has_shown(&self, post: &Scored) -> bool {
        self.shown.contains(&name(post))
    }
}

fn present(Scored { item, score }: Scored) -> CatchUpPost {
    let total = score.total();
    let Score { likes, reposts, replies, closeness, decay } = score;
    let score = v1::Score { total, likes, reposts, replies, closeness, decay };
    CatchUpPost { repost: repost(&item.entry), post: Some(item.post), score: Some(score) }
}
