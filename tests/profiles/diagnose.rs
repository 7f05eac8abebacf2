//! The diagnosis of the captures in `testdata/leaks`: every leak is found and its function named,
//! and no look-alike is judged to be a leak.
//!
//! `manifest.json`, generated from the programs, says which programs leak, which functions cause it
//! and which inputs can show it.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gotrace::Reader;
use gotrace::analysis::run;
use gotrace::diagnose::{
    Inputs, Judgement, Options, ProcessMemory, Source, TraceEvidence, TraceObserver, Verdict, allocations_of, diagnose,
    passing_through,
};
use gotrace::gctrace::Log;
use gotrace::pprof::{Profile, ProfileBuilder, ProfileFrame, ValueType};
use gotrace::{GoId, Timeline, WallTime};
use gotrace_tests::corpus::testdata;
use serde_json::Value;

fn leaks() -> PathBuf {
    testdata().join("leaks")
}

fn manifest() -> Value {
    serde_json::from_slice(&fs::read(leaks().join("manifest.json")).expect("the manifest")).expect("JSON")
}

/// A set of input kinds, as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Subset(u8);

const HEAP: u8 = 1;
const GOROUTINE: u8 = 2;
const TRACE: u8 = 4;
const GC_LOG: u8 = 8;
const LEAK_PROFILE: u8 = 16;
const STATUS: u8 = 32;
const ALL: Subset = Subset(63);

impl Subset {
    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    fn name(self) -> String {
        if self == ALL {
            return "all".to_owned();
        }
        let names = ["heap", "goroutine", "trace", "gctrace", "goroutineleak", "status"];
        let chosen = names.into_iter().enumerate().filter(|(bit, _)| self.has(1 << bit));
        chosen.map(|(_, name)| name).collect::<Vec<_>>().join(" + ")
    }

    /// Whether one of these inputs can show the leak of a program.
    fn shows(self, program: &Value, version: &str) -> bool {
        if program["grows"] == false {
            // A few goroutines that wait all the time: the trace shows that none was woken, the
            // profiles show for how long. Before Go 1.23, a trace has no stacks of theirs.
            return self.has(GOROUTINE) && self.has(TRACE) && version != "1.21";
        }
        let shown_by = |name: &str| program["shown_by"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        self.has(HEAP) && shown_by("heap")
            || self.has(GOROUTINE) && shown_by("goroutine")
            || self.has(TRACE) && shown_by("trace")
            || self.has(GC_LOG) && shown_by("gctrace")
            || self.has(LEAK_PROFILE) && shown_by("goroutineleak") && version == "1.27"
            || self.has(STATUS) && shown_by("status")
    }
}

/// The captured files of a program, decoded.
struct Capture {
    heaps: Vec<Profile<'static>>,
    goroutines: Vec<Profile<'static>>,
    leak_profiles: Vec<Profile<'static>>,
    trace: TraceEvidence,
    log: Log,
    log_text: String,
    memory: Vec<ProcessMemory>,
}

impl Capture {
    fn read(folder: &Path) -> Self {
        let profiles = |kind: &str| -> Vec<Profile<'static>> {
            let names = ["1", "2", "3"].map(|number| format!("{kind}.{number}.pb.gz"));
            let names = names.into_iter().chain([format!("{kind}.pb.gz")]);
            let paths = names.map(|name| folder.join(name)).filter(|path| path.exists());
            paths.map(|path| Profile::from_path(path).expect("a profile")).collect()
        };
        let (trace, error) = run(&mut Reader::from_path(folder.join("trace")).expect("a trace"), TraceObserver::new());
        assert!(error.is_none(), "{folder:?}: {error:?}");
        let mut log_text = String::new();
        let file = fs::File::open(folder.join("gctrace.log.gz")).expect("a log");
        flate2::read::GzDecoder::new(file).read_to_string(&mut log_text).expect("gzip");
        let statuses = ["1", "2", "3"].map(|number| folder.join(format!("status.{number}")));
        let statuses = statuses.into_iter().filter_map(|path| fs::read_to_string(path).ok());
        Capture {
            memory: statuses.map(|text| ProcessMemory::from_status(&text).expect("a status")).collect(),
            heaps: profiles("heap"),
            goroutines: profiles("goroutine"),
            leak_profiles: profiles("goroutineleak"),
            trace,
            log: Log::from_slice(log_text.as_bytes()).expect("a log"),
            log_text,
        }
    }

    fn inputs(&self, subset: Subset) -> Inputs {
        let mut inputs = Inputs::new();
        for (bit, profiles) in [(HEAP, &self.heaps), (GOROUTINE, &self.goroutines), (LEAK_PROFILE, &self.leak_profiles)]
        {
            for profile in profiles.iter().filter(|_| subset.has(bit)) {
                inputs.profile("profile", profile).expect("valid samples");
            }
        }
        if subset.has(TRACE) {
            inputs.trace("trace", self.trace.clone(), None);
        }
        if subset.has(GC_LOG) {
            inputs.log("log", &self.log);
        }
        for memory in self.memory.iter().filter(|_| subset.has(STATUS)) {
            inputs.memory("status", *memory);
        }
        inputs
    }
}

/// A capture and its entry in the manifest.
struct Truth {
    name: String,
    version: String,
    leaks: bool,
    program: Value,
    capture: Capture,
}

fn corpus() -> Vec<Truth> {
    let manifest = manifest();
    let mut all = Vec::new();
    for version in manifest["go_versions"].as_array().expect("versions").iter().filter_map(Value::as_str) {
        for program in manifest["programs"].as_array().expect("programs") {
            let name = program["name"].as_str().expect("a name");
            let leaks = program["leaks_in"].as_array().is_some_and(|all| all.iter().any(|one| one == version));
            all.push(Truth {
                name: format!("go{version}/{name}"),
                version: version.to_owned(),
                leaks,
                program: program.clone(),
                capture: Capture::read(&self::leaks().join(format!("captures/go{version}/{name}"))),
            });
        }
    }
    assert_eq!(all.len(), 150);
    all
}

impl Truth {
    /// The index of the first finding that names a function that causes the leak.
    fn named(&self, verdict: &Verdict) -> Option<usize> {
        let culprits = self.program["culprits"].as_array().into_iter().flatten().map(|culprit| &culprit["function"]);
        let witnesses = self.program["witnesses"].as_array().into_iter().flatten();
        let names: Vec<&str> = culprits.chain(witnesses).filter_map(Value::as_str).collect();
        let is_culprit = |name: &str| names.contains(&name);
        verdict.findings.iter().position(|finding| finding.place.as_ref().is_some_and(|place| is_culprit(&place.func)))
    }
}

/// The numbers of programs whose verdict is inconclusive, healthy, suspect and leak.
type Verdicts = [usize; 4];

/// The verdicts about programs of each kind.
#[derive(Default)]
struct Counts {
    leaks: Verdicts,
    /// Leaks that the inputs cannot show.
    hidden: Verdicts,
    lookalikes: Verdicts,
    /// Programs that have reached their memory limit.
    limited: Verdicts,
    /// The number of leaks whose cause is named by the first finding, and by a later one.
    named: [usize; 2],
    wrong: Vec<String>,
}

fn judge(corpus: &[Truth], subset: Subset, options: &Options) -> Counts {
    let mut counts = Counts::default();
    for truth in corpus {
        let verdict = diagnose(&truth.capture.inputs(subset), options);
        let judgement = verdict.judgement as usize;
        let named = truth.named(&verdict);
        let is_wrong = match (truth.leaks, subset.shows(&truth.program, &truth.version)) {
            (true, true) => {
                counts.leaks[judgement] += 1;
                if let Some(rank) = named {
                    counts.named[usize::from(rank > 0)] += 1;
                }
                // A GC log names no functions. Goroutine profiles and traces name one only for a
                // leak that they show.
                let shown_by = |name: &str| {
                    truth.program["shown_by"].as_array().is_some_and(|all| all.iter().any(|one| one == name))
                };
                let can_name = subset.has(HEAP) && shown_by("heap")
                    || [(GOROUTINE, "goroutine"), (TRACE, "trace")]
                        .iter()
                        .any(|(bit, kind)| subset.has(*bit) && shown_by(kind));
                verdict.judgement < Judgement::Suspect || can_name && named.is_none()
            }
            (true, false) => {
                counts.hidden[judgement] += 1;
                false
            }
            // Not a leak, but not healthy: the GC log shows that the program is at its memory limit.
            (false, _) if subset.has(GC_LOG) && truth.program.get("gc_share").is_some() => {
                counts.limited[judgement] += 1;
                let is_limit = verdict.findings.iter().any(|finding| finding.rule == "memory-limit");
                verdict.judgement != Judgement::Suspect || !is_limit
            }
            (false, _) => {
                counts.lookalikes[judgement] += 1;
                verdict.judgement == Judgement::Leak
            }
        };
        if is_wrong {
            let findings: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
            let against: Vec<&str> = verdict.against.iter().map(|against| &*against.reason).collect();
            counts.wrong.push(format!(
                "{} is {} with {}: {findings:#?} {against:#?}",
                truth.name,
                verdict.judgement,
                subset.name()
            ));
        }
    }
    counts
}

#[test]
fn leaks_are_found_with_their_functions_and_look_alikes_are_not() {
    let corpus = corpus();
    let each = (1..16).map(Subset).chain([ALL]);
    let mut text = format!("{:<44}{:<21}{:<21}{:<21}\n", "", "leaks", "hidden leaks", "look-alikes");
    let header = " none heal susp leak ";
    text += &format!("{:<43}{header}{header}{header} named\n", "inputs");
    let mut wrong = Vec::new();
    for subset in each {
        let counts = judge(&corpus, subset, &Options::default());
        let row = |verdicts: Verdicts| -> String { verdicts.map(|count| format!(" {count:>4}")).concat() + " " };
        let rows = [counts.leaks, counts.hidden, counts.lookalikes].map(row).concat();
        let [first, later] = counts.named;
        writeln!(text, "{:<43}{rows}  {first} first, {later} later", subset.name()).expect("memory");
        // A single kind of input may leave up to three look-alikes suspect.
        let [none, _, suspects, _] = counts.lookalikes;
        // Some run no collection between their heap profiles.
        if none > 0 && subset != Subset(HEAP) || none > 4 {
            wrong.push(format!("{}: {none} look-alikes are inconclusive", subset.name()));
        }
        // Heap profiles and the GC log are enough for a leak of memory, if they agree throughout.
        let [.., leaks] = counts.leaks;
        if subset == Subset(HEAP | GC_LOG) && leaks < 58 {
            wrong.push(format!("{}: {leaks} of 58 leaks are certain", subset.name()));
        }
        if suspects > 3 {
            wrong.push(format!("{}: {suspects} look-alikes are suspects", subset.name()));
        }
        if subset == ALL && counts.named[0] < 62 {
            wrong.push(format!("named first: {} of 63", counts.named[0]));
        }
        wrong.extend(counts.wrong);
    }
    println!("{text}");
    assert!(wrong.is_empty(), "{text}\n{}", wrong.join("\n"));
}

/// The thresholds are not fitted to the corpus: with others, no leak is missed and no look-alike is
/// judged a leak.
#[test]
fn leaks_are_found_with_other_thresholds_too() {
    let corpus = corpus();
    let base = Options::default;
    let variants: [(&str, Options); 12] = [
        ("2.4 deviations", base().deviations(2.4)),
        ("3.6 deviations", base().deviations(3.6)),
        ("pace 0.4", base().pace(0.4)),
        ("pace 0.6", base().pace(0.6)),
        ("slowing 1.0", base().slowing(1.0)),
        ("slowing 1.6", base().slowing(1.6)),
        ("8 floors", base().floors(8)),
        ("13 floors", base().floors(13)),
        ("noise 1.5 MiB", base().log_noise(3 << 19)),
        ("noise 2.5 MiB", base().log_noise(5 << 19)),
        ("suspect 0.4", base().suspect(0.4)),
        ("leak 0.85", base().leak(0.85)),
    ];
    let mut text = String::new();
    let mut missed_by_all = 0;
    for (name, options) in variants {
        for subset in [ALL, Subset(HEAP), Subset(GOROUTINE), Subset(TRACE), Subset(GC_LOG)] {
            let counts = judge(&corpus, subset, &options);
            let [inconclusive, healthy, ..] = counts.leaks;
            let [.., suspects, false_leaks] = counts.lookalikes;
            let missed = inconclusive + healthy;
            if missed + false_leaks + suspects > 0 {
                writeln!(
                    text,
                    "{name:<16} {:<10} {missed} missed, {false_leaks} false leaks, {suspects} suspects",
                    subset.name()
                )
                .expect("memory");
            }
            assert_eq!(false_leaks, 0, "{name} {}: {:#?}", subset.name(), counts.wrong);
            missed_by_all += if subset == ALL { missed } else { 0 };
        }
    }
    println!("{text}");
    assert_eq!(missed_by_all, 0, "{text}");
}

/// The GC cycles that are both in the log and in the trace align the clocks. The programs log their
/// start time.
#[test]
fn gc_logs_are_aligned_with_traces() {
    let mut placed = [0; 2];
    for truth in corpus() {
        let verdict = diagnose(&truth.capture.inputs(ALL), &Options::default());
        let Some(zero) = verdict.clocks.program_start else { continue };
        // The program starts tracing 2.9 s after its own start or a little later
        // (testdata/leaks/capture).
        let start = truth.capture.trace.start.since(zero);
        assert!((2_800_000_000..3_300_000_000).contains(&start), "{}: the trace starts at {start}", truth.name);
        let knows_wall = truth.version == "1.27";
        assert_eq!(verdict.clocks.program_start_wall.is_some(), knows_wall, "{}", truth.name);
        placed[usize::from(knows_wall)] += 1;
        if let Some(start) = verdict.clocks.program_start_wall {
            let serving = truth
                .capture
                .log_text
                .lines()
                .find(|line| line.contains(" serving, "))
                .expect("the program logs its start");
            let (date, time) = (serving[..10].replace('/', "-"), &serving[11..26]);
            let logged = WallTime::from_rfc3339(&format!("{date}T{time}Z")).expect("a time");
            let later = logged.as_nanos() - start.as_nanos();
            assert!((0..50_000_000).contains(&later), "{}: {later} ns", truth.name);
        }
    }
    println!("logs placed in traces: {} without and {} with a wall clock", placed[0], placed[1]);
    assert!(placed[0] > 40 && placed[1] > 20, "{placed:?}");
}

#[test]
fn real_programs_are_healthy() {
    for name in ["prometheus", "esbuild"] {
        let folder = leaks().join("real").join(name);
        let capture = Capture::read(&folder);
        for subset in (1..16).map(Subset).chain([ALL]) {
            let inputs = capture.inputs(subset);
            let verdict = diagnose(&inputs, &Options::default());
            assert!(verdict.judgement < Judgement::Suspect, "{name} with {}: {:#?}", subset.name(), verdict.findings);
            // The run of esbuild lasts 0.3 s, has no collections and one heap profile.
            let expected = if name == "prometheus" { Judgement::Healthy } else { Judgement::Inconclusive };
            assert_eq!(verdict.judgement, expected, "{name} with {}: {:#?}", subset.name(), verdict.not_judged);
        }
    }
}

/// Stuck goroutines are linked to the function that allocates for them, and the function to the
/// goroutines.
#[test]
fn stuck_goroutines_are_linked_to_their_allocations() {
    for (program, allocates) in
        [("chansend", "main.askSupplier"), ("selectwait", "main.awaitPayment"), ("netread", "main.serveDevice")]
    {
        for version in ["1.21", "1.24", "1.27"] {
            let folder = leaks().join(format!("captures/go{version}/{program}"));
            let capture = Capture::read(&folder);
            let inputs = capture.inputs(Subset(HEAP | TRACE));
            let verdict = diagnose(&inputs, &Options::default());
            let stuck = verdict
                .findings
                .iter()
                .find(|finding| finding.source == Source::Trace)
                .expect("a finding about stuck goroutines");
            let heap =
                verdict.findings.iter().find(|finding| finding.source == Source::Heap).expect("a finding about memory");
            assert!(!stuck.goroutines.is_empty() && !heap.goroutines.is_empty(), "{program} {version}");
            let timeline = Timeline::from_path(folder.join("trace")).expect("a trace");
            let passages = passing_through(&timeline, allocates);
            for id in &stuck.goroutines {
                let passage = passages
                    .iter()
                    .find(|passage| passage.goroutine == *id)
                    .expect("the goroutine passes through the function");
                assert_eq!(passage.end, None, "{program} {version}: the goroutine does not leave the function");
                let allocations = allocations_of(&timeline, *id, &inputs);
                let first = allocations.first().expect("the goroutine allocates");
                assert_eq!((&*first.place.func, first.is_seen), (allocates, true), "{program} {version}");
                assert!(first.growth > 0 && first.shared_by > 1);
            }
            assert!(allocations_of(&timeline, GoId(u64::MAX), &inputs).is_empty());
        }
    }
}

/// With default options, the median health of leaks is at most 50, that of look-alikes at least 80.
#[test]
fn health_tells_leaks_from_look_alikes() {
    let mut scores = [Vec::new(), Vec::new()];
    for truth in corpus() {
        let health = diagnose(&truth.capture.inputs(ALL), &Options::default()).health.expect("a score");
        let parts = [health.heap, health.pauses, health.blocking];
        assert!(parts.iter().all(Option::is_some), "{}: {parts:?}", truth.name);
        scores[usize::from(truth.leaks)].push(health.score);
    }
    let [healthy, leaking] = scores.map(|mut scores| {
        scores.sort_by(f64::total_cmp);
        scores[scores.len() / 2]
    });
    println!("median health: look-alikes {healthy:.1}, leaks {leaking:.1}");
    assert!(leaking <= 50.0 && healthy >= 80.0, "{leaking} {healthy}");
}

/// Inputs that are too little or do not belong together (`testdata/leaks/small`).
#[test]
fn too_little_data_is_inconclusive() {
    let folder = leaks().join("small/captures");
    let profile = |path: &str| Profile::from_path(folder.join(path)).expect("a profile");
    let mut one = Inputs::new();
    one.profile("first", &profile("one-profile/heap.pb.gz")).expect("samples");
    one.profile("second", &profile("one-profile/heap.pb.gz")).expect("samples");
    let verdict = diagnose(&one, &Options::default());
    assert_eq!((verdict.judgement, verdict.health), (Judgement::Inconclusive, None));
    assert_eq!(verdict.inputs[1].note.as_deref(), Some("the same profile was given twice"));
    let missing = verdict.not_judged.iter().find(|missing| missing.question == "which memory grows");
    let missing = missing.expect("memory is not judged");
    assert_eq!(missing.why, "one heap profile was given; three are needed");
    assert!(missing.capture.is_some_and(|command| command.contains("/debug/pprof/heap")), "{missing:?}");

    let mut log = Inputs::new();
    log.log("log", &Log::from_path(folder.join("one-collection/gctrace.log.gz")).expect("a log"));
    let verdict = diagnose(&log, &Options::default());
    assert_eq!(verdict.judgement, Judgement::Inconclusive);
    assert!(verdict.not_judged.iter().any(|missing| missing.why.contains("has 1 collection;")), "{verdict:?}");

    let (evidence, _) =
        run(&mut Reader::from_path(folder.join("instant/trace")).expect("a trace"), TraceObserver::new());
    let mut instant = Inputs::new();
    instant.trace("trace", evidence, None);
    let verdict = diagnose(&instant, &Options::default());
    assert_eq!(verdict.judgement, Judgement::Inconclusive);
    assert!(verdict.not_judged.iter().any(|missing| missing.why.contains("the trace is too short")), "{verdict:?}");

    for (names, conflict) in [
        (["restart/heap.1.pb.gz", "restart/heap.2.pb.gz"], "they are of two runs"),
        (["two-programs/heap.web.pb.gz", "two-programs/heap.worker.pb.gz"], "of different programs (web, build"),
    ] {
        let mut inputs = Inputs::new();
        names.iter().for_each(|name| inputs.profile(name, &profile(name)).expect("samples"));
        let verdict = diagnose(&inputs, &Options::default());
        assert_eq!(verdict.judgement, Judgement::Inconclusive, "{names:?}: {:?}", verdict.findings);
        assert!(verdict.conflicts.iter().any(|text| text.contains(conflict)), "{:?}", verdict.conflicts);
        assert!(verdict.against.is_empty(), "{:?}", verdict.against);
    }
}

/// Five profiles in six seconds in which a function's memory rises at each step are not healthy.
#[test]
fn clear_growth_in_a_short_series_is_suspect() {
    let folder = leaks().join("small/captures/fastleak");
    let mut inputs = Inputs::new();
    for number in 1..=5 {
        let profile = Profile::from_path(folder.join(format!("heap.{number}.pb.gz"))).expect("a profile");
        inputs.profile("heap", &profile).expect("samples");
    }
    let verdict = diagnose(&inputs, &Options::default());
    assert_eq!(verdict.judgement, Judgement::Suspect);
    inputs.log("log", &Log::from_path(folder.join("gctrace.log.gz")).expect("a log"));
    let verdict = diagnose(&inputs, &Options::default());
    assert_eq!(verdict.judgement, Judgement::Leak);
    let place = verdict.findings[0].place.as_ref().expect("a place");
    assert!(["main.keepOrder", "main.indexOrder"].contains(&place.func.as_str()), "{place:?}");
}

/// The function that holds the connections is named before the goroutines of `net/http` that serve them.
#[test]
fn goroutines_of_connections_follow_their_owner() {
    for version in ["1.21", "1.24", "1.27"] {
        let capture = Capture::read(&leaks().join(format!("captures/go{version}/httpbody")));
        let verdict = diagnose(&capture.inputs(ALL), &Options::default());
        assert_eq!(verdict.judgement, Judgement::Leak, "{version}");
        let place = verdict.findings[0].place.as_ref().expect("a place");
        assert!(place.func.starts_with("main."), "{version}: {place:?}");
        assert!(verdict.findings.iter().any(|finding| finding.title.contains("net/http.(*persistConn).readLoop")));
    }
}

/// A heap profile of samples of 512 KiB: the functions of each stack, innermost first, and how many samples it has
/// allocated and has in use.
fn heap_profile(minute: i128, stacks: &[(&[&str], i64, i64)]) -> Profile<'static> {
    let types =
        [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
    let mut profile = ProfileBuilder::new(types.map(|(kind, unit)| ValueType::new(kind, unit)));
    profile.period(ValueType::new("space", "bytes"), 512 << 10);
    profile.time(WallTime::from_nanos(1_700_000_000_000_000_000 + minute * 60_000_000_000).expect("a time"));
    for (functions, allocated, in_use) in stacks {
        let frames: Vec<_> = functions.iter().map(|name| ProfileFrame::new(*name, "main.go", 1)).collect();
        profile.sample(frames, [*allocated, allocated << 19, *in_use, in_use << 19]);
    }
    let mut bytes = Vec::new();
    profile.write_gzip(&mut bytes).expect("memory");
    Profile::from_reader(bytes.as_slice()).expect("a profile")
}

fn place_of(profiles: &[Profile<'_>]) -> Option<String> {
    let mut inputs = Inputs::new();
    profiles.iter().for_each(|profile| inputs.profile("heap", profile).expect("samples"));
    let verdict = diagnose(&inputs, &Options::default());
    verdict.findings.first()?.place.as_ref().map(|place| place.func.clone())
}

/// A constructor of buffers allocates for two callers, one of which keeps the buffers.
#[test]
fn the_caller_that_keeps_what_a_helper_allocates_is_named() {
    let profiles = [0, 1, 2].map(|minute| {
        let kept = 40 * (minute as i64 + 1);
        heap_profile(
            minute,
            &[
                (&["main.newBuffer", "main.archive", "main.main"], kept, kept),
                (&["main.newBuffer", "main.reply", "main.main"], kept, 2),
            ],
        )
    });
    assert_eq!(place_of(&profiles).as_deref(), Some("main.archive"));
}

/// Each of six fields grows by less than chance, their sum does not.
#[test]
fn growth_that_is_scattered_over_callees_is_found_at_their_caller() {
    const FIELDS: [&str; 6] = ["main.a", "main.b", "main.c", "main.d", "main.e", "main.f"];
    let stacks = FIELDS.map(|field| [field, "main.newOrder", "main.serve", "main.main"]);
    let profiles = [0, 1, 2].map(|minute| {
        let kept = 4 * (minute as i64 + 1);
        let samples = stacks.each_ref().map(|stack| (&stack[..], kept, kept));
        heap_profile(minute, &samples)
    });
    assert_eq!(place_of(&profiles).as_deref(), Some("main.newOrder"));
    let one = [0, 1, 2].map(|minute| {
        let kept = 4 * (minute as i64 + 1);
        heap_profile(minute, &[(&stacks[0][..], kept, kept)])
    });
    assert_eq!(place_of(&one), None, "eight samples more are chance");
}

/// The live heap falls, and then rises to the end.
#[test]
fn a_live_heap_that_rises_late_is_suspect() {
    let log = |live: &dyn Fn(u32) -> u32| {
        let lines = (0..100).map(|n| {
            let live = live(n);
            format!(
                "gc {} @{n}.000s 1%: 0.02+1.5+0.01 ms clock, 0.04+0/1.4/0.9+0.02 ms cpu, {1}->{1}->{live} MB, {1} MB goal, 2 P\n",
                n + 7,
                live * 2
            )
        });
        Log::from_slice(lines.collect::<String>().as_bytes()).expect("a log")
    };
    let verdict = |log: &Log| {
        let mut inputs = Inputs::new();
        inputs.log("log", log);
        diagnose(&inputs, &Options::default())
    };
    let late = verdict(&log(&|n| if n < 50 { 500 - 2 * n } else { 400 + 8 * (n - 50) }));
    assert_eq!(late.judgement, Judgement::Suspect, "{:?}", late.against);
    let falling = verdict(&log(&|n| 500 - 2 * n));
    assert_eq!(falling.judgement, Judgement::Healthy);
    assert!(falling.against.iter().any(|against| against.reason.starts_with("the live heap rises and falls")));
}

/// Inputs that say nothing about growth, or are of other processes.
#[test]
fn inputs_that_cannot_be_compared_are_not() {
    let stack: &[&str] = &["main.keep", "main.main"];
    let grown = |time| [0, 1, 2].map(|number| heap_profile(time, &[(stack, 40 * (number + 1), 40 * (number + 1))]));
    let mut inputs = Inputs::new();
    grown(0).iter().for_each(|profile| inputs.profile("heap", profile).expect("samples"));
    let verdict = diagnose(&inputs, &Options::default());
    assert_eq!(verdict.judgement, Judgement::Inconclusive);
    assert!(verdict.not_judged.iter().any(|missing| missing.why.starts_with("the profiles were taken within")));

    let status = |pid: u32, kilobytes: u64| {
        let text =
            format!("Name:\tshop\nPid:\t{pid}\nVmRSS:\t{kilobytes} kB\nRssFile:\t0 kB\nVmSwap:\t{kilobytes} kB\n");
        ProcessMemory::from_status(&text).expect("a status")
    };
    assert_eq!((status(7, 1).pid, status(7, 1).swapped), (Some(7), 1024));
    let mut inputs = Inputs::new();
    (0..3).for_each(|number| inputs.memory("status", status(7 + number, 100_000)));
    let verdict = diagnose(&inputs, &Options::default());
    assert!(verdict.conflicts.iter().any(|text| text.contains("different processes (7 and 8)")), "{verdict:?}");
}

fn dumped(version: &str, names: &[&str]) -> Inputs {
    let mut inputs = Inputs::new();
    for name in names {
        let file = fs::File::open(testdata().join("dumps").join(version).join(name)).expect("a file");
        assert!(inputs.text(name, file).expect("a text"), "{name} has a dump");
    }
    inputs
}

fn numbers(verdict: &Verdict, name: &str) -> Vec<Vec<i64>> {
    let of = |value: Option<&gotrace::diagnose::Value>| match value {
        Some(gotrace::diagnose::Value::Counts(counts)) => counts.clone(),
        Some(gotrace::diagnose::Value::Count(count)) => vec![*count],
        _ => Vec::new(),
    };
    verdict.findings.iter().map(|finding| of(finding.value(name))).collect()
}

const DUMP_VERSIONS: [&str; 2] = ["go1.21", "go1.27"];

#[test]
fn goroutines_that_grow_from_dump_to_dump_are_suspect() {
    for version in DUMP_VERSIONS {
        let names = ["series/leak.1.txt.gz", "series/leak.2.txt.gz", "series/leak.3.txt.gz"];
        let verdict = diagnose(&dumped(version, &names), &Options::default());
        assert_eq!((verdict.judgement, &verdict.agree[..]), (Judgement::Suspect, &[Source::Dump][..]), "{version}");
        assert_eq!(numbers(&verdict, "goroutines"), [[15, 30, 45]], "{version}");
        let finding = &verdict.findings[0];
        assert_eq!((finding.rule, finding.source), ("goroutine-growth", Source::Dump));
        assert_eq!(
            finding.title, "the number of goroutines in main.askSupplier (chan send) grows: 15 → 30 → 45",
            "the wait is that of the goroutine's state"
        );
        let again = diagnose(&dumped(version, &[names[0], names[1], names[1]]), &Options::default());
        let note = again.inputs[2].note.as_deref();
        assert_eq!((note, again.inputs[2].used), (Some("the same dump was given twice"), false));
        assert!(
            again.not_judged.iter().any(|missing| missing.why == "two goroutine dumps were given; three are needed")
        );
    }
}

/// Idle workers wait for more than a minute too, and three dumps of them may be equal.
#[test]
fn a_constant_number_of_goroutines_in_dumps_is_healthy() {
    for version in DUMP_VERSIONS {
        let verdict = diagnose(&dumped(version, &["series/pool.txt.gz"]), &Options::default());
        assert_eq!(verdict.judgement, Judgement::Healthy, "{version}: {:?}", verdict.findings);
        assert_eq!(verdict.judged_by, ["goroutine-growth"]);
        let reasons: Vec<&str> = verdict.against.iter().map(|against| against.reason.as_str()).collect();
        let pool = "no group of goroutines grows by more than chance from dump to dump; up to 12 wait in one place, like a pool";
        assert_eq!((reasons, verdict.findings.len()), (vec![pool], 0));
    }
}

#[test]
fn long_waits_of_a_dump_are_suspect() {
    let verdict = diagnose(&dumped("go1.21", &["locks.txt"]), &Options::default());
    assert_eq!((verdict.judgement, &verdict.agree[..]), (Judgement::Suspect, &[Source::Dump][..]));
    let rules: Vec<&str> = verdict.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!((rules, numbers(&verdict, "waiting")), (vec!["long-wait", "lock-held"], vec![vec![7], vec![9]]));
    for finding in &verdict.findings {
        let longest = finding.value("oldest_wait_ns");
        assert_eq!(longest, Some(&gotrace::diagnose::Value::Duration(Duration::from_secs(60))), "{}", finding.title);
    }
    assert_eq!(verdict.findings[0].place.as_ref().map(|place| place.line), Some(83));
    let ids: Vec<u64> = verdict.findings[0].goroutines.iter().map(|id| id.0).collect();
    assert_eq!(ids, [18, 19, 20, 21, 22, 23, 24]);
}

#[test]
fn goroutines_that_a_dump_marks_as_leaked_are_a_leak() {
    for name in ["channels.txt", "locks.txt"] {
        let verdict = diagnose(&dumped("go1.27", &[name]), &Options::default());
        assert_eq!((verdict.judgement, &verdict.agree[..]), (Judgement::Leak, &[Source::Dump][..]), "{name}");
        // The profile of the same moment.
        let profile = testdata().join("dumps/go1.27").join(name.replace(".txt", ".leak.pb.gz"));
        let mut inputs = Inputs::new();
        inputs.profile(name, &Profile::from_path(profile).expect("a profile")).expect("samples");
        let of = |verdict: &Verdict| -> Vec<(Vec<i64>, Option<u64>)> {
            let findings = verdict.findings.iter().filter(|finding| finding.rule == "goroutine-leak-profile");
            let lines = findings.map(|finding| finding.place.as_ref().map(|place| place.line));
            let mut all: Vec<_> = numbers(verdict, "goroutines").into_iter().zip(lines).collect();
            all.sort();
            all
        };
        assert_eq!(of(&verdict), of(&diagnose(&inputs, &Options::default())), "{name}");
        assert!(of(&verdict).contains(&(vec![7], Some(83))), "{name}: {:?}", of(&verdict));
    }
}

#[test]
fn dumps_of_several_runs_or_of_one_goroutine_are_not_compared() {
    let verdict = diagnose(&dumped("go1.27", &["crash-deadlock.txt", "crash-quit.txt"]), &Options::default());
    assert_eq!(verdict.judgement, Judgement::Inconclusive);
    assert_eq!(
        verdict.conflicts,
        ["goroutine counts are not compared: the dumps are of several runs, since the program crashed in between"]
    );
    let mut inputs = Inputs::new();
    let panic = "panic: boom\n\ngoroutine 7 [running]:\nmain.main()\n\t/app/main.go:3 +0x1d\n";
    assert!(inputs.text("one", panic.as_bytes()).expect("a text"));
    let verdict = diagnose(&inputs, &Options::default());
    let note = verdict.inputs[0].note.as_deref();
    assert_eq!(note, Some("a dump of a single goroutine shows nothing; GOTRACEBACK=all prints all of them"));
    assert!(inputs.is_empty() && !inputs.text("none", &b"listening\n"[..]).expect("a text"));
}

/// Heap profiles in text have no time, but their statistics have an order.
#[test]
fn statistics_in_heap_profiles_show_memory_of_the_runtime_outside_the_heap() {
    for (version, stacks) in
        [("go1.21", [50_593_792, 100_925_440, 151_257_088]), ("go1.27", [50_692_096, 100_990_976, 151_322_624])]
    {
        let text = |number: usize| {
            let path = testdata().join(format!("dumps/{version}/series/stacks.{number}.txt.gz"));
            let mut text = String::new();
            let file = fs::File::open(path).expect("a file");
            flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("text");
            text
        };
        let judged = |texts: [String; 3]| {
            let mut inputs = Inputs::new();
            for text in texts {
                inputs.profile("heap", &Profile::from_reader(text.as_bytes()).expect("a profile")).expect("samples");
            }
            diagnose(&inputs, &Options::default())
        };
        let verdict = judged([3, 1, 2].map(text));
        assert_eq!((verdict.judgement, &verdict.agree[..]), (Judgement::Suspect, &[Source::Process][..]), "{version}");
        let finding = &verdict.findings[0];
        assert_eq!(finding.value("class"), Some(&gotrace::diagnose::Value::Text("StackSys".to_owned())));
        assert_eq!(finding.value("class_bytes"), Some(&gotrace::diagnose::Value::Sizes(stacks.to_vec())));
        assert!(finding.title.starts_with("according to MemStats, "), "{}", finding.title);
        assert!(finding.title.contains("mostly stacks of goroutines (StackSys, by 96.0 MiB)"), "{}", finding.title);
        let missing = verdict.not_judged.iter().find(|missing| missing.question.contains("outside the Go heap"));
        assert!(missing.is_some_and(|missing| missing.why.contains("MemStats")), "{:?}", verdict.not_judged);

        // The same with stacks that stay as they are, and profiles that differ only in their statistics.
        let constant = judged([1, 2, 3].map(|number| {
            let text = text(number);
            let sys = text.lines().find_map(|line| line.strip_prefix("# Sys = ")?.parse::<i64>().ok()).expect("Sys");
            let without = sys - stacks[number - 1] + stacks[0];
            text.replace(&format!("# Sys = {sys}"), &format!("# Sys = {without}")).replace(
                &format!("# Stack = {0} / {0}", stacks[number - 1]),
                &format!("# Stack = {0} / {0}", stacks[0]),
            )
        }));
        assert!(constant.findings.is_empty() && constant.inputs.iter().all(|input| input.used), "{constant:?}");
        let reason = "according to MemStats, the Go runtime's memory outside the heap does not grow";
        assert!(constant.against.iter().any(|against| against.reason.starts_with(reason)), "{:?}", constant.against);
    }
}
