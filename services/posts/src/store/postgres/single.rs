//! Writes that come one at a time: edits, restorations, pins, drafts. Each is a transaction of its own.

use plaza_core::{AccountId, Env, PostId, Result};
use plaza_events::outbox;
use sqlx::PgConnection;

use super::batch::{Done, Job, Work};
use super::{drafts, edits, pins};
use crate::store::{DraftChange, Drafted, Edit, Edited, PinChange, Pinned, Restored};

/// A write of one of these kinds.
#[derive(Clone, Debug)]
pub(super) enum Single {
    Edit(Edit),
    Restore(Restoration),
    Pin(PinChange),
    Draft(DraftChange),
}

/// A deleted post that is to come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restoration {
    pub(super) post: PostId,
    pub(super) author: AccountId,
    /// How long a deleted post can be restored, in milliseconds.
    pub(super) grace: i64,
}

/// What each came to, as it is remembered.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) enum Came {
    Edited(Edited),
    Restored(Restored),
    Pinned(Pinned),
    Drafted(Drafted),
}

impl Work for Single {
    type Outcome = Came;

    async fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> Result<()> {
        for job in jobs {
            match &job.work {
                Self::Edit(edit) => edits::lock(conn, edit).await?,
                Self::Restore(restoration) => edits::lock_restoration(conn, *restoration).await?,
                Self::Pin(change) => pins::lock(conn, *change).await?,
                Self::Draft(change) => drafts::lock(conn, change).await?,
            }
        }
        Ok(())
    }

    async fn perform(conn: &mut PgConnection, env: &Env, jobs: &[&Job<Self>]) -> Result<Vec<Result<Done<Came>>>> {
        let mut done = Vec::with_capacity(jobs.len());
        for job in jobs {
            done.push(match &job.work {
                Self::Edit(edit) => edits::edit(conn, env, job, edit).await,
                Self::Restore(restoration) => edits::restore(conn, env, job, *restoration).await,
                Self::Pin(change) => pins::set(conn, env, job, *change).await,
                Self::Draft(change) => drafts::change(conn, env, change).await,
            });
        }
        Ok(done)
    }
}

/// Tells one event and gives its place.
pub(super) async fn tell<M: prost::Message + prost::Name>(
    conn: &mut PgConnection,
    env: &Env,
    job: &Job<Single>,
    post: PostId,
    event: &M,
) -> Result<i64> {
    let positions = outbox::postgres::append_many(conn, &[job.event(env, post, event)]).await?;
    positions.into_iter().next().ok_or_else(|| plaza_core::Error::internal("an event got no place in the outbox"))
}
