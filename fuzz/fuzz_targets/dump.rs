//! Any text is read to its end as a log with goroutine dumps, in memory in proportion to its size.

#![no_main]

use gotrace::dump::{Dump, DumpGroupBy, DumpGroupOrder, DumpReader, DumpReport, DumpReportOptions, Dumps};
use gotrace_fuzz::choice;
use gotrace_fuzz::chunked::{Chunked, ReadSizes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return;
    }
    let log = Dumps::from_slice(bytes).expect("plain text can be read");
    let seed = choice(bytes);
    let pieces = if seed.is_multiple_of(2) { ReadSizes::Bytes } else { ReadSizes::Random(seed) };
    assert_eq!(Dumps::from_reader(Chunked::new(bytes, pieces)).expect("memory can be read"), log);
    check_lines(bytes, &log);
    log.dumps.iter().for_each(check_dump);
    let texts: usize = log.dumps.iter().map(text_size).sum();
    // An invalid byte becomes a character of three bytes.
    assert!(texts <= 3 * bytes.len() + log.dumps.len(), "{texts} bytes of text from {}", bytes.len());
    check_reports(&log.dumps);
    let mut reader = DumpReader::from_slice(bytes);
    while reader.next_dump().expect("memory can be read").is_some() {}
    assert_eq!(reader.lines(), log.lines);
});

/// Each line is counted once, and each goroutine and frame has lines.
fn check_lines(bytes: &[u8], log: &Dumps) {
    let lines = bytes.split(|byte| *byte == b'\n').count() - usize::from(bytes.is_empty() || bytes.ends_with(b"\n"));
    assert_eq!(log.lines.total(), lines as u64);
    let goroutines = log.dumps.iter().flat_map(|dump| &dump.goroutines);
    let parts = goroutines.map(|one| {
        let frames = one.stack.iter().map(|frame| if frame.func == "non-Go function" { 1 } else { 2 }).sum::<usize>();
        1 + frames + one.ancestors.len() + if one.created_by.is_some() { 2 } else { 0 }
    });
    assert!(parts.sum::<usize>() as u64 <= log.lines.goroutines);
}

fn check_dump(dump: &Dump) {
    assert!(!dump.goroutines.is_empty() && dump.line > 0);
    let mut ids: Vec<u64> = dump.goroutines.iter().map(|goroutine| goroutine.id.0).collect();
    ids.sort_unstable();
    assert!(ids.is_sorted_by(|a, b| a < b) && ids[0] > 0, "no ID is repeated");
    for goroutine in &dump.goroutines {
        assert!(goroutine.line >= dump.line);
        assert!(goroutine.elided.is_none_or(|elided| elided.index <= goroutine.stack.len()));
        assert!(goroutine.wait.is_none_or(|wait| wait.as_secs() % 60 == 0 || wait.as_secs() == u64::MAX));
        assert!(goroutine.start().is_none() || goroutine.place().is_some());
    }
}

/// The number of bytes of all texts of a dump.
fn text_size(dump: &Dump) -> usize {
    let goroutines = dump.goroutines.iter().map(|goroutine| {
        let by = goroutine.created_by.iter().map(|by| &by.frame);
        let frames = goroutine.stack.iter().chain(by).map(|frame| {
            // The runtime prints this function as `panic`.
            let func = if frame.func == "runtime.gopanic" { "panic" } else { &frame.func };
            func.len() + frame.file.len()
        });
        let labels = goroutine.labels.iter().map(|(key, value)| key.len() + value.len());
        goroutine.state.len() + frames.sum::<usize>() + labels.sum::<usize>()
    });
    dump.crash.as_ref().map_or(0, String::len) + goroutines.sum::<usize>()
}

/// The groups of a report contain each goroutine once.
fn check_reports(dumps: &[Dump]) {
    let by = [DumpGroupBy::Start, DumpGroupBy::Name, DumpGroupBy::Place, DumpGroupBy::Creator, DumpGroupBy::Label];
    for by in by {
        let options = DumpReportOptions::default().by(by);
        let report = DumpReport::new(dumps, &options.clone().order(DumpGroupOrder::Growth));
        assert_eq!(report.group_count, report.groups.len() as u64);
        for (index, dump) in report.dumps.iter().enumerate() {
            let sum: u64 = report.groups.iter().map(|group| group.counts[index]).sum();
            assert_eq!(sum, dump.goroutine_count);
        }
        for group in &report.groups {
            assert_eq!(group.count, group.counts.last().copied().unwrap_or(0));
            assert_eq!(group.states.iter().map(|state| state.count).sum::<u64>(), group.count);
        }
        if let Some(first) = report.groups.first() {
            let one = DumpReport::new(dumps, &options.group(&first.name));
            let members: usize = one.groups[0].stacks.iter().map(|stack| stack.goroutines.len()).sum();
            assert_eq!(members as u64, first.count);
        }
    }
}
