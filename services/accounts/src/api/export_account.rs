//! `ExportAccount`: all that the platform knows of the caller's account.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream;
use plaza_core::{AccountId, Caller, Cx, Error, Result, Token, TraceContext, reason};
use plaza_proto::accounts::v1::export_account_response::Update;
use plaza_proto::accounts::v1::{ExportAccountRequest, ExportAccountResponse, ExportProgress};
use plaza_rpc::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Handler;
use super::export::{AllHolders, Page, Place, invalid};

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the lines of one message may be together, unless one line alone is longer.
const MESSAGE_BYTES: usize = 64 << 10;

pub(crate) async fn export_account(
    h: &Handler,
    cx: &Cx,
    req: ExportAccountRequest,
) -> Result<Stream<ExportAccountResponse>> {
    check_recent(h, cx)?;
    let (holders, permit) = h.exports.begin()?;
    let place = Place::parse(&req.resume_token, holders.len())?;
    let export = Export {
        holders,
        _permit: permit,
        account: AccountId(req.account_id),
        caller: cx.caller().clone(),
        token: cx.token().clone(),
        trace: cx.trace(),
        place,
        ready: VecDeque::new(),
    };
    Ok(Box::pin(stream::try_unfold(export, |mut export| async move {
        Ok(export.next().await?.map(|update| (update, export)))
    })))
}

/// That the caller's session was opened a short while ago: one that was stolen since gets at nothing new by this.
fn check_recent(h: &Handler, cx: &Cx) -> Result<()> {
    if h.rules.export_sign_in_ms == 0 {
        return Ok(());
    }
    let since = h.env.now().plus_ms(-h.rules.export_sign_in_ms);
    let is_recent = cx.caller().session.is_some_and(|session| session.time() >= since);
    if is_recent { Ok(()) } else { Err(Error::new(reason::SIGN_IN_AGAIN)) }
}

/// An export under way. It works when it is polled, and holds one page at most.
struct Export {
    holders: AllHolders,
    _permit: OwnedSemaphorePermit,
    account: AccountId,
    caller: Caller,
    token: Token,
    trace: Option<TraceContext>,
    place: Place,
    ready: VecDeque<Update>,
}

impl Export {
    async fn next(&mut self) -> Result<Option<ExportAccountResponse>> {
        while self.ready.is_empty() && self.place.holder < self.holders.len() {
            self.fetch().await?;
        }
        Ok(self.ready.pop_front().map(|update| ExportAccountResponse { update: Some(update) }))
    }

    async fn fetch(&mut self) -> Result<()> {
        let cx = Cx::new(self.caller.clone(), Instant::now() + PAGE_TIMEOUT);
        let cx = cx.with_token(self.token.clone()).with_trace(self.trace);
        let holder = self.holders[self.place.holder].clone();
        let page = cx.within(holder.page(&cx, self.account, &self.place.page_token)).await;
        // The only page token here is that of the caller's resume token.
        let page = page.map_err(|error| if error.is(reason::PAGE_TOKEN_INVALID) { invalid() } else { error })?;
        self.place.records = self.place.records.saturating_add(i64::try_from(page.lines.len()).unwrap_or(i64::MAX));
        self.place.holder += usize::from(page.next.is_empty());
        self.place.page_token.clone_from(&page.next);
        self.ready.extend(messages(page));
        self.ready.push_back(Update::Progress(self.progress(holder.service())));
        Ok(())
    }

    fn progress(&self, service: &str) -> ExportProgress {
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let is_done = self.place.holder == self.holders.len();
        ExportProgress {
            service: service.to_owned(),
            records: self.place.records,
            services_done: count(self.place.holder),
            services: count(self.holders.len()),
            resume_token: if is_done { String::new() } else { self.place.token() },
        }
    }
}

/// The lines of a page, a bounded number of bytes in each message.
fn messages(page: Page) -> Vec<Update> {
    let (mut messages, mut lines) = (Vec::new(), String::new());
    for line in page.lines {
        if !lines.is_empty() && lines.len() + line.len() >= MESSAGE_BYTES {
            messages.push(Update::Lines(std::mem::take(&mut lines)));
        }
        lines.push_str(&line);
        lines.push('\n');
    }
    if !lines.is_empty() {
        messages.push(Update::Lines(lines));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_bounded_and_lose_no_line() {
        let lines: Vec<String> = [10, MESSAGE_BYTES * 2, 40_000, 20_000, 5_533, 1, 0].map(|n| "x".repeat(n)).to_vec();
        let told: Vec<String> = messages(Page { lines: lines.clone(), next: String::new() })
            .into_iter()
            .map(|update| match update {
                Update::Lines(lines) => lines,
                Update::Progress(progress) => panic!("{progress:?}"),
            })
            .collect();
        assert_eq!(told.concat(), lines.iter().map(|line| format!("{line}\n")).collect::<String>());
        assert_eq!(told.len(), 4, "{:?}", told.iter().map(String::len).collect::<Vec<_>>());
        assert!(told.iter().all(|message| message.len() <= MESSAGE_BYTES || message.lines().count() == 1));
        assert!(messages(Page::default()).is_empty());
    }
}
