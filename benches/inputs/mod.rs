//! The traces to measure.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The path in the environment variable GOTRACE_BIG_TRACE, if it is set.
pub fn big() -> Option<PathBuf> {
    env::var_os("GOTRACE_BIG_TRACE").map(PathBuf::from)
}

/// The largest trace of Go 1.22 or later in testdata.
pub fn biggest_of_testdata() -> PathBuf {
    // The benchmarks are built by the package in the folder tests.
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/traces"));
    let releases = (22..).map(|minor| folder.join(format!("go1.{minor}"))).take_while(|release| release.exists());
    let traces = releases.flat_map(|release| fs::read_dir(release).expect("testdata exists"));
    let sizes = traces.map(|entry| {
        let path = entry.expect("testdata exists").path();
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        (size, path)
    });
    sizes.max().expect("testdata has traces").1
}
