//! Shows frames and stacks in one line, and picks the frames that say where the program was.

use gotrace::OwnedFrame;
use gotrace::timeline::StackTrace;

use super::names;

/// Frames with their callers, such as `main.serve main.go:12 < main.main main.go:7`.
pub fn one_line(frames: &[OwnedFrame], with_package_path: bool) -> String {
    let place = |frame: &OwnedFrame| {
        let func = if with_package_path { &frame.func } else { names::without_path(&frame.func) };
        format!("{func} {}", line(frame))
    };
    frames.iter().map(place).collect::<Vec<_>>().join(" < ")
}

/// The file and the line of a frame, such as `main.go:12`.
pub fn line(frame: &OwnedFrame) -> String {
    format!("{}:{}", names::file_name(&frame.file), frame.line)
}

/// At most two frames: the innermost frame outside of the runtime, and its nearest caller outside
/// of `internal/` and `syscall`.
pub fn own_frames(stack: StackTrace<'_>) -> Vec<OwnedFrame> {
    let mut own = stack.own_frames();
    let first = own.next();
    let callers = own.filter(|frame| !is_internal(frame.func.as_bytes()));
    first.into_iter().chain(callers).take(2).map(OwnedFrame::from).collect()
}

/// The innermost frame outside of the runtime, `internal/` and `syscall`. If there is none, the
/// innermost frame.
pub fn outside_of_internal(stack: &[OwnedFrame]) -> Option<&OwnedFrame> {
    stack.iter().find(|frame| !frame.is_runtime() && !is_internal(frame.func.as_bytes())).or(stack.first())
}

/// Returns whether the function is in `internal/...` or `syscall`.
fn is_internal(function: &[u8]) -> bool {
    function.starts_with(b"internal/") || function.starts_with(b"syscall.")
}

/// The innermost frame outside of the runtime, or the innermost one if all are in it.
pub fn outside_of_runtime(stack: &[OwnedFrame]) -> Option<&OwnedFrame> {
    stack.iter().find(|frame| !frame.is_runtime()).or(stack.first())
}
