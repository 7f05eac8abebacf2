//! Our sums are those of `go tool pprof`.

use std::path::Path;

use gotrace::pprof::{By, Frame, ProfileBuilder, Report, ValueType};

use crate::{files, tool};

/// A line of the table: flat and cumulative value, and the name.
type Line = (i64, i64, String);

/// All lines of `go tool pprof -top`, nothing left out, in units that need no rounding.
fn top(pprof: &Path, sample_type: &str, unit: &str, base: Option<&Path>, file: &Path) -> Vec<Line> {
    let index = format!("-sample_index={sample_type}");
    let unit_flag = format!("-unit={unit}");
    let base = base.map(|base| format!("-diff_base={}", base.display()));
    let mut args = vec!["-top", "-nodefraction=0", "-edgefraction=0", "-nodecount=0", &index, &unit_flag];
    args.extend(base.as_deref());
    let file = file.display().to_string();
    args.push(&file);
    let text = tool::run(pprof, &args);
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

fn report(path: &Path) -> Report {
    Report::new(&files::parse(files::bytes(path).as_bytes()), By::Function).expect("it is sound")
}

fn lines(report: &Report, sample_type: usize) -> Vec<Line> {
    let rows = report.top(sample_type);
    rows.iter().map(|row| (row.flat[sample_type], row.cum[sample_type], row.name().to_owned())).collect()
}

/// Such as pprof calls them.
fn unit(unit: &str) -> &str {
    match unit {
        "bytes" => "B",
        "nanoseconds" => "ns",
        unit => unit,
    }
}

#[test]
fn flat_and_cum_are_those_of_go_tool_pprof() {
    let Some(pprof) = tool::pprof() else { return };
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
}

#[test]
fn differences_are_those_of_go_tool_pprof() {
    let Some(pprof) = tool::pprof() else { return };
    let all = files::all();
    let mut negative = 0;
    // Two of a program's, then the same kind of two versions.
    let pairs = ["go1.21", "go1.24", "go1.26", "go1.27"].iter().flat_map(|version| {
        [("heap", "heap-later"), ("heap-later", "heap"), ("heap-later", "allocs")]
            .map(|(base, file)| (files::path(&format!("{version}/{base}")), files::path(&format!("{version}/{file}"))))
    });
    let versions = all.iter().filter(|(name, _)| name.starts_with("go1.27") && !name.contains("leak"));
    let versions =
        versions.map(|(name, path)| (files::path(&name.replace("1.27", "1.21").replace(".pb.gz", "")), path.clone()));
    for (base, file) in pairs.chain(versions) {
        let ours = report(&file).minus(&report(&base)).expect("they are of one kind");
        for (i, sample_type) in ours.sample_types().iter().enumerate() {
            let theirs = top(&pprof, &sample_type.kind, unit(&sample_type.unit), Some(&base), &file);
            assert_eq!(lines(&ours, i), theirs, "{} less {}: {}", file.display(), base.display(), sample_type.kind);
            negative += theirs.iter().filter(|line| line.0 < 0).count();
        }
    }
    assert!(negative > 20, "{negative} negative lines");
}

/// What the tool says of a profile, less another, in one of its values.
fn compare(pprof: &Path, base: Option<&Path>, file: &Path, sample: usize) -> usize {
    let ours = report(file);
    let ours = base.map_or(ours.clone(), |base| ours.minus(&report(base)).expect("they are of one kind"));
    let sample_type = &ours.sample_types()[sample];
    let theirs = top(pprof, &sample_type.kind, unit(&sample_type.unit), base, file);
    let less = base.map_or(String::new(), |base| format!(" less {}", base.display()));
    assert_eq!(lines(&ours, sample), theirs, "{}{less}: {}", file.display(), sample_type.kind);
    theirs.len()
}

/// The heap profiles of each program, first and last, in one value of the four by turns.
#[test]
fn growth_of_captures_is_that_of_go_tool_pprof() {
    let Some(pprof) = tool::pprof() else { return };
    let captures = files::captures();
    let lasts = captures.iter().filter(|(name, _)| name.ends_with("heap.3.pb.gz"));
    let (mut programs, mut compared) = (0, 0);
    for (number, (_, last)) in lasts.enumerate() {
        let first = last.with_file_name("heap.1.pb.gz");
        compared += compare(&pprof, Some(&first), last, number % 4);
        programs += 1;
    }
    assert_eq!((programs, compared), (124, 2819), "programs, and lines of Go's tool");
}

/// Every value of every profile, and of every difference of two.
#[test]
#[ignore = "some thousand calls of the tool: ten minutes"]
fn all_of_captures_is_that_of_go_tool_pprof() {
    let Some(pprof) = tool::pprof() else { return };
    for (_, path) in files::captures() {
        for sample in 0..report(&path).sample_types().len() {
            compare(&pprof, None, &path, sample);
            let earlier = path.display().to_string().replace(".3.pb.gz", ".1.pb.gz");
            if Path::new(&earlier) != path && Path::new(&earlier).exists() {
                compare(&pprof, Some(Path::new(&earlier)), &path, sample);
            }
        }
    }
}

/// The names of the unit test in `src/pprof/names.rs`, which says that these are what pprof prints.
#[test]
fn names_are_those_of_go_tool_pprof() {
    let Some(pprof) = tool::pprof() else { return };
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
        profile.sample([Frame::new(*name, "f.go", 1)], [value]);
    }
    // A place of which no line is known, in no file and in one; recursion, and a function that is inlined and is not.
    profile.sample([Frame::default(), Frame::new("main.r", "f.go", 1), Frame::new("main.r", "f.go", 2)], [100]);
    let inner = Frame { inlined: true, ..Frame::new("main.r", "f.go", 3) };
    profile.sample([inner, Frame::new("main.s", "f.go", 4), Frame::new("main.r", "f.go", 1)], [1000]);
    profile.sample([], [10_000]);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("names.pb.gz");
    profile.write_gzip(std::fs::File::create(&file).expect("the directory is ours")).expect("the disk has room");
    let theirs = top(&pprof, "inuse_space", "B", None, &file);
    assert_eq!(lines(&report(&file), 0), theirs);
    let cum = |name: &str| theirs.iter().find(|line| line.2 == name).map(|line| line.1);
    assert_eq!((cum("main.r"), cum("main.s"), cum("<unknown>")), (Some(1100), Some(1000), Some(100)));
}
