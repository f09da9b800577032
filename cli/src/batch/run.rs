//! The run itself: sends entries, watches their jobs and collects their results, all at the same time, within bounds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;

use cutline_core::JobId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::calls::Fault;
use super::code::Code;
use super::collect::{CollectEnd, Verdict, collect};
use super::context::Context;
use super::entry::{Entry, EntryId};
use super::events::{Event, Failed, Sending, Step};
use super::progress::ProgressLine;
use super::send::{SendEnd, send, send_again};
use super::source::{Entries, FoundEntry};
use super::state::{OpenJob, Progress, State};
use super::totals::Totals;
use super::watch::{self, Interval, Round, Watched};
use crate::stop::StopSignal;

/// Entries that are sent at the same time. Each may hold a whole file in memory.
const MAX_SENDS: usize = 4;

/// Jobs that are collected at the same time.
const MAX_COLLECTS: usize = 8;

/// After this many entries in a row without an answer, the API is taken for unreachable.
const MAX_UNANSWERED: usize = 5;

type Task<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A run in progress.
pub(super) struct Run<'a> {
    context: &'a Context,
    stop: &'a StopSignal,
    state: &'a mut State,
    /// The most jobs that are open at the same time.
    max_open: usize,
    totals: Totals,
    progress: ProgressLine,
    /// What an earlier start left: requests to repeat, and jobs to watch.
    unsent: VecDeque<(EntryId, Sending)>,
    /// Entries of this start, so that those that the source no longer has are found at the end.
    to_repeat: BTreeSet<EntryId>,
    open: BTreeMap<JobId, (OpenJob, Instant)>,
    ended: VecDeque<(OpenJob, Verdict)>,
    sends: FuturesUnordered<Task<'a, SendEnd>>,
    collects: FuturesUnordered<Task<'a, CollectEnd>>,
    round: Option<Task<'a, Result<Round, Fault>>>,
    rounds: usize,
    interval: Interval,
    next_round: Instant,
    unanswered: usize,
    fatal: Option<anyhow::Error>,
}

/// How a run ended.
pub(super) struct RunEnd {
    pub(super) totals: Totals,
    /// Jobs and requests that the next start goes on with.
    pub(super) open: usize,
    /// Why it could not go on.
    pub(super) fatal: Option<anyhow::Error>,
    pub(super) is_stopped: bool,
}

/// What happened next in a run.
enum Happened {
    Stop,
    Found(anyhow::Result<Option<FoundEntry>>),
    Sent(SendEnd),
    Collected(CollectEnd),
    Round(Result<Round, Fault>),
    RoundDue,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        context: &'a Context,
        stop: &'a StopSignal,
        state: &'a mut State,
        max_open: usize,
        progress: ProgressLine,
    ) -> Self {
        let mut run = Self {
            context,
            stop,
            state,
            max_open,
            totals: Totals::new(),
            progress,
            unsent: VecDeque::new(),
            to_repeat: BTreeSet::new(),
            open: BTreeMap::new(),
            ended: VecDeque::new(),
            sends: FuturesUnordered::new(),
            collects: FuturesUnordered::new(),
            round: None,
            rounds: 0,
            interval: Interval::new(),
            next_round: Instant::now(),
            unanswered: 0,
            fatal: None,
        };
        run.adopt();
        run
    }

    /// Takes over what an earlier start left.
    fn adopt(&mut self) {
        for (entry, progress) in &self.state.entries {
            match progress {
                Progress::Sending(sending) => self.unsent.push_back((*entry, Sending::clone(sending))),
                Progress::Accepted(open) => {
                    self.open.insert(open.job, (OpenJob::clone(open), Instant::now()));
                }
                Progress::Again { .. } => {
                    self.to_repeat.insert(*entry);
                }
                Progress::Done | Progress::Failed { .. } => {}
            }
        }
    }

    /// Runs to the end, or until the user stops it.
    pub(super) async fn finish(mut self, mut entries: Entries) -> RunEnd {
        let mut source_has_more = true;
        loop {
            self.begin_collecting();
            self.repeat_unsent();
            let is_going = self.fatal.is_none() && !self.stop.is_requested();
            let wants_entry = is_going && source_has_more && self.unsent.is_empty() && self.has_room();
            if !is_going {
                // Calls in progress end soon: no wait outlives a stop.
                self.round = None;
            }
            let is_waiting = !self.sends.is_empty() || !self.collects.is_empty() || self.round.is_some();
            let watches = is_going && !self.open.is_empty() && self.round.is_none();
            if !is_waiting && !wants_entry && !watches {
                break;
            }
            let happened = tokio::select! {
                biased;
                Some(end) = self.collects.next(), if !self.collects.is_empty() => Happened::Collected(end),
                Some(end) = self.sends.next(), if !self.sends.is_empty() => Happened::Sent(end),
                round = next_of(&mut self.round), if self.round.is_some() => Happened::Round(round),
                () = self.stop.requested(), if is_going => Happened::Stop,
                () = sleep_until(self.next_round), if watches => Happened::RoundDue,
                found = next_entry(&mut entries), if wants_entry => Happened::Found(found),
            };
            if matches!(happened, Happened::Found(Ok(None))) {
                source_has_more = false;
            }
            self.handle(happened);
            self.progress.show(&self.totals, self.open.len());
        }
        if !source_has_more && self.fatal.is_none() && !self.stop.is_requested() {
            self.fail_vanished().await;
        }
        self.progress.finish();
        let open = self.open.len() + self.ended.len() + self.unsent.len();
        RunEnd { totals: self.totals, open, fatal: self.fatal, is_stopped: self.stop.is_requested() }
    }

    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Stop => {
                self.context.calls.give_up();
                self.progress.note("stopping; a second Ctrl-C stops at once");
            }
            Happened::Found(Ok(None)) => {}
            Happened::Found(Ok(Some(found))) => self.begin_sending(found.entry),
            Happened::Found(Err(error)) => self.give_up(error),
            Happened::Sent(end) => self.sent(end),
            Happened::Collected(end) => self.collected(end),
            Happened::RoundDue => {
                let jobs = self.open.values().map(|(open, since)| Watched { job: open.job, since: *since }).collect();
                self.rounds += 1;
                self.round = Some(Box::pin(watch::round(self.context, jobs, self.rounds)));
            }
            Happened::Round(Ok(round)) => {
                self.next_round = Instant::now() + self.interval.after(&round);
                self.sort_out(round);
            }
            Happened::Round(Err(fault)) => self.stop_for(fault),
        }
    }

    /// Whether another job may be opened.
    fn has_room(&self) -> bool {
        let open = self.open.len() + self.ended.len() + self.collects.len() + self.sends.len();
        self.sends.len() < MAX_SENDS && open < self.max_open
    }

    fn repeat_unsent(&mut self) {
        while self.fatal.is_none() && !self.stop.is_requested() && self.has_room() {
            let Some((entry, sending)) = self.unsent.pop_front() else { return };
            self.sends.push(Box::pin(send_again(self.context, entry, sending)));
        }
    }

    fn begin_sending(&mut self, entry: Entry) {
        let attempt = match self.state.entries.get(&entry.id) {
            None => 1,
            Some(Progress::Again { attempt, .. }) => *attempt,
            Some(Progress::Done) => {
                self.totals.skipped += 1;
                return;
            }
            Some(Progress::Failed { .. }) => {
                self.totals.failed_before += 1;
                return;
            }
            // Adopted at the start.
            Some(Progress::Sending(_) | Progress::Accepted(_)) => return,
        };
        self.to_repeat.remove(&entry.id);
        self.sends.push(Box::pin(send(self.context, entry, attempt)));
    }

    fn sent(&mut self, end: SendEnd) {
        if !matches!(end, SendEnd::Unanswered(_) | SendEnd::Stopped) {
            self.unanswered = 0;
        }
        match end {
            SendEnd::Accepted(open) => {
                self.open.insert(open.job, (open, Instant::now()));
            }
            SendEnd::Failed(code) => self.totals.fail(&code),
            SendEnd::Unanswered(message) => self.note_unanswered(message),
            SendEnd::Stopped => {}
            SendEnd::Fatal(error) => self.give_up(error),
        }
    }

    fn begin_collecting(&mut self) {
        while self.collects.len() < MAX_COLLECTS && self.fatal.is_none() && !self.stop.is_requested() {
            let Some((open, verdict)) = self.ended.pop_front() else { return };
            self.collects.push(Box::pin(collect(self.context, open, verdict)));
        }
    }

    fn collected(&mut self, end: CollectEnd) {
        match end {
            CollectEnd::Done { bytes } => {
                self.totals.done += 1;
                self.totals.bytes += bytes;
            }
            CollectEnd::Failed(code) => self.totals.fail(&code),
            CollectEnd::Pending(open) => {
                self.open.insert(open.job, (open, Instant::now()));
            }
            CollectEnd::Held => self.totals.held += 1,
            CollectEnd::Unanswered(message) => self.note_unanswered(message),
            CollectEnd::Stopped => {}
            CollectEnd::Fatal(error) => self.give_up(error),
        }
    }

    fn sort_out(&mut self, round: Round) {
        for (job, verdict) in round.ended {
            if let Some((open, _)) = self.open.remove(&job) {
                self.ended.push_back((open, verdict));
            }
        }
        for job in round.held {
            self.totals.held += u64::from(self.open.remove(&job).is_some());
        }
    }

    fn note_unanswered(&mut self, message: String) {
        self.unanswered += 1;
        if self.unanswered >= MAX_UNANSWERED {
            self.stop_for(Fault::Unanswered(message));
        }
    }

    fn stop_for(&mut self, fault: Fault) {
        match fault {
            Fault::Stopped => {}
            Fault::Fatal(message) | Fault::Refused { message, .. } => self.give_up(anyhow::anyhow!(message)),
            Fault::Unanswered(message) => {
                self.give_up(anyhow::anyhow!("the API does not answer: {message}; check --url (CUTLINE_URL)"));
            }
        }
    }

    /// Stops. The first reason is the one to report.
    fn give_up(&mut self, error: anyhow::Error) {
        self.context.calls.give_up();
        self.fatal.get_or_insert(error);
    }

    /// Entries that were to be sent again, and that the source no longer has.
    async fn fail_vanished(&mut self) {
        for entry in std::mem::take(&mut self.to_repeat) {
            let Some(Progress::Again { attempt, label }) = self.state.entries.get(&entry).cloned() else { continue };
            let (code, message) = (Code::Unreadable.into(), "the source no longer has this picture".to_owned());
            let failed = Failed { attempt, label: *label, job: None, code, message };
            self.totals.fail(&failed.code);
            if let Err(error) = self.context.note(entry, Step::Failed(failed.clone())).await {
                self.give_up(error.into());
                return;
            }
            self.state.apply(Event { entry, step: Step::Failed(failed) });
        }
    }
}

async fn next_entry(entries: &mut Entries) -> anyhow::Result<Option<FoundEntry>> {
    let Some(found) = entries.next().await? else { return Ok(None) };
    // The survey found no fault, so the source has changed since.
    found.map(Some).map_err(|fault| anyhow::anyhow!("the source changed: line {}: {}", fault.line, fault.message))
}

async fn next_of<T>(task: &mut Option<Task<'_, T>>) -> T {
    match task {
        Some(running) => {
            let value = running.await;
            *task = None;
            value
        }
        None => std::future::pending().await,
    }
}
