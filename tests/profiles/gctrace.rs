//! GC logs: real logs of Go 1.19 to 1.27 (`testdata/gctrace`), whose values are compared with
//! `runtime.MemStats`, single lines of older versions, and damaged logs.

use std::fs;
use std::io::{self, Read};
use std::time::Duration;

use gotrace::gctrace::{
    Clock, Cpu, Cycle, LimitForecast, LineKind, Log, LogLimits, LogReader, LogReport, LogReportOptions, MAX_LINE,
    Pressure, RuntimeLine, most_assist, slowest_marking,
};
use gotrace::trend::{Shape, ShapeOptions, Trend};
use gotrace_tests::corpus::testdata;
use gotrace_tests::pieces::Pieces;

const MIB: u64 = 1 << 20;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Returns the cycle after applying `change`.
fn changed(mut cycle: Cycle, change: impl FnOnce(&mut Cycle)) -> Cycle {
    change(&mut cycle);
    cycle
}

/// The name and bytes of each log in testdata.
fn logs() -> Vec<(String, Vec<u8>)> {
    let folder = testdata().join("gctrace/logs");
    let mut logs: Vec<_> = fs::read_dir(folder)
        .expect("the folder of logs")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(path).expect("a log"))
        })
        .collect();
    logs.sort();
    assert_eq!(logs.len(), 8 * 5, "logs of five programs and eight versions");
    logs
}

fn kind(line: &str) -> LineKind {
    LineKind::of(line.as_bytes())
}

fn cycle(line: &str) -> Cycle {
    match kind(line) {
        LineKind::Cycle(cycle) => cycle,
        other => panic!("{other:?}: {line}"),
    }
}

/// The value of a key in a line `check a=1 b=2`.
fn value<T: std::str::FromStr>(check: &str, key: &str) -> T {
    let field = check.split(' ').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
    field.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {key} in {check}"))
}

/// The program forces a GC, reads `runtime.MemStats` and prints a line that starts with `check`.
#[test]
fn forced_gc_cycles_agree_with_memstats() {
    let mut checks = 0;
    for (name, bytes) in logs() {
        let cycles = Log::from_slice(&bytes).expect("a log").cycles;
        let text = String::from_utf8(bytes).expect("text");
        for check in text.lines().filter(|line| line.starts_with("check ")) {
            let n: u32 = value(check, "n");
            // The line of the cycle may be damaged by output of the program.
            let Some(at) = cycles.iter().position(|cycle| cycle.n == n) else { continue };
            let cycle = &cycles[at];
            checks += 1;
            assert!(cycle.forced, "{name}: {check}");
            assert_eq!(cycle.procs, value::<u32>(check, "procs"), "{name}: {check}");
            let next_gc: u64 = value(check, "next_gc");
            // With GOGC=off the goal is derived from the largest possible memory limit.
            let goal = if next_gc > u64::MAX / 4 { None } else { Some(next_gc / MIB * MIB) };
            assert_eq!(cycle.goal, goal, "{name}: {check}");
            let percent = value::<f64>(check, "gc_cpu_fraction") * 100.0;
            assert_eq!(cycle.gc_cpu_percent, percent as u32, "{name}: {check}");
            // The log counts marked bytes. MemStats also counts objects that were allocated after
            // marking, and objects that are not swept yet.
            let after: u64 = value(check, "heap_after");
            assert!(after.abs_diff(cycle.heap_live) <= 2 * MIB, "{name}: {check} {cycle:?}");
            let before: u64 = value(check, "heap_before");
            assert!(before.abs_diff(cycle.heap_start) <= 2 * MIB, "{name}: {check} {cycle:?}");
            // MemStats measures the pauses at slightly different moments, and the log rounds.
            let pause: u64 = value(check, "pause_ns");
            let logged = cycle.clock.pause().as_nanos() as u64;
            assert!(pause.abs_diff(logged) < 60_000 + pause / 5, "{name}: {check} {cycle:?}");
            let forced = cycles[..=at].iter().filter(|cycle| cycle.forced).count() as u32;
            let damaged = n as usize - (at + 1);
            assert!(value::<u32>(check, "forced") - forced <= damaged as u32, "{name}: {check}");
        }
    }
    assert!(checks > 300, "{checks} checks");
}

#[test]
fn every_line_of_real_logs_is_counted_once() {
    for (name, bytes) in logs() {
        let log = Log::from_slice(&bytes).expect("a log");
        let text = String::from_utf8(bytes).expect("text");
        // If output of the program interrupts the line of a cycle, both parts are damaged.
        let starts = text.lines().filter(|line| line.starts_with("gc ") && line.contains(" @")).count();
        let whole = |line: &&str| line.starts_with("gc ") && (line.ends_with(" P") || line.ends_with(" P (forced)"));
        assert_eq!(log.cycles.len(), text.lines().filter(whole).count(), "{name}");
        let cut = starts - log.cycles.len();
        assert!(log.skipped.damaged as usize >= cut, "{name}: {:?}", log.skipped);
        assert_eq!(log.skipped.total() as usize + log.cycles.len(), text.lines().count(), "{name}");
        let runs = log.runs();
        assert_eq!(runs.len(), 1, "{name}");
        assert_eq!(runs[0].cycles, log.cycles);
        assert_eq!(runs[0].missing() as usize, cut, "{name}");
        let leak_checks = log.cycles.iter().filter(|cycle| cycle.leak_check).count();
        assert!(leak_checks >= usize::from(text.contains("looked for leaks")), "{name}");
        if name.ends_with("mixed") {
            assert!(log.skipped.runtime > 10 && log.skipped.other > 5, "{name}: {:?}", log.skipped);
        } else {
            assert_eq!(log.skipped.runtime, 0, "{name}");
            assert_eq!(log.skipped.damaged, 0, "{name}");
        }
    }
}

/// Each log is named after the expected shape of its heap.
#[test]
fn shapes_of_real_logs_are_classified() {
    for (name, bytes) in logs() {
        let cycles = Log::from_slice(&bytes).expect("a log").cycles;
        let at: Vec<f64> = cycles.iter().map(|cycle| cycle.start.as_nanos() as f64).collect();
        let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
        let shape = Shape::of(&at, &live, &ShapeOptions::default());
        match name.split_once('-').expect("version and program").1 {
            "leak" => {
                assert_eq!(shape, Shape::Rising, "{name}");
                let trend = Trend::of(&at, &live, 0.95).expect("a trend");
                assert!(trend.rises(1e-6), "{name}: {trend:?}");
                // The program leaks 200 kB in each step of slightly more than 2 ms.
                let per_second = trend.theil_sen.slope * 1e9 / MIB as f64;
                assert!((10.0..100.0).contains(&per_second), "{name}: {per_second} MiB/s");
            }
            "cache" => assert!(matches!(shape, Shape::Plateau { .. }), "{name}: {shape:?}"),
            "batch" => assert!(matches!(shape, Shape::Sawtooth { rises: false, .. }), "{name}: {shape:?}"),
            "steady" => assert!(matches!(shape, Shape::Flat { .. }), "{name}: {shape:?}"),
            _ => {}
        }
    }
}

/// Lines of older versions. `Issue N` is the issue in Go's tracker that contains the line. The
/// other lines follow the format in `src/runtime/mgc.go` of the version.
#[test]
fn lines_of_all_go_versions_are_parsed() {
    // Issue 14812, Go 1.9. The format is the same from Go 1.6 to 1.17.
    let go_1_9 = "gc 294 @262.345s 3%: 0.078+108+0.18 ms clock, 0.63+214/217/13+1.4 ms cpu, 401->411->211 MB, \
                  420 MB goal, 8 P";
    let expected = cycle(go_1_9);
    assert_eq!((expected.n, expected.start, expected.gc_cpu_percent), (294, millis(262_345), 3));
    let clock = Clock { sweep_term: micros(78), mark: millis(108), mark_term: micros(180) };
    assert_eq!(expected.clock, clock);
    let cpu = Cpu {
        sweep_term: micros(630),
        assist: millis(214),
        background: millis(217),
        idle: millis(13),
        mark_term: micros(1_400),
    };
    assert_eq!(expected.cpu, cpu);
    let heap = (expected.heap_start, expected.heap_end, expected.heap_live, expected.goal);
    assert_eq!(heap, (401 * MIB, 411 * MIB, 211 * MIB, Some(420 * MIB)));
    assert_eq!((expected.stacks, expected.globals, expected.procs), (None, None, 8));
    assert!(!expected.forced && !expected.leak_check);
    assert_eq!((expected.end(), expected.clock.pause()), (micros(262_345_000 + 108_258), micros(258)));
    assert_eq!((expected.cpu.mark(), expected.cpu.taken()), (millis(444), micros(433_030)));

    // Go 1.5, src/runtime/mgc.go: five phases. Scanning and installing write barriers count as marking.
    let go_1_5 = cycle(
        "gc 7 @0.062s 5%: 0.044+1.0+0.017+2.3+0.23 ms clock, 0.044+1.0+0.5+0.46/2.0/0.1+0.24 ms cpu, \
         4->12->3 MB, 8 MB goal, 4 P",
    );
    let clock = Clock { sweep_term: micros(44), mark: micros(3_317), mark_term: micros(230) };
    assert_eq!((go_1_5.n, go_1_5.clock), (7, clock));
    let cpu = Cpu {
        sweep_term: micros(44),
        assist: micros(460),
        background: micros(3_500),
        idle: micros(100),
        mark_term: micros(240),
    };
    assert_eq!(go_1_5.cpu, cpu);
    assert_eq!((go_1_5.heap_live, go_1_5.goal, go_1_5.procs), (3 * MIB, Some(8 * MIB), 4));

    // Issue 22439, Go 1.10 on Windows, whose clock has a resolution of a millisecond or more.
    let windows = cycle("gc 280 @1.195s 0%: 0+0+0 ms clock, 0+0/0/0+0 ms cpu, 11->11->6 MB, 12 MB goal, 4 P");
    assert_eq!((windows.clock, windows.cpu), (Clock::default(), Cpu::default()));
    // A forced cycle, as src/runtime/mgc.go of Go 1.10 to 1.17 prints it (issue 36374).
    let forced = cycle(&(go_1_9.to_owned() + " (forced)"));
    assert_eq!(forced, changed(expected, |cycle| cycle.forced = true));
    // Issue 44554, Go 1.16, with a date that a log collector added.
    let dated = cycle(
        "Feb 26 14:00:33.280 gc 52 @1813.213s 0%: 0.14+53+0.031 ms clock, 1.1+19/55/79+0.24 ms cpu, \
         425->441->137 MB, 438 MB goal, 8 P",
    );
    assert_eq!((dated.n, dated.start, dated.heap_live), (52, millis(1_813_213), 137 * MIB));
    // GOGC=off: 2⁶⁴ − 1 bytes until Go 1.18, and since then a goal derived from a limit of 2⁶³ − 1.
    for goal in ["17592186044415", "8532210231537"] {
        let off = cycle(&go_1_9.replace("420 MB goal", &format!("{goal} MB goal")));
        assert_eq!(off, changed(expected, |cycle| cycle.goal = None));
    }

    // Issue 54649, Go 1.19, with stacks and globals.
    let go_1_19 = "gc 1 @0.016s 19%: 0.053+36+0.016 ms clock, 0.21+36/4.9/39+0.066 ms cpu, 3->3->3 MB, 4 MB goal, \
                   66 MB stacks, 0 MB globals, 4 P";
    let stacks = cycle(go_1_19);
    assert_eq!((stacks.stacks, stacks.globals, stacks.procs), (Some(66 * MIB), Some(0), 4));
    assert_eq!((stacks.gc_cpu_percent, stacks.marked()), (19, 69 * MIB));
    // Issue 52515, Go 1.19 in development.
    let forced = cycle(
        "gc 2 @0.367s 18%: 0.037+111+0.002 ms clock, 0.29+0/223/658+0.018 ms cpu, 1525->1525->1525 MB, 3052 MB goal, \
         0 MB stacks, 0 MB globals, 8 P (forced)",
    );
    assert!(forced.forced && forced.goal == Some(3052 * MIB));

    // Go 1.26, src/runtime/mgc.go.
    let checking = cycle(&go_1_19.replace("19%:", "19% (checking for goroutine leaks):"));
    assert_eq!(checking, changed(stacks, |cycle| cycle.leak_check = true));
}

/// Log collectors add prefixes or suffixes, or wrap the line in JSON.
#[test]
fn lines_inside_other_log_formats_are_parsed() {
    let line =
        "gc 52 @1.213s 0%: 0.14+53+0.031 ms clock, 1.1+19/55/79+0.24 ms cpu, 4->5->3 MB, 6 MB goal, 8 P (forced)";
    let plain = cycle(line);
    for wrapped in [
        format!("2026-11-25T15:00:00.123456789Z stderr F {line}"),
        format!("web-1  | {line}  "),
        format!("{line}\r"),
        format!("{{\"log\":\"{}\\n\",\"stream\":\"stderr\"}}", line.replace('>', "\\u003e")),
        format!("{{\"msg\":\"{line}\"}}"),
        format!("100%{line}"),
    ] {
        assert_eq!(cycle(&wrapped), plain, "{wrapped}");
    }
}

#[test]
fn other_lines_of_the_runtime_are_recognized() {
    use RuntimeLine::{CycleBeforeGo15, ForcedGc, Pacer, ScanStats, Scavenger};
    for (line, expected) in [
        // Issue 15212, Go 1.6, and src/runtime/mheap.go of Go 1.10.
        ("scvg1: inuse: 0, idle: 0, sys: 1, released: 0, consumed: 0 (MB)", Scavenger),
        ("scvg-1: 5 MB released", Scavenger),
        // Go 1.13, src/runtime/mgcscavenge.go and mheap.go.
        ("scvg: inuse: 5, idle: 2, sys: 7, released: 2, consumed: 5 (MB)", Scavenger),
        ("forced scvg: 1005 MB released", Scavenger),
        // Go 1.27, src/runtime/mgcscavenge.go, proc.go, mgcpacer.go, mgcmark_greenteagc.go.
        ("scav 0 KiB work (bg), 0 KiB work (eager), 7560 KiB now, 99% util", Scavenger),
        ("GC forced", ForcedGc),
        ("pacer: assist ratio=2.34 (scan 0 MB in 5->5 MB) workers=0+0.25", Pacer),
        ("scan: total 23+42+0=65 objs, 9+0=9 spans", ScanStats),
        // Go 1.3, src/pkg/runtime/mgc0.c.
        ("gc2(1): 0+0+130+0 us, 0 -> 0 MB, 368 (369-1) objects, 12/0/0 sweeps", CycleBeforeGo15),
    ] {
        assert_eq!(kind(line), LineKind::Runtime(expected), "{line}");
    }
    for line in ["", "gc", "gc 1", "gc on", "gc x @1.000s", "hello", "gcc 12 @1", "12 gc @", "agc 1 @0.001s"] {
        assert_eq!(kind(line), LineKind::Other, "{line}");
    }
}

/// A line that is truncated, or has bytes inserted or changed, is not parsed as a cycle. Exception:
/// a line without its final `(forced)` is valid. Row 29 of `tests/decode/errors/faults.md`.
#[test]
fn row_29_damaged_lines_are_detected() {
    let line = "gc 14 @0.062s 3% (checking for goroutine leaks): 0.056+0.089+0.037 ms clock, 0.11+0/0.063/0.023+0.075 \
                ms cpu, 5->5->5 MB, 10 MB goal, 1 MB stacks, 2 MB globals, 2 P (forced)";
    let whole = cycle(line);
    for at in 1..line.len() {
        let (head, tail) = line.split_at(at);
        let found = kind(head);
        match head.trim_end().ends_with(" P") {
            // The line is complete without "(forced)".
            true => assert_eq!(found, LineKind::Cycle(changed(whole, |cycle| cycle.forced = false))),
            false => assert!(matches!(found, LineKind::Damaged | LineKind::Other), "{head}"),
        }
        assert!(!matches!(kind(tail), LineKind::Cycle(_)), "{tail}");
        for inserted in ["2026/11/25 15:00:00 hello", "x", " ", "gc 15 @0.070s 3%: ", "\0", "+", "."] {
            let mixed = [head, inserted, tail].concat();
            assert!(!matches!(kind(&mixed), LineKind::Cycle(_)), "{mixed}");
        }
        let mut flipped = line.as_bytes().to_vec();
        flipped[at] ^= 0x80;
        assert!(!matches!(LineKind::of(&flipped), LineKind::Cycle(_)), "byte {at}");
    }
    // Numbers that are out of range or malformed.
    for (from, to) in [
        ("gc 14", "gc 4294967296"),
        ("@0.062s", "@18446744074.000s"),
        ("0.056+", "18446744073710+"),
        ("5->5->5", "17592186044416->5->5"),
        ("10 MB goal", "99999999999999999999 MB goal"),
        ("2 P", "4294967296 P"),
        ("0.056+", "0.+"),
        ("0.056+", "0.0000001+"),
        ("0.056+", "-1+"),
    ] {
        assert_eq!(kind(&line.replacen(from, to, 1)), LineKind::Damaged, "{to}");
    }
}

type Lines = Vec<(u64, u64, Vec<u8>, LineKind)>;

fn lines(mut reader: LogReader<'_>) -> Lines {
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().expect("reading from memory cannot fail") {
        lines.push((line.number, line.offset, line.bytes.to_vec(), line.kind));
    }
    lines
}

#[test]
fn lines_do_not_depend_on_read_sizes() {
    let mut log = logs().swap_remove(4).1;
    log.extend(b"\n\r\n");
    log.extend(vec![b'x'; MAX_LINE]);
    log.push(b'\n');
    log.extend(vec![b'x'; MAX_LINE + 1]);
    log.extend(b"\ngc 1 @0.1\n");
    log.extend(vec![b'x'; 5 * MAX_LINE]);
    log.push(b'\n');
    log.extend(logs().swap_remove(0).1);
    for tail in [&b""[..], b"no end", &vec![b'y'; 3 * MAX_LINE]] {
        let log = [&log, tail].concat();
        let whole = lines(LogReader::from_slice(&log));
        assert_eq!(whole.iter().filter(|line| line.3 == LineKind::TooLong).count(), 2 + usize::from(tail.len() > 99));
        assert_eq!(whole.iter().filter(|line| line.2.len() == MAX_LINE).count(), 1);
        for piece in [1, 7, 4096, MAX_LINE, MAX_LINE + 1, usize::MAX] {
            assert!(lines(LogReader::from_reader(Pieces::new(&log, &[piece]))) == whole, "pieces of {piece}");
        }
    }
}

#[test]
fn a_line_from_a_pipe_is_returned_as_soon_as_it_is_complete() {
    let (reader, mut writer) = io::pipe().expect("a pipe");
    let mut log = LogReader::from_reader(reader);
    for n in 1..=3u32 {
        let line = format!("gc {n} @0.00{n}s 0%: 0+1+0 ms clock, 0+0/1/0+0 ms cpu, 4->4->1 MB, 5 MB goal, 2 P\n");
        io::Write::write_all(&mut writer, line.as_bytes()).expect("room in the pipe");
        // The pipe is still open, so waiting for more would block forever.
        assert_eq!(log.next_cycle().expect("a log").expect("a cycle").n, n);
    }
    drop(writer);
    assert_eq!(log.next_cycle().expect("a log"), None);
}

#[test]
fn a_read_error_ends_the_log() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let line = b"gc 1 @0.001s 0%: 0+1+0 ms clock, 0+0/1/0+0 ms cpu, 4->4->1 MB, 5 MB goal, 2 P\nhalf";
    let mut log = Log::default();
    let error =
        log.fill(LogReader::from_reader(line.chain(Fails)), LogLimits::default()).expect_err("the source fails");
    assert_eq!(error.to_string(), format!("cannot read: gone at byte {}", line.len()));
    assert_eq!(log.cycles.len(), 1);
    let mut reader = LogReader::from_reader(Fails);
    assert!(reader.next_line().is_err());
    assert!(reader.next_line().expect("the reader is fused").is_none());
    assert!(LogReader::from_path("/no such file").is_err());
}

#[test]
fn cycles_over_the_limit_are_dropped_and_counted() {
    let line = "gc 1 @0.001s 0%: 0+1+0 ms clock, 0+0/1/0+0 ms cpu, 4->4->1 MB, 5 MB goal, 2 P\nhello\n".repeat(10);
    let mut log = Log::default();
    log.fill(LogReader::from_slice(line.as_bytes()), LogLimits::default().cycles(4))
        .expect("reading from memory cannot fail");
    assert_eq!((log.cycles.len(), log.dropped), (4, 6));
    assert_eq!((log.skipped.other, log.skipped.total()), (10, 10));
}

/// A GC cycle with this number and start in milliseconds.
fn at(n: u32, at: u64) -> Cycle {
    let line = "gc 1 @0.001s 0%: 0+1+0 ms clock, 0+0/1/0+0 ms cpu, 4->4->1 MB, 5 MB goal, 2 P";
    changed(cycle(line), |cycle| (cycle.n, cycle.start) = (n, millis(at)))
}

#[test]
fn cycles_of_several_processes_are_separated() {
    let runs = |cycles: &[Cycle]| -> Vec<Vec<(u32, u64)>> {
        let mut log = Log::default();
        log.cycles = cycles.to_vec();
        let of = |run: gotrace::gctrace::Run| {
            run.cycles.iter().map(|cycle| (cycle.n, cycle.start.as_millis() as u64)).collect()
        };
        log.runs().into_iter().map(of).collect()
    };
    // One after another.
    assert_eq!(runs(&[at(1, 5), at(2, 9), at(1, 4), at(2, 8)]), [[(1, 5), (2, 9)], [(1, 4), (2, 8)]]);
    // Two at the same time. The third line of the second process is lost.
    let both = [at(1, 5), at(1, 3), at(2, 9), at(2, 6), at(3, 12), at(4, 14), at(4, 20), at(5, 21)];
    assert_eq!(
        runs(&both),
        [[(1, 5), (2, 9), (3, 12), (4, 14)], [(1, 3), (2, 6), (4, 20), (5, 21)]],
        "a cycle that fits both processes belongs to the one that wrote last"
    );
    // The log starts in the middle, and a line is missing.
    let mut log = Log::default();
    log.cycles = vec![at(7, 5), at(9, 9)];
    let run = log.longest_run().expect("a run");
    assert_eq!((run.missing(), run.duration()), (1, millis(4)));
    assert_eq!(Log::default().longest_run(), None);
    // A cycle that starts before the previous cycle is from another process.
    assert_eq!(runs(&[at(7, 5), at(8, 4)]).len(), 2);
}

#[test]
fn gc_pressure_equals_values_computed_by_hand() {
    let line = |n: u32, at: &str| {
        cycle(&format!(
            "gc {n} @{at}s 5%: 1.0+4.0+1.0 ms clock, 2.0+1.0/2.0/5.0+2.0 ms cpu, 20->24->8 MB, 20 MB goal, \
             1 MB stacks, 1 MB globals, 2 P"
        ))
    };
    let cycles = [line(1, "1.000"), line(2, "1.100"), line(3, "1.200")];
    let pressure = Pressure::of(&cycles);
    assert_eq!((pressure.cycles, pressure.elapsed), (3, millis(200)));
    let close = |found: Option<f64>, expected: f64| {
        let found = found.expect("a value");
        assert!((found / expected - 1.0).abs() < 1e-12, "{found}, expected {expected}");
    };
    close(pressure.cycles_per_second, 10.0);
    // Two cycles of 2 + 1 + 2 + 2 ms of CPU time, in 200 ms on two Ps: 14 of 400 ms.
    close(pressure.gc_cpu_share, 7.0 / 200.0);
    // 3 times 2 ms, from 1 s to the end of the last cycle at 1.206 s.
    close(pressure.stopped_share, 6.0 / 206.0);
    assert_eq!((pressure.pause_max, pressure.pause_median, pressure.pause_total), (millis(2), millis(2), millis(6)));
    close(pressure.mark_bytes_per_ms, 10.0 * MIB as f64 / 4.0);
    close(pressure.mark_bytes_per_cpu_ms, 10.0 * MIB as f64 / 8.0);
    close(pressure.assist_share, 1.0 / 8.0);
    // 4 MiB during marking, and then from 8 to 20 MiB until the next cycle.
    close(pressure.allocated_bytes_per_second, 160.0 * MIB as f64);
    assert_eq!(pressure.assist_per_mib, Some(Duration::from_nanos(1_000_000 / 16)));

    assert_eq!(Pressure::of(&[]), Pressure::default());
    let one = Pressure::of(&cycles[..1]);
    assert_eq!((one.cycles, one.pause_max), (1, millis(2)));
    assert_eq!((one.cycles_per_second, one.gc_cpu_share, one.stopped_share), (None, None, None));
}

#[test]
fn periods_of_slow_marking_and_many_assists_are_found() {
    let usual =
        cycle("gc 1 @1.000s 5%: 1.0+10+1.0 ms clock, 2.0+1.0/9.0/0+2.0 ms cpu, 90->95->50 MB, 100 MB goal, 2 P");
    let slow = changed(usual, |cycle| {
        cycle.clock.mark = millis(50);
        (cycle.cpu.assist, cycle.cpu.background) = (millis(9), millis(1));
    });
    let small = changed(usual, |cycle| cycle.heap_live = MIB);
    let mut cycles = vec![usual; 100];
    cycles[60..70].fill(slow);
    // The heap is too small to measure the rate, so the cycle is skipped.
    cycles[65] = small;
    cycles[70] = slow;
    let collapse = slowest_marking(&cycles).expect("enough cycles");
    assert_eq!((collapse.first, collapse.last), (60, 70));
    assert_eq!((collapse.value, collapse.usual), (MIB as f64, 5.0 * MIB as f64));
    let surge = most_assist(&cycles).expect("enough cycles");
    assert!(surge.first >= 60 && surge.last <= 70);
    assert!((surge.value - 0.82).abs() < 0.01 && (surge.usual - 0.1).abs() < 1e-12, "{surge:?}");
    assert_eq!(slowest_marking(&cycles[..19]), None);
    assert_eq!(slowest_marking(&[small; 40]), None);
    assert_eq!(most_assist(&[]), None);
}

#[test]
fn a_report_contains_the_results_of_all_analyses() {
    let (_, bytes) = logs().into_iter().find(|(name, _)| name == "go1.27-leak").expect("the log is in testdata");
    let log = Log::from_slice(&bytes).expect("a log");
    let options = LogReportOptions::default().limit(1 << 40);
    let report = LogReport::new(&log, &options);
    let cycles = &log.cycles;
    assert_eq!((report.collections, report.run, report.cycles), (cycles.len() as u64, Some(0), None));
    assert_eq!(report.pressure, Some(Pressure::of(cycles)));
    assert_eq!(report.slowest_marking, slowest_marking(cycles));
    assert_eq!(report.most_assist, most_assist(cycles));
    let at: Vec<f64> = cycles.iter().map(|cycle| cycle.start.as_nanos() as f64).collect();
    let live: Vec<f64> = cycles.iter().map(|cycle| cycle.heap_live as f64).collect();
    let trend = Trend::of(&at, &live, 0.95).expect("a trend");
    let found = report.trend.expect("a trend");
    assert_eq!((found.slope_bytes_per_second, found.mann_kendall), (trend.theil_sen.slope * 1e9, trend.mann_kendall));
    let forecast = report.forecast.expect("a limit is given");
    let last = cycles.last().expect("the log has cycles").start;
    assert!(matches!(forecast.live_heap, Some(LimitForecast::Expected { at, .. }) if at > last), "{forecast:?}");
    let with_cycles = LogReport::new(&log, &options.cycles(true));
    assert_eq!(with_cycles.cycles.as_ref(), Some(cycles));
    assert_eq!(LogReport::new(&Log::default(), &options), LogReport::default());
}
