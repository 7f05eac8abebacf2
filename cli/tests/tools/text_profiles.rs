//! Profiles in text form (`debug=1`) have the values that `go tool pprof` finds in the same files.
//! It takes the names from the binary, and we take them from the comments.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gotrace::pprof::{PprofKind, Profile};
use gotrace_tests::corpus::testdata;
use gotrace_tests::go::{Missing, build, pprof_tool};
use gotrace_tests::profiles::{self as files, without_types};

use crate::pprof::{lines, report, run, top_with, unit};

/// The flat and cumulative value of each function.
type Functions = BTreeMap<String, (i64, i64)>;

/// The value of each stack, with the innermost function first.
type Stacks = BTreeMap<Vec<String>, i64>;

/// What stands for the functions of the runtime at the start of a goroutine's stack, which have no
/// comment.
const UNNAMED: &str = "runtime.(unnamed)";

pub fn functions_and_stacks_equal_those_of_go_tool_pprof() -> Result<(), Missing> {
    let pprof = pprof_tool()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("text-profiles");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let binary = folder.join("bin");
    // go tool pprof does not find the names of inlined functions in a binary.
    build(&testdata().join("programs/profiles.go"), &["-gcflags=all=-l"], &binary)?;
    let status = Command::new(&binary).arg(&folder).arg("text").env("GOMAXPROCS", "2").status();
    assert!(status.expect("the program starts").success());

    let texts = texts(&folder);
    let (mut tables, mut functions, mut stacks) = (0, 0, 0);
    for path in &texts {
        let profile = files::open(path);
        let ours = report(path);
        // Go has comments for all functions in the stacks of other kinds.
        let has_unnamed = matches!(profile.kind(), PprofKind::Goroutine | PprofKind::GoroutineLeak);
        for (i, sample_type) in ours.sample_types().iter().enumerate() {
            let context = format!("{} {}", path.display(), sample_type.kind);
            let (kind, unit) = (&*sample_type.kind, unit(&sample_type.unit));

            let mut expected = functions_of_pprof(&pprof, kind, unit, &binary, path);
            let found: Functions = lines(&ours, i).into_iter().map(|(flat, cum, name)| (name, (flat, cum))).collect();
            functions += found.len();
            if has_unnamed {
                remove_names(&mut expected, &found);
            }
            assert_eq!(found, expected, "{context}");

            let expected = stacks_of_pprof(&pprof, kind, unit, &binary, path, has_unnamed);
            let found = stacks_of(&profile, i);
            stacks += found.len();
            assert_eq!(found, expected, "{context}");
            tables += 1;
        }
    }
    assert_eq!((texts.len(), tables), (8, 19), "profiles and sample types");
    assert!(functions > 300 && stacks > 300, "{functions} functions, {stacks} stacks");
    Ok(())
}

fn texts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the program writes profiles");
    let paths = entries.map(|entry| entry.expect("the folder is readable").path());
    let mut texts: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|it| it == "txt")).collect();
    texts.sort();
    texts
}

/// A name of `go tool pprof` as in text. It gives an address without a function the name of the
/// binary.
fn name(name: &str) -> String {
    if name == "[bin]" { "<unknown>".to_owned() } else { without_types(name) }
}

fn functions_of_pprof(pprof: &Path, kind: &str, unit: &str, binary: &Path, file: &Path) -> Functions {
    let binary = binary.to_str().expect("the path is UTF-8");
    let mut functions = Functions::new();
    for (flat, cum, function) in top_with(pprof, kind, unit, None, file, &[binary]) {
        let sums = functions.entry(name(&function)).or_default();
        *sums = (sums.0 + flat, sums.1 + cum);
    }
    functions
}

/// Replaces the functions of the runtime that are not in `known` by one without a name.
fn remove_names(functions: &mut Functions, known: &Functions) {
    // The innermost function of a stack is the only one with a flat value, so their sum is that of
    // the stacks.
    let mut sum = 0;
    functions.retain(|name, &mut (flat, _)| {
        let is_hidden = is_runtime(name) && !known.contains_key(name);
        sum += if is_hidden { flat } else { 0 };
        !is_hidden
    });
    functions.insert(UNNAMED.to_owned(), (sum, sum));
}

fn is_runtime(function: &str) -> bool {
    function.starts_with("runtime.") || function.starts_with("internal/runtime/")
}

/// The stacks of `go tool pprof -traces`. With `has_unnamed`, the functions of the runtime at the
/// start of a stack lose their names.
fn stacks_of_pprof(pprof: &Path, kind: &str, unit: &str, binary: &Path, file: &Path, has_unnamed: bool) -> Stacks {
    let (index, unit) = (format!("-sample_index={kind}"), format!("-unit={unit}"));
    let path = |path: &Path| path.to_str().expect("the path is UTF-8").to_owned();
    let text = run(pprof, &["-traces", &index, &unit, &path(binary), &path(file)]);
    let mut stacks = Stacks::new();
    for block in text.split("-----------+-------------------------------------------------------\n").skip(1) {
        // Labels come before the stack, such as `bytes:  48`.
        let mut lines = block.lines().map(str::trim_start).skip_while(|line| line.contains(":  "));
        let Some(first) = lines.next() else { continue };
        let (value, innermost) = first.split_once("   ").expect("a value and a function");
        let value = value.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<i64>();
        let mut stack: Vec<String> = [innermost].into_iter().chain(lines).map(name).collect();
        if has_unnamed {
            let hidden = stack.iter().take_while(|function| is_runtime(function)).count();
            stack[..hidden].fill(UNNAMED.to_owned());
        }
        *stacks.entry(stack).or_default() += value.expect("a whole number");
    }
    stacks
}

fn stacks_of(profile: &Profile<'_>, sample_type: usize) -> Stacks {
    let mut stacks = Stacks::new();
    let mut samples = profile.samples();
    while let Some(sample) = samples.next_sample().expect("a valid profile") {
        let frames = sample.frames().map(|frame| match frame.func.to_string() {
            unknown if unknown.is_empty() => "<unknown>".to_owned(),
            function => function,
        });
        *stacks.entry(frames.collect()).or_default() += sample.values()[sample_type];
    }
    stacks
}
