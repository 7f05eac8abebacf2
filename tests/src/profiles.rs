//! The profiles in testdata.

use std::path::{Path, PathBuf};

use gotrace::pprof::Profile;

use crate::corpus::testdata;

/// The name, such as `go1.27/heap.pb.gz`, and path of each profile of `testdata/profiles`.
pub fn all() -> Vec<(String, PathBuf)> {
    let root = testdata().join("profiles");
    let mut found = Vec::new();
    for version in std::fs::read_dir(&root).expect("testdata has profiles") {
        let version = version.expect("the directory is readable").path();
        for profile in std::fs::read_dir(&version).expect("a directory") {
            let path = profile.expect("the directory is readable").path();
            let name = path.strip_prefix(&root).expect("the path starts with the root").display().to_string();
            found.push((name, path));
        }
    }
    found.sort();
    assert!(found.len() >= 34, "expected eight or nine profiles of each of four versions, found {}", found.len());
    found
}

/// The name, such as `captures/go1.27/chansend/heap.1.pb.gz`, and path of each profile of
/// `testdata/leaks`.
pub fn captures() -> Vec<(String, PathBuf)> {
    let root = testdata().join("leaks");
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("testdata has captures");
        entries.map(|entry| entry.expect("the directory is readable").path()).collect()
    };
    let programs = list(&root.join("captures")).into_iter().flat_map(|version| list(&version));
    let programs = programs.chain(list(&root.join("real")).into_iter().filter(|path| path.is_dir()));
    let files = programs.flat_map(|program| list(&program));
    let name = |path: &PathBuf| path.strip_prefix(&root).expect("the path starts with the root").display().to_string();
    let mut found: Vec<_> = files.map(|path| (name(&path), path)).filter(|it| it.0.ends_with(".pb.gz")).collect();
    found.sort();
    assert!(
        found.len() >= 950,
        "expected six or seven profiles of each of 50 programs and three versions, found {}",
        found.len()
    );
    found
}

/// The path of a profile of `testdata/profiles`, such as `go1.27/heap`.
pub fn path(name: &str) -> PathBuf {
    testdata().join(format!("profiles/{name}.pb.gz"))
}

/// The name, such as `go1.27/heap.txt.gz`, and path of each profile in text form of `testdata/text-profiles`.
pub fn texts() -> Vec<(String, PathBuf)> {
    let versions = ["go1.21", "go1.27"].into_iter().flat_map(|version| {
        let files = std::fs::read_dir(testdata().join("text-profiles").join(version)).expect("testdata has profiles");
        let names = files.map(|file| file.expect("the directory is readable").file_name().display().to_string());
        names.map(move |name| format!("{version}/{name}"))
    });
    let mut names: Vec<String> = versions.filter(|name| name.ends_with(".txt.gz")).collect();
    names.sort();
    assert_eq!(names.len(), 15, "seven or eight profiles of each of two versions");
    names.into_iter().map(|name| (name.clone(), testdata().join("text-profiles").join(name))).collect()
}

/// The path of a profile in text form, such as `go1.27/heap`.
pub fn text(name: &str) -> PathBuf {
    testdata().join(format!("text-profiles/{name}.txt.gz"))
}

/// Reads a valid profile from a file.
pub fn open(path: &Path) -> Profile<'static> {
    Profile::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a valid profile from memory.
pub fn parse(bytes: &[u8]) -> Profile<'_> {
    Profile::from_slice(bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// The name of a function as in text: the type arguments of a generic function are dots.
pub fn without_types(function: &str) -> String {
    match (function.find('['), function.rfind(']')) {
        (Some(start), Some(end)) => format!("{}[...]{}", &function[..start], &function[end + 1..]),
        _ => function.to_owned(),
    }
}
