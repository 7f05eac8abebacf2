//! Frames and stacks in a line of text, and which of their frames say where the program was.

use gotrace::OwnedFrame;
use gotrace::timeline::StackTrace;

use super::names;

/// Frames with their callers, such as `main.serve main.go:12 < main.main main.go:7`.
pub fn text(frames: &[OwnedFrame], is_wide: bool) -> String {
    let place = |frame: &OwnedFrame| {
        let func = if is_wide { &frame.func } else { names::without_path(&frame.func) };
        format!("{func} {}", line(frame))
    };
    frames.iter().map(place).collect::<Vec<_>>().join(" < ")
}

/// The file and the line of a frame, such as `main.go:12`.
pub fn line(frame: &OwnedFrame) -> String {
    format!("{}:{}", names::file_name(&frame.file), frame.line)
}

/// The innermost frames of a stack outside of the runtime, or the innermost ones if all are in it.
pub fn own_frames(stack: StackTrace<'_>, most: usize) -> Vec<OwnedFrame> {
    let own = stack.frames().skip_while(|frame| is_runtime(frame.func.as_bytes())).take(most);
    let own: Vec<OwnedFrame> = own.map(OwnedFrame::from).collect();
    if own.is_empty() { stack.frames().take(most).map(OwnedFrame::from).collect() } else { own }
}

/// The innermost frame outside of the runtime, or the innermost one if all are in it.
pub fn innermost(stack: &[OwnedFrame]) -> Option<&OwnedFrame> {
    stack.iter().find(|frame| !is_runtime(frame.func.as_bytes())).or(stack.first())
}

fn is_runtime(function: &[u8]) -> bool {
    function.starts_with(b"runtime.") || function.starts_with(b"internal/runtime")
}
