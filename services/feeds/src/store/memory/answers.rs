//! Answers that were given, so that a repeated request gets the same.

use std::collections::{HashMap, VecDeque};

use plaza_core::request::REMEMBERED_MS;
use plaza_core::{Error, RequestKey, Result, Timestamp, reason};

/// The oldest answers beyond this many are forgotten: building a feed again does no harm.
const MOST: usize = 10_000;

/// Who asked, and the id they gave the request.
type Id = (i64, [u8; 16]);

#[derive(Debug, Default)]
pub(super) struct Answers {
    given: HashMap<Id, Given>,
    /// By rising time.
    order: VecDeque<(Timestamp, Id)>,
}

#[derive(Debug)]
struct Given {
    method: &'static str,
    digest: [u8; 16],
    entries: usize,
}

impl Answers {
    pub(super) fn get(&mut self, request: &RequestKey, now: Timestamp) -> Result<Option<usize>> {
        self.forget(now);
        match self.given.get(&id(request)) {
            None => Ok(None),
            Some(g) if g.method == request.method && g.digest == request.digest => Ok(Some(g.entries)),
            Some(_) => Err(Error::new(reason::REQUEST_ID_REUSED).on_field("request_id")),
        }
    }

    pub(super) fn put(&mut self, request: &RequestKey, entries: usize, now: Timestamp) {
        let given = Given { method: request.method, digest: request.digest, entries };
        if self.given.insert(id(request), given).is_none() {
            self.order.push_back((now, id(request)));
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, oldest)) = self.order.front() {
            if self.order.len() <= MOST && at.plus_ms(REMEMBERED_MS) > now {
                return;
            }
            self.given.remove(oldest);
            self.order.pop_front();
        }
    }
}

fn id(request: &RequestKey) -> Id {
    (request.caller, *request.request_id.as_bytes())
}
