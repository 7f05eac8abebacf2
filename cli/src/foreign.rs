//! Command lines that users of other tools may type: options of `go tool pprof`, or a file without
//! a command.

use std::ffi::OsString;
use std::path::Path;

use crate::view::names;

/// Options of `go tool pprof` and what to do instead.
const PPROF: [(&str, &str); 22] = [
    ("top", "gotrace heap FILE shows the top functions without an option"),
    ("diff_base", "use --diff-base BASE FILE"),
    ("base", "use --diff-base BASE FILE"),
    ("traces", "use --by stack"),
    ("sample_index", "use --sample TYPE"),
    ("inuse_space", "use --sample inuse_space"),
    ("inuse_objects", "use --sample inuse_objects"),
    ("alloc_space", "use --sample alloc_space"),
    ("alloc_objects", "use --sample alloc_objects"),
    ("nodecount", "use --top N"),
    ("cum", "use --sort cum"),
    ("focus", "use --focus REGEX"),
    ("ignore", "use --ignore REGEX"),
    ("tagfocus", "use --tagfocus REGEX"),
    ("list", "use --list REGEX"),
    ("dot", "use --dot FILE"),
    ("web", "use --dot FILE for the call graph, or --svg FILE for a flame graph"),
    ("svg", "use --dot FILE for the call graph, or --svg FILE for a flame graph"),
    ("trim_path", "use --trim-path PREFIX"),
    ("source_path", "use --source DIR"),
    ("http", NOT_HERE),
    ("peek", NOT_HERE),
];

const NOT_HERE: &str = "gotrace heap has no such view, so use go tool pprof for it";

/// Says what `gotrace heap` has for an option of `go tool pprof`, which has a single dash.
pub fn of_pprof(args: &[OsString]) -> Option<String> {
    let (command, args) = args.split_first()?;
    let options = args.iter().filter(|_| command == "heap").filter_map(|arg| arg.to_str()?.strip_prefix('-'));
    let mut names = options.map(|option| option.split_once('=').map_or(option, |(name, _)| name));
    names.find_map(|name| {
        let (_, instead) = PPROF.iter().find(|(known, _)| *known == name)?;
        Some(format!("-{name} is an option of go tool pprof; {instead}"))
    })
}

/// Says that a command is missing, if a file is given where the command should be, or after a word
/// that only `go tool` has as a command.
pub fn without_command(args: &[OsString]) -> Option<String> {
    let first = args.first()?;
    let rest = if first == "trace" { &args[1..] } else { &args[..1] };
    let file = rest.iter().map(Path::new).find(|path| path.exists())?;
    let file = names::shell_word(file);
    Some(format!(
        "there is no command {}; give a command first, such as gotrace summary {file}",
        names::quoted(&first.to_string_lossy())
    ))
}
