//! Reading any bytes never panics, and neither does any accessor of events, batches and errors.

#![no_main]

use std::fmt::Write;

use gotrace::raw::{RawBatch, RawReader};
use gotrace::{AllocFree, Error, Event, EventKind, Reader, Stack, Sync};
use gotrace_fuzz::budget::Budget;
use libfuzzer_sys::fuzz_target;

/// The maximum amount of text for one input.
const TEXT: usize = 32 << 10;

fuzz_target!(|bytes: &[u8]| {
    let mut budget = Budget::new(TEXT);
    if let Err(error) = read(bytes, &mut budget) {
        format_error(&error, &mut budget);
    }
    let mut budget = Budget::new(TEXT);
    if let Err(error) = scan(bytes, &mut budget) {
        format_error(&error, &mut budget);
    }
});

/// Reads events in order.
fn read(bytes: &[u8], budget: &mut Budget) -> Result<(), Error> {
    let mut reader = Reader::from_slice(bytes)?;
    format(budget, format_args!("{} {reader:?}", reader.version()));
    let mut last = None;
    let result = loop {
        match reader.next_event() {
            Ok(Some(event)) => {
                assert!(last < Some(event.time()), "times increase: {last:?}, {}", event.time());
                last = Some(event.time());
                format_event(&event, budget);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(matches!(reader.next_event(), Ok(None)), "the reader is fused");
    let (warnings, count) = reader.warnings();
    assert!(count >= warnings.len() as u64);
    for warning in warnings {
        format(budget, format_args!("{warning} {warning:?}"));
    }
    result
}

fn format_event(event: &Event<'_>, budget: &mut Budget) {
    let ids = (event.go(), event.proc(), event.thread());
    let kind = event.kind();
    if budget.is_spent() {
        return;
    }
    format(budget, format_args!("{event:?} {event} {ids:?} {}", kind.name()));
    event.write_text(budget).expect("writing to a budget cannot fail");
    event.stack().into_iter().for_each(|stack| format_stack(stack, budget));
    match kind {
        EventKind::Sync(sync) => format_sync(&sync, budget),
        EventKind::Metric(metric) => format(budget, format_args!("{} {}", metric.name(), metric.value())),
        EventKind::RangeBegin(range) | EventKind::RangeActive(range) | EventKind::RangeEnd(range) => {
            format(budget, format_args!("{} {:?} {:?}", range.name, range.scope, range.sweep));
        }
        EventKind::GoTransition(change) => {
            format(budget, format_args!("{} {}->{} {}", change.go, change.from, change.to, change.reason));
            change.stack.into_iter().for_each(|stack| format_stack(stack, budget));
        }
        EventKind::ProcTransition(change) => {
            format(budget, format_args!("{} {}->{}", change.proc, change.from, change.to));
        }
        EventKind::Log(log) => {
            format(budget, format_args!("{} {:?} {:?}", log.task, log.category.to_str(), log.message.to_str_lossy()));
        }
        EventKind::Experimental(event) => format_experimental(event, budget),
        _ => {}
    }
}

fn format_stack(stack: Stack<'_>, budget: &mut Budget) {
    let frames = stack.frames();
    assert_eq!(frames.len(), frames.clone().count(), "the length of the iterator is exact");
    for frame in frames {
        format(budget, format_args!("{} {:#x} {} {}:{}", stack.id(), frame.pc, frame.func, frame.file, frame.line));
    }
}

fn format_sync(sync: &Sync<'_>, budget: &mut Budget) {
    for batch in sync.experimental_batches() {
        format(budget, format_args!("{batch:?}"));
    }
    format(budget, format_args!("{:?} {:?}", sync.clock, sync.alloc_free_info()));
}

fn format_experimental(event: AllocFree, budget: &mut Budget) {
    if let AllocFree::Span(span) | AllocFree::SpanAlloc(span) = event {
        format(budget, format_args!("{:?} {:?}", span.size_class(), span.no_scan()));
    }
}

/// Reads batches and raw events in file order.
fn scan(bytes: &[u8], budget: &mut Budget) -> Result<(), Error> {
    let mut reader = RawReader::from_slice(bytes)?;
    format(budget, format_args!("{} {reader:?}", reader.version()));
    let mut end = reader.offset();
    let result = loop {
        match reader.next_batch() {
            Ok(Some(batch)) => {
                assert_eq!(batch.offset, end, "each batch starts at the end of the one before");
                end += batch.bytes().len() as u64;
                if let Err(error) = scan_batch(&batch, budget) {
                    format_error(&error, budget);
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(matches!(reader.next_batch(), Ok(None)), "the reader is fused");
    assert!(result.is_err() || end == bytes.len() as u64, "all bytes of a valid trace belong to batches");
    result
}

fn scan_batch(batch: &RawBatch<'_>, budget: &mut Budget) -> Result<(), Error> {
    assert!(batch.bytes().ends_with(batch.body()));
    let mut end = batch.offset;
    let mut events = batch.events();
    let result = loop {
        match events.next_event() {
            Ok(Some(event)) => {
                assert_eq!(event.offset(), end, "each event starts at the end of the one before");
                end += event.bytes().len() as u64;
                assert!(
                    event.encoded_size() <= event.bytes().len(),
                    "the shortest encoding is not longer than the actual one"
                );
                assert_eq!(
                    event.args().len(),
                    event.event().spec().args.len(),
                    "the number of arguments is that of the specification"
                );
                if !budget.is_spent() {
                    event.write_text(budget).expect("writing to a budget cannot fail");
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(matches!(events.next_event(), Ok(None)), "the iterator is fused");
    assert!(
        result.is_err() || end == batch.offset + batch.bytes().len() as u64,
        "all bytes of a valid batch belong to events"
    );
    result
}

fn format_error(error: &Error, budget: &mut Budget) {
    let text = error.to_string();
    assert!(!text.contains('\n'), "an error is one line: {text}");
    format(budget, format_args!("{text} {error:?}"));
}

fn format(budget: &mut Budget, text: std::fmt::Arguments<'_>) {
    if !budget.is_spent() {
        budget.write_fmt(text).expect("writing to a budget cannot fail");
    }
}
