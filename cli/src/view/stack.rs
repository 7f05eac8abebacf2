//! Stacks in a line.

use gotrace::OwnedFrame;

use super::names::file_name;

fn is_runtime(function: &str) -> bool {
    function.starts_with("runtime.") || function.starts_with("internal/runtime")
}

/// The innermost frame that says where the program was: outside of the runtime, unless all frames are in it.
pub fn innermost(stack: &[OwnedFrame]) -> Option<&OwnedFrame> {
    stack.iter().find(|frame| !is_runtime(&frame.func)).or(stack.first())
}

/// The file and the line of a frame, such as `main.go:12`.
pub fn line(frame: &OwnedFrame) -> String {
    format!("{}:{}", file_name(&frame.file), frame.line)
}
