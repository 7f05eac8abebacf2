//! Checks at compile time which types are `Send`, `Sync` and `Clone`.

use gotrace::analysis::allocations::{Allocations, AllocationsReport, AllocationsSummary};
use gotrace::analysis::blocking::{BlockingOptions, BlockingReport};
use gotrace::analysis::compare::{Comparison, Metrics, MetricsReport, Threshold, ThresholdError};
use gotrace::analysis::gc::{GcOptions, GcReport};
use gotrace::analysis::latency::{Latency, LatencyReport};
use gotrace::analysis::mmu::{Mmu, MmuOptions, MmuReport};
use gotrace::analysis::procs::{Procs, ProcsReport};
use gotrace::analysis::profile::{ProfileOptions, Profiler, StackProfile};
use gotrace::analysis::summary::{Summary, SummaryReport};
use gotrace::analysis::tasks::{LogMatch, LogQuery, SlowestReport, TasksReport};
use gotrace::analysis::threads::ThreadsReport;
use gotrace::analysis::{Histogram, OwnedFrame};
use gotrace::diagnose::{Finding, Inputs, Options, TraceEvidence, TraceObserver, Verdict};
use gotrace::gctrace::{Cycle, Log, LogReader, LogReport};
use gotrace::pprof::{Growth, Profile, ProfileBuilder, ProfileError, Report};
use gotrace::raw::{RawBatch, RawEvent, RawReader};
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::timeline::{GcCycle, Goroutine, Matches, Moment, Proc, Query, Span, StackTrace, Task, Thread, Totals};
use gotrace::trend::{Shape, ShapeOptions, Trend};
use gotrace::{
    Account, Error, ErrorKind, Event, EventKind, Frame, GoId, Limits, Location, ProcId, Reader, ReaderBuilder, Stack,
    TaskId, Text, ThreadId, Time, Timeline, Version, WallTime, Warning,
};

fn send<T: Send>() {}

fn send_sync<T: Send + Sync>() {}

fn send_sync_clone<T: Send + Sync + Clone>() {}

macro_rules! each {
    ($check:ident: $($type:ty),* $(,)?) => {
        $($check::<$type>();)*
    };
}

/// Readers contain a source of bytes, which need not be `Sync`.
#[test]
fn readers_are_send() {
    each!(send: Reader<'_>, RawReader<'_>, LogReader<'_>, gotrace::raw_v1::RawReader<'_>);
    each!(send_sync_clone: ReaderBuilder, Limits);
}

#[test]
fn errors_are_send_and_sync() {
    each!(send_sync: Error, ErrorKind, ProfileError, ThresholdError);
    each!(send_sync_clone: Location, Warning, Account<'_>);
}

#[test]
fn values_are_send_sync_and_clone() {
    each!(send_sync_clone: GoId, ProcId, ThreadId, TaskId, Time, WallTime, Version, OwnedFrame);
    each!(send_sync_clone: EventKind<'_>, Frame<'_>, Stack<'_>, Text<'_>);
    each!(send_sync: Event<'_>, RawBatch<'_>, RawEvent<'_>);
}

/// Threads can query a timeline at the same time. It is large, so it is not `Clone`: use an `Arc`.
#[test]
fn timelines_are_send_and_sync() {
    each!(send_sync: Timeline);
    each!(send_sync_clone: Goroutine<'_>, Span<'_>, StackTrace<'_>, Proc<'_>, Thread<'_>, Task<'_>, GcCycle<'_>);
    each!(send_sync_clone: Query<'_>, Moment<'_>, Totals<'_>);
    each!(send: Matches<'_>);
}

#[test]
fn observers_are_send() {
    each!(send: Allocations, Latency, Metrics, Mmu, Procs, Profiler, Summary, TraceObserver);
}

#[test]
fn reports_and_options_are_send_sync_and_clone() {
    each!(send_sync_clone: AllocationsSummary, BlockingReport, Comparison, GcReport, Histogram, LatencyReport);
    each!(send_sync_clone: MetricsReport, MmuReport, ProcsReport, SummaryReport, TasksReport);
    each!(send_sync_clone: LogMatch, SlowestReport, ThreadsReport);
    each!(send_sync_clone: BlockingOptions, GcOptions, LogQuery, MmuOptions, ProfileOptions, ShapeOptions, Threshold);
    each!(send_sync_clone: Shape, Trend);
    // These can be large, so they are not `Clone`.
    each!(send_sync: AllocationsReport, StackProfile);
}

#[test]
fn profiles_logs_and_verdicts_are_send_and_sync() {
    each!(send_sync_clone: Growth, Report, Log, LogReport, Cycle, Finding, Verdict, Options);
    each!(send_sync: Profile<'_>, ProfileBuilder<2>, Inputs, TraceEvidence);
}

#[test]
fn synthetic_traces_are_send_and_sync() {
    each!(send_sync_clone: Batch, Generation);
    each!(send_sync: Trace);
}
