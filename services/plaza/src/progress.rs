//! Progress of long work: a bar on a terminal, a line now and then otherwise. All of it goes to standard error.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one piece of work.
#[derive(Debug)]
pub struct Progress {
    label: String,
    bar: ProgressBar,
    /// Without a terminal: when the last line was written.
    lines: Option<Mutex<Instant>>,
    start: Instant,
}

impl Progress {
    /// Work of `total` steps; `None` if nobody knows.
    #[must_use]
    pub fn new(label: impl Into<String>, total: Option<u64>) -> Self {
        let label = label.into();
        let start = Instant::now();
        if !std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
            return Self { label, bar, lines: Some(Mutex::new(start)), start };
        }
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        let shape = match total {
            Some(_) => "{prefix:>12} [{bar:40}] {human_pos}/{human_len} {per_sec:.dim} {eta:.dim}",
            None => "{prefix:>12} {spinner} {human_pos} {per_sec:.dim}",
        };
        let style = ProgressStyle::with_template(shape).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(label.clone());
        Self { label, bar, lines: None, start }
    }

    /// `steps` more are done.
    pub fn inc(&self, steps: u64) {
        self.bar.inc(steps);
        self.line_if_due();
    }

    /// `steps` are done in all.
    pub fn set(&self, steps: u64) {
        self.bar.set_position(steps);
        self.line_if_due();
    }

    /// The work is done.
    pub fn done(&self) {
        let (steps, seconds) = (self.bar.position(), self.start.elapsed().as_secs_f64());
        if self.lines.is_some() {
            eprintln!("{}: {steps} in {seconds:.1} s", self.label);
        } else {
            self.bar.finish();
        }
    }

    fn line_if_due(&self) {
        let Some(mut last) = self.lines.as_ref().and_then(Mutex::try_lock) else { return };
        if last.elapsed() < LINE_EVERY {
            return;
        }
        *last = Instant::now();
        let done = self.bar.position();
        match self.bar.length() {
            Some(total) => {
                let left = self.start.elapsed().as_secs() * total.saturating_sub(done) / done.max(1);
                eprintln!("{}: {done} of {total}, about {left} s to go", self.label);
            }
            None => eprintln!("{}: {done}", self.label),
        }
    }
}
