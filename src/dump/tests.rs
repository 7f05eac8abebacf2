use std::time::Duration;

use super::*;
use crate::event::OwnedFrame;
use crate::id::GoId;

fn read(text: &str) -> Dumps {
    let log = Dumps::from_slice(text.as_bytes()).expect("text can be read");
    assert_eq!(log.lines.total(), text.lines().count() as u64, "each line is counted once");
    log
}

/// The only goroutine of a log.
fn goroutine(text: &str) -> DumpGoroutine {
    let mut log = read(text);
    assert_eq!(log.dumps.len(), 1, "{text}");
    assert_eq!(log.dumps[0].goroutines.len(), 1, "{text}");
    log.dumps.remove(0).goroutines.remove(0)
}

fn frame(func: &str, file: &str, line: u64) -> OwnedFrame {
    OwnedFrame { pc: 0, func: func.to_owned(), file: file.to_owned(), line }
}

fn ids(dump: &Dump) -> Vec<u64> {
    dump.goroutines.iter().map(|goroutine| goroutine.id.0).collect()
}

#[test]
fn a_header_has_the_state_and_what_follows_it() {
    let waits = |minutes: u64| Some(Duration::from_secs(minutes * 60));
    for (header, state, wait) in [
        ("goroutine 7 [chan send, 12 minutes]:", "chan send", waits(12)),
        ("goroutine 7 [chan receive (nil chan)]:", "chan receive (nil chan)", None),
        ("goroutine 7 [IO wait, 1 minutes, locked to thread]:", "IO wait", waits(1)),
        ("goroutine 7 [runnable, locked to thread]:", "runnable", None),
        ("goroutine 7 [select (scan)]:", "select", None),
        ("goroutine 7 [force gc (idle) (scan), 3 minutes]:", "force gc (idle)", waits(3)),
        ("goroutine 7 [chan receive (durable), synctest bubble 3]:", "chan receive", None),
        ("goroutine 7 [sleep (durable), 2 minutes, synctest bubble 3]:", "sleep", waits(2)),
        ("goroutine 7 [chan receive, synctest group 3]:", "chan receive", None),
        ("goroutine 7 [chan send (leaked)]:", "chan send", None),
        ("goroutine 7 [sync.Mutex.Lock (leaked) (scan)]:", "sync.Mutex.Lock", None),
        ("goroutine 7 gp=0xc000002380 m=0 mp=0x5a1c40 [running]:", "running", None),
        ("goroutine 7 gp=0xc000002380 m=nil [select]:", "select", None),
        ("goroutine 7 [???]:", "???", None),
    ] {
        let found = goroutine(header);
        assert_eq!((found.id, found.state.as_str(), found.wait), (GoId(7), state, wait), "{header}");
        assert_eq!(found.is_locked_to_thread, header.contains("locked"), "{header}");
        assert_eq!(found.is_durable, header.contains("(durable)"), "{header}");
        assert_eq!(found.is_leaked, header.contains("(leaked)"), "{header}");
        assert_eq!(found.synctest_bubble, header.contains("synctest").then_some(3), "{header}");
    }
}

#[test]
fn a_header_has_labels() {
    for (labels, expected) in [
        ("{tenant: 7}", &[("tenant", "7")][..]),
        (r#"{"a key": "x, \"y\"}:", path: /a/b.c}"#, &[("a key", "x, \"y\"}:"), ("path", "/a/b.c")]),
        (r#"{k: "\u00e9\t\\\x07\xff\U0001f600"}"#, &[("k", "é\t\\\u{7}\u{fffd}😀")]),
        (r#"{k: ""}"#, &[("k", "")]),
    ] {
        let found = goroutine(&format!("goroutine 7 [select] {labels}:"));
        let found: Vec<_> = found.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{labels}");
    }
}

#[test]
fn other_text_is_not_a_header() {
    for text in [
        "goroutine 7 [select]",
        "goroutine x [select]:",
        "goroutine 7 select:",
        "a goroutine 7 in [select]:",
        "goroutine 99999999999999999999 [select]:",
        "goroutine 7 [select] and more:",
        "mygoroutine 7 [select]:",
    ] {
        let log = read(text);
        assert_eq!((log.dumps.len(), log.lines.other), (0, 1), "{text}");
        assert!(!contains_header(text.as_bytes()), "{text}");
    }
}

#[test]
fn frames_have_function_file_and_line() {
    let text = "goroutine 1 [running]:
panic({0x4a1c20?, 0xc000012345?})
\t/usr/local/go/src/runtime/panic.go:884 +0x212
main.(*T[...]).run(0xc000010250, {0x1, 0x2, ...})
\tC:/app dir/main.go:30 +0x45 fp=0xc000055f70 sp=0xc000055f20 pc=0x4d5b3a
main.inlined(...)
\t/app/main.go:12
non-Go function at pc=0x7f1234
c_function
\t/src/lib.c:5 pc=0x7f99
non-Go function
\tpc=0x7fff
created by main.main
\t/app/main.go:21 +0x65
";
    let found = goroutine(text);
    assert_eq!(found.stack[0], frame("runtime.gopanic", "/usr/local/go/src/runtime/panic.go", 884));
    let method = OwnedFrame { pc: 0x4d5b3a, ..frame("main.(*T[...]).run", "C:/app dir/main.go", 30) };
    assert_eq!(found.stack[1], method);
    assert_eq!(found.stack[2], frame("main.inlined", "/app/main.go", 12));
    assert_eq!(found.stack[3], OwnedFrame { pc: 0x7f1234, ..frame("non-Go function", "", 0) });
    assert_eq!(found.stack[4], OwnedFrame { pc: 0x7f99, ..frame("c_function", "/src/lib.c", 5) });
    assert_eq!(found.stack[5], OwnedFrame { pc: 0x7fff, ..frame("non-Go function", "", 0) });
    assert_eq!(found.stack.len(), 6);
    let by = found.created_by.expect("a creator");
    assert_eq!((by.frame, by.goroutine), (frame("main.main", "/app/main.go", 21), None));
    assert_eq!(read(text).lines.other, 0);
}

#[test]
fn elided_frames_are_noted_where_they_are_missing() {
    let stack = |elided: &str, after: &str| {
        goroutine(&format!(
            "goroutine 9 [select]:\nmain.a()\n\t/a.go:1 +0x1\n{elided}\n{after}created by main.c in goroutine 1\n\t/a.go:3 +0x3\n"
        ))
    };
    let new = stack("...23 frames elided...", "main.b()\n\t/a.go:2 +0x2\n");
    assert_eq!(new.elided, Some(ElidedFrames { index: 1, count: Some(23) }));
    assert_eq!(new.start().map(|start| start.func.as_str()), Some("main.b"));
    assert_eq!(new.created_by.and_then(|by| by.goroutine), Some(GoId(1)));
    let old = stack("...additional frames elided...", "");
    assert_eq!((old.elided, old.start()), (Some(ElidedFrames { index: 1, count: None }), None));
}

#[test]
fn stacks_of_ancestors_are_not_part_of_the_stack() {
    let found = goroutine(
        "goroutine 9 [select]:\nmain.a()\n\t/a.go:1 +0x1\ncreated by main.b in goroutine 5\n\t/a.go:2 +0x2
[originating from goroutine 5]:\nmain.b(...)\n\t/a.go:2 +0x2\ncreated by main.c\n\t/a.go:3 +0x3
[originating from goroutine 1]:\nmain.main(...)\n\t/a.go:4 +0x4\n",
    );
    assert_eq!(found.stack, [frame("main.a", "/a.go", 1)]);
    assert_eq!(found.created_by.map(|by| by.frame.func), Some("main.b".to_owned()));
    assert_eq!(found.ancestors, [GoId(5), GoId(1)]);
}

const TWO: &str = "goroutine 7 [running]:
main.dump()
\t/app/main.go:30 +0x45

goroutine 18 [chan send, 12 minutes]:
main.worker(0x0?)
\t/app/main.go:14 +0x2c
created by main.start in goroutine 7
\t/app/main.go:21 +0x65
";

#[test]
fn prefixes_of_log_collectors_are_removed() {
    let plain = read(TWO).dumps.remove(0);
    let prefixes: [fn(usize) -> String; 6] = [
        |_| "app | ".to_owned(),
        |_| "web|".to_owned(),
        |line| format!("2026-11-30T19:57:07.{}Z stderr F ", "123456789".split_at(9 - line % 4).0),
        |line| format!("Nov {:2} 19:57:{line:02} host app[4242]: ", line % 3 + 9),
        |line| format!("[{:03}] ", line * 13),
        |_| "\tcontainer\t".to_owned(),
    ];
    for prefix in prefixes {
        let lines = TWO.lines().enumerate().map(|(number, line)| format!("{}{line}\n", prefix(number)));
        let text: String = lines.collect();
        assert_eq!(read(&text).dumps, std::slice::from_ref(&plain), "{text}");
        assert!(contains_header(text.as_bytes()), "{text}");
        let trimmed: String = text.lines().map(|line| format!("{}\r\n", line.trim_end())).collect();
        assert_eq!(read(&trimmed).dumps, std::slice::from_ref(&plain), "{trimmed}");
    }
    let docker: String = TWO
        .lines()
        .map(|line| {
            let escaped = line.replace('\t', "\\t");
            format!("{{\"log\":\"{escaped}\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-30T19:57:07Z\"}}\n")
        })
        .collect();
    assert_eq!(read(&docker).dumps, [plain]);
    assert!(contains_header(docker.as_bytes()));
}

#[test]
fn a_prefix_of_the_header_alone_is_not_expected_on_each_line() {
    let plain = read(TWO).dumps.remove(0);
    for before in ["2026/11/30 19:57:07 panic: boom ", "boom ", "http: panic serving 10.0.0.1:5000: boom\n"] {
        let mut dump = read(&format!("{before}{TWO}")).dumps.remove(0);
        assert_eq!(dump.goroutines[0].stack, plain.goroutines[0].stack, "{before}");
        dump.goroutines[0].line = 1;
        assert_eq!(ids(&dump), ids(&plain));
    }
}

#[test]
fn tabs_that_became_spaces_or_nothing_are_allowed() {
    for indent in ["    ", ""] {
        let dump = read(&TWO.replace('\t', indent)).dumps.remove(0);
        assert_eq!(dump.goroutines[1].stack, [frame("main.worker", "/app/main.go", 14)], "{indent:?}");
    }
}

#[test]
fn other_lines_in_a_dump_are_skipped_and_counted() {
    let mixed: String = TWO.lines().map(|line| format!("{line}\n2026/11/30 GET /index.html (200): 5 ms\n")).collect();
    let log = read(&mixed);
    let stacks = |log: &Dumps| log.dumps[0].goroutines.iter().map(|one| one.stack.clone()).collect::<Vec<_>>();
    assert_eq!(stacks(&log), stacks(&read(TWO)));
    assert_eq!((log.dumps.len(), log.lines.other, log.lines.blank, log.lines.goroutines), (1, 9, 1, 8));
}

#[test]
fn a_log_can_have_several_dumps() {
    for (between, crash) in [
        ("", None),
        ("listening\n", None),
        ("exit status 2\npanic: boom\n\tpanic: again\n\n", Some("panic: boom")),
        ("fatal error: concurrent map writes\n\n", Some("fatal error: concurrent map writes")),
        ("SIGQUIT: quit\nPC=0x46a4e1 m=0 sigcode=0\n\n", Some("SIGQUIT: quit")),
    ] {
        let log = read(&format!("{TWO}{between}{TWO}"));
        assert_eq!(log.dumps.iter().map(ids).collect::<Vec<_>>(), [[7, 18], [7, 18]], "{between}");
        assert_eq!((log.dumps[0].crash.as_deref(), log.dumps[1].crash.as_deref()), (None, crash), "{between}");
    }
    // Goroutines with other IDs, in states other than running.
    let other = TWO.replace("goroutine 7 [running]", "goroutine 1 [chan receive]").replace("18 [", "19 [");
    let log = read(&format!("{TWO}\nfatal error: all goroutines are asleep - deadlock!\n\n{other}"));
    assert_eq!(log.dumps.iter().map(ids).collect::<Vec<_>>(), [[7, 18], [1, 19]]);
}

#[test]
fn threads_of_a_crash_belong_to_one_dump() {
    let text = "SIGQUIT: quit
PC=0x46a4e1 m=0 sigcode=0

goroutine 0 gp=0x5a1c40 m=0 mp=0x5a2560 [idle]:
runtime.futex()
\t/usr/local/go/src/runtime/sys_linux_amd64.s:557 +0x21

goroutine 1 gp=0xc000002380 m=nil [sleep]:
main.main()
\t/app/main.go:9 +0x1d

goroutine 5 gp=0xc000002381 m=3 mp=0xc00005 [running]:
\tgoroutine running on other thread; stack unavailable
created by main.main in goroutine 1
\t/app/main.go:7 +0x15

rax    0xca

-----

SIGQUIT: quit
PC=0x46a4e2 m=3 sigcode=0

goroutine 5 gp=0xc000002381 m=3 mp=0xc00005 [running]:
main.spin()
\t/app/main.go:20 +0x15
";
    let log = read(text);
    assert_eq!(log.dumps.iter().map(ids).collect::<Vec<_>>(), [[1, 5]]);
    let spinning = &log.dumps[0].goroutines[1];
    assert_eq!((spinning.stack.len(), spinning.is_stack_unavailable), (1, false));
}

#[test]
fn a_stack_that_is_printed_later_belongs_to_its_goroutine() {
    let later = "\ngoroutine 9 [running]:\nmain.write()\n\t/app/main.go:50 +0x2f\n";
    let unavailable = "\ngoroutine 9 [running]:\n\tgoroutine running on other thread; stack unavailable\n";
    let log = read(&format!("{TWO}{unavailable}{later}"));
    assert_eq!(log.dumps.iter().map(ids).collect::<Vec<_>>(), [[7, 18, 9]]);
    let found = &log.dumps[0].goroutines[2];
    assert_eq!(
        (found.stack.as_slice(), found.is_stack_unavailable),
        (&[frame("main.write", "/app/main.go", 50)][..], false)
    );
}

#[test]
fn frames_of_the_runtime_below_the_start_function_are_ignored() {
    let stack = "main.main()\n\t/a.go:1 +0x1\nruntime.main()\n\t/p.go:2 +0x2\nruntime.goexit()\n\t/a.s:3 +0x1\n";
    let found = goroutine(&format!("goroutine 1 [sleep]:\nruntime.gopark()\n\t/p.go:1 +0x1\n{stack}"));
    assert_eq!(found.start().map(|start| start.func.as_str()), Some("main.main"));
    assert_eq!(found.place().map(|place| place.func.as_str()), Some("main.main"));
}

#[test]
fn a_cut_dump_says_so() {
    assert!(!read(TWO).dumps[0].is_cut);
    let frame = TWO.find("\t/app/main.go:14").expect("a frame");
    assert!(read(&TWO[..frame + 6]).dumps[0].is_cut);
    assert!(read(&TWO[..frame]).dumps[0].is_cut);
    assert!(read(&TWO[..frame - 4]).dumps[0].is_cut);
}

#[test]
fn a_dump_of_one_running_goroutine_is_not_of_all() {
    let dump = |text| read(text).dumps.remove(0);
    assert!(!dump("panic: boom\n\ngoroutine 7 [running]:\nmain.f()\n\t/a.go:1 +0x1\n").has_all_goroutines());
    assert!(dump("goroutine 1 [chan receive]:\n").has_all_goroutines());
    assert!(dump(TWO).has_all_goroutines());
}

#[test]
fn groups_grow_from_dump_to_dump() {
    let worker = |id: u64, minutes: u64| {
        format!(
            "goroutine {id} [chan send, {minutes} minutes]:\nmain.worker.func1()\n\t/app/main.go:14 +0x2c\ncreated by main.start in goroutine 7\n\t/app/main.go:21 +0x65\n\n"
        )
    };
    let text = format!("{TWO}later\n{TWO}\n{}{}", worker(20, 15), worker(21, 5));
    let log = read(&text);
    let report = DumpReport::new(&log.dumps, &DumpReportOptions::default().order(DumpGroupOrder::Growth));
    assert_eq!(report.dumps.iter().map(|dump| dump.goroutine_count).collect::<Vec<_>>(), [2, 4]);
    let grown = &report.groups[0];
    assert_eq!(
        (grown.name.as_str(), grown.counts.as_slice(), grown.growth),
        ("main.worker.func1", &[0, 2][..], Some(2))
    );
    assert_eq!(grown.longest_wait, Some(Duration::from_secs(15 * 60)));
    assert_eq!(grown.created_by.as_ref().map(|frame| frame.func.as_str()), Some("main.start"));
    assert!(grown.stacks.is_empty());
    let by_name = DumpReportOptions::default().by(DumpGroupBy::Name).group("main.worker");
    let report = DumpReport::new(&log.dumps, &by_name);
    let [group] = report.groups.as_slice() else { panic!("{report:?}") };
    let sizes: Vec<_> = group.stacks.iter().map(|stack| stack.goroutines.len()).collect();
    assert_eq!((group.count, group.growth, sizes), (3, Some(2), vec![2, 1]));
}
