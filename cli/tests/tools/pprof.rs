//! `go tool pprof` opens our profiles and prints the same sums.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gotrace::analysis;
use gotrace::analysis::profile::{ProfileKind, ProfileOptions, Profiler};
use gotrace::pprof::{By, Listing, ProfileBuilder, ProfileFrame, Report, SampleFilter, SortBy, ValueType};
use gotrace::{Reader, WallTime};
use gotrace_tests::corpus::sample;

use gotrace_tests::go::{Missing, pprof_tool};
use gotrace_tests::profiles as files;

/// A line of the table: the flat value, the cumulative value, and the name.
pub type Line = (i64, i64, String);

/// The output of `go tool pprof` with these arguments.
pub fn run(pprof: &Path, args: &[&str]) -> String {
    let output = Command::new(pprof)
        .args(args)
        .env("PPROF_TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("go tool pprof starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("our names are UTF-8")
}

/// All lines of `go tool pprof -top`, without a cutoff and in units that need no rounding.
fn top(pprof: &Path, sample_type: &str, unit: &str, base: Option<&Path>, file: &Path) -> Vec<Line> {
    top_with(pprof, sample_type, unit, base, file, &[])
}

/// The same, with more options.
pub fn top_with(
    pprof: &Path,
    sample_type: &str,
    unit: &str,
    base: Option<&Path>,
    file: &Path,
    options: &[&str],
) -> Vec<Line> {
    let index = format!("-sample_index={sample_type}");
    let unit_flag = format!("-unit={unit}");
    let base = base.map(|base| format!("-diff_base={}", base.display()));
    let mut args = vec!["-top", "-nodefraction=0", "-edgefraction=0", "-nodecount=0", &index, &unit_flag];
    args.extend(options);
    args.extend(base.as_deref());
    let file = file.display().to_string();
    args.push(&file);
    let text = run(pprof, &args);
    let table = text.lines().skip_while(|line| !line.contains("flat%")).skip(1);
    let value = |column: &str| {
        let digits = column.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        digits.parse::<i64>().unwrap_or_else(|_| panic!("{file}: {column} is not whole"))
    };
    table
        .map(|line| {
            let mut rest = line;
            let columns = [(); 5].map(|()| {
                let (column, after) = rest.trim_start().split_once(' ').expect("five columns and a name");
                rest = after;
                column
            });
            let name = rest.trim_start().trim_end_matches(" (inline)").trim_end_matches(" (partial-inline)");
            (value(columns[0]), value(columns[3]), name.to_owned())
        })
        .collect()
}

pub fn report(path: &Path) -> Report {
    Report::new(&files::open(path), By::Function).expect("a valid profile")
}

pub fn lines(report: &Report, sample_type: usize) -> Vec<Line> {
    let rows = report.top(sample_type);
    rows.iter().map(|row| (row.flat[sample_type], row.cum[sample_type], row.name().to_owned())).collect()
}

/// The name of a unit in pprof.
pub fn unit(unit: &str) -> &str {
    match unit {
        "bytes" => "B",
        "nanoseconds" => "ns",
        unit => unit,
    }
}

pub fn flat_and_cum_equal_those_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let mut compared = 0;
    for (name, path) in files::all() {
        let ours = report(&path);
        for (i, sample_type) in ours.sample_types().iter().enumerate() {
            let theirs = top(&pprof, &sample_type.kind, unit(&sample_type.unit), None, &path);
            assert!(!theirs.is_empty() || name.contains("threadcreate"), "{name}");
            assert_eq!(lines(&ours, i), theirs, "{name} {}", sample_type.kind);
            compared += theirs.len();
        }
    }
    assert!(compared > 1000, "{compared} lines");
    Ok(())
}

/// Samples chosen by function or file, sorted by cumulative value.
pub fn chosen_samples_equal_those_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let (mut compared, mut fewer) = (0, 0);
    for (name, path) in files::all().into_iter().filter(|(name, _)| name.contains("heap") || name.contains("cpu")) {
        let profile = files::open(&path);
        for (focus, ignore) in [("main", "nosuch"), ("malloc", "runtime/proc.go"), ("", "main"), ("json|regexp", "Map")]
        {
            let contains = |part: &'static str| move |text: &str| part.split('|').any(|one| text.contains(one));
            let mut filter = SampleFilter::default().ignore(contains(ignore));
            let ignore = format!("-ignore={ignore}");
            let mut options = vec!["-cum", &*ignore];
            let focus_option = format!("-focus={focus}");
            if !focus.is_empty() {
                filter = filter.focus(contains(focus));
                options.push(&focus_option);
            }
            let ours = Report::with_filter(&profile, By::Function, &filter).expect("valid samples");
            let all = report(&path);
            for (i, sample_type) in ours.sample_types().iter().enumerate() {
                let rows = ours.sorted(i, SortBy::Cum);
                if rows.is_empty() {
                    // pprof says that the focus matched nothing.
                    continue;
                }
                let lines = rows.iter().map(|row| (row.flat[i], row.cum[i], row.name().to_owned()));
                let theirs = top_with(&pprof, &sample_type.kind, unit(&sample_type.unit), None, &path, &options);
                assert_eq!(lines.collect::<Vec<_>>(), theirs, "{name} {} {options:?}", sample_type.kind);
                compared += theirs.len();
                fewer += usize::from(rows.len() < all.top(i).len());
            }
        }
    }
    assert!(compared > 500 && fewer > 20, "{compared} lines, {fewer} filters that leave something out");
    Ok(())
}

/// The values of each line, and their sums by function.
pub fn lines_equal_those_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let (mut compared, mut routines) = (0, 0);
    for (name, path) in files::all().into_iter().filter(|(name, _)| !name.contains("threadcreate")) {
        let profile = files::open(&path);
        let i = profile.default_sample_type().expect("a sample type");
        let sample_type = profile.sample_types().nth(i).expect("a sample type");
        let (kind, unit) = (sample_type.kind.to_string(), unit(&sample_type.unit.to_string()).to_owned());
        let listing = Listing::new(&profile, i, &SampleFilter::default(), |_| true).expect("valid samples");
        let of = |function: &gotrace::pprof::ListedFunction| -> Vec<Line> {
            let place = |line: i64| format!("{} {}:{line}", function.name, function.file.trim_start_matches("./"));
            function.lines.iter().map(|line| (line.flat, line.cum, place(line.line))).collect()
        };
        let mut ours: Vec<Line> = listing.functions.iter().flat_map(of).collect();
        let mut theirs = top_with(&pprof, &kind, &unit, None, &path, &["-lines"]);
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{name}");
        compared += ours.len();
        routines += sums_of_routines(&pprof, &kind, &unit, &path, &listing);
    }
    assert!(compared > 800 && routines > 100, "{compared} lines, {routines} functions");
    Ok(())
}

/// Compares the sums of `-list` for functions of package main with ours. Returns their number.
fn sums_of_routines(pprof: &Path, kind: &str, unit: &str, file: &Path, listing: &Listing) -> usize {
    let (index, unit_flag) = (format!("-sample_index={kind}"), format!("-unit={unit}"));
    let path = file.display().to_string();
    let mut compared = 0;
    for function in listing.functions.iter().filter(|function| function.name.starts_with("main.")).take(10) {
        let pattern = function.name.replace(['(', ')', '*', '[', ']', '.'], ".");
        let list = format!("-list=^{pattern}$");
        let text = run(pprof, &[&list, &index, &unit_flag, &path]);
        let sums = text.lines().find(|line| line.contains("(flat, cum)")).expect("a routine");
        let mut columns = sums.split_whitespace();
        let mut value = || {
            let column = columns.next().expect("a column").trim_end_matches(|c: char| c.is_ascii_alphabetic());
            if column == "." { 0 } else { column.parse::<i64>().expect("a whole number") }
        };
        assert_eq!((value(), value()), (function.flat, function.cum), "{} of {path}:\n{text}", function.name);
        compared += 1;
    }
    compared
}

pub fn differences_equal_those_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let all = files::all();
    let mut negative = 0;
    // Pairs of profiles of one program, and then pairs of the same kind from two Go versions.
    let pairs = ["go1.21", "go1.24", "go1.26", "go1.27"].iter().flat_map(|version| {
        [("heap", "heap-later"), ("heap-later", "heap"), ("heap-later", "allocs")]
            .map(|(base, file)| (files::path(&format!("{version}/{base}")), files::path(&format!("{version}/{file}"))))
    });
    let versions = all.iter().filter(|(name, _)| name.starts_with("go1.27") && !name.contains("leak"));
    let versions =
        versions.map(|(name, path)| (files::path(&name.replace("1.27", "1.21").replace(".pb.gz", "")), path.clone()));
    for (base, file) in pairs.chain(versions) {
        let ours = report(&file).minus(&report(&base)).expect("both profiles have the same kind");
        for (i, sample_type) in ours.sample_types().iter().enumerate() {
            let theirs = top(&pprof, &sample_type.kind, unit(&sample_type.unit), Some(&base), &file);
            assert_eq!(lines(&ours, i), theirs, "{} less {}: {}", file.display(), base.display(), sample_type.kind);
            negative += theirs.iter().filter(|line| line.0 < 0).count();
        }
    }
    assert!(negative > 20, "{negative} negative lines");
    Ok(())
}

/// Compares one sample type of a profile, or of the difference to `base`, and returns the number of
/// lines.
fn compare(pprof: &Path, base: Option<&Path>, file: &Path, sample: usize) -> usize {
    let ours = report(file);
    let ours = base.map_or(ours.clone(), |base| ours.minus(&report(base)).expect("both profiles have the same kind"));
    let sample_type = &ours.sample_types()[sample];
    let theirs = top(pprof, &sample_type.kind, unit(&sample_type.unit), base, file);
    let less = base.map_or(String::new(), |base| format!(" less {}", base.display()));
    assert_eq!(lines(&ours, sample), theirs, "{}{less}: {}", file.display(), sample_type.kind);
    theirs.len()
}

/// Compares the growth from the first to the last heap profile of each program. To save time, each
/// program is compared in only one of the four sample types, in turn.
pub fn growth_of_captures_equals_that_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let captures = files::captures();
    let lasts = captures.iter().filter(|(name, _)| name.ends_with("heap.3.pb.gz"));
    let (mut programs, mut compared) = (0, 0);
    for (number, (_, last)) in lasts.enumerate() {
        let first = last.with_file_name("heap.1.pb.gz");
        compared += compare(&pprof, Some(&first), last, number % 4);
        programs += 1;
    }
    assert_eq!((programs, compared), (151, 3629), "programs, and lines of Go's tool");
    Ok(())
}

/// Compares every sample type of every profile, and of the difference between the first and the
/// last profile of each kind and program.
pub fn all_captures_equal_those_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    for (_, path) in files::captures() {
        for sample in 0..report(&path).sample_types().len() {
            compare(&pprof, None, &path, sample);
            let earlier = path.display().to_string().replace(".3.pb.gz", ".1.pb.gz");
            if Path::new(&earlier) != path && Path::new(&earlier).exists() {
                compare(&pprof, Some(Path::new(&earlier)), &path, sample);
            }
        }
    }
    Ok(())
}

/// The names are those of the unit test in `src/pprof/names.rs`.
pub fn names_equal_those_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let names = [
        "main.main",
        "net/http.(*conn).serve",
        "main.F[...]",
        "main.F[go.shape.int]",
        "main.F[func(int) string]",
        "main.(*T[go.shape.func(int)]).M",
        "main.F[<-chan int].func1",
        "main.F[chan<- (<-chan int)].func1",
        "main.F[map[string](func(a(b)))]",
        "std::vector<int>::push(int)",
        "a::b)c(d)",
        "a::(b",
        "größer.(*Ü[go.shape.struct { Ä func() }]).ß",
        "größer.Ü[go.shape.struct { Ä func(ö) int }].ß",
    ];
    let mut profile = ProfileBuilder::new([ValueType::new("inuse_space", "bytes")]);
    for (name, value) in names.iter().zip(1..) {
        profile.sample([ProfileFrame::new(*name, "f.go", 1)], [value]);
    }
    // An unknown function, recursion, and a function that is inlined in one place and not in
    // another.
    profile.sample(
        [ProfileFrame::default(), ProfileFrame::new("main.r", "f.go", 1), ProfileFrame::new("main.r", "f.go", 2)],
        [100],
    );
    let inner = ProfileFrame { inlined: true, ..ProfileFrame::new("main.r", "f.go", 3) };
    profile.sample([inner, ProfileFrame::new("main.s", "f.go", 4), ProfileFrame::new("main.r", "f.go", 1)], [1000]);
    profile.sample([], [10_000]);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("names.pb.gz");
    profile
        .write_gzip(std::fs::File::create(&file).expect("the target folder can be written"))
        .expect("the disk has room");
    let theirs = top(&pprof, "inuse_space", "B", None, &file);
    assert_eq!(lines(&report(&file), 0), theirs);
    let cum = |name: &str| theirs.iter().find(|line| line.2 == name).map(|line| line.1);
    assert_eq!((cum("main.r"), cum("main.s"), cum("<unknown>")), (Some(1100), Some(1000), Some(100)));
    Ok(())
}

pub fn a_synthetic_profile_is_opened_by_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let mut profile =
        ProfileBuilder::new([ValueType::new("contentions", "count"), ValueType::new("delay", "nanoseconds")]);
    let time = WallTime::from_nanos(1_700_000_000_000_000_000).expect("in range");
    profile.time(time).duration(Duration::from_secs(2)).comment("of a test");
    let main = ProfileFrame::new("main.main", "main.go", 3);
    profile.sample([ProfileFrame::new("main.wait", "main.go", 7), main], [3, 250_000_000]);
    profile.sample(
        [ProfileFrame { inlined: true, ..ProfileFrame::new("main.work", "main.go", 8) }, main],
        [1, 750_000_000],
    );
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("written.pb.gz");
    profile
        .write_gzip(std::fs::File::create(&file).expect("the target folder can be written"))
        .expect("the disk has room");
    let text = run(&pprof, &["-top", file.to_str().expect("the path is UTF-8")]);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("Time: ")).collect();
    assert_eq!(
        lines,
        [
            "of a test",
            "Type: delay",
            "Duration: 2s, Total samples = 1000ms (50.00%)",
            "Showing nodes accounting for 1000ms, 100% of 1000ms total",
            "      flat  flat%   sum%        cum   cum%",
            "     750ms 75.00% 75.00%      750ms 75.00%  main.work (inline)",
            "     250ms 25.00%   100%      250ms 25.00%  main.wait",
            "         0     0%   100%     1000ms   100%  main.main",
        ]
    );
    Ok(())
}

/// The total time equals that of `go tool pprof`.
pub fn profiles_of_traces_are_opened_by_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let all = [
        ("net", ProfileKind::Net),
        ("sync", ProfileKind::Sync),
        ("syscall", ProfileKind::Syscall),
        ("sched", ProfileKind::Sched),
        ("off-cpu", ProfileKind::OffCpu),
        ("cpu", ProfileKind::Cpu),
    ];
    for (name, kind) in all {
        let trace = if name == "cpu" { "go1.27/cpuprofile" } else { "go1.27/http" };
        let bytes = sample(trace).bytes();
        let mut reader = Reader::from_slice(&bytes).expect("a trace");
        let options = ProfileOptions::default().complete();
        let (profile, _) = analysis::run(&mut reader, Profiler::new(kind, options));
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("analyses-{name}.pb.gz"));
        let file = std::fs::File::create(&path).expect("the target folder can be written");
        profile.to_pprof().write_gzip(file).expect("the disk has room");
        let path = path.to_str().expect("the path is UTF-8");
        let top = run(&pprof, &["-top", "-unit=ns", path]);
        let kind = if name == "cpu" { "Type: cpu" } else { "Type: delay" };
        let sum = profile.samples().iter().map(|sample| sample.total.as_nanos()).sum::<u128>();
        assert!(top.contains(kind) && top.lines().count() > 6, "{name}: {top}");
        assert!(sum > 0 && top.contains(&format!("Total samples = {sum}ns")), "{name}: {sum} ns in {top}");
    }
    Ok(())
}
