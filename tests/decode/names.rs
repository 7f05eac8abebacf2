//! Names that are used after the generation whose tables contain them.

use gotrace::raw::EventType;
use gotrace::synth::{Batch, Generation, Trace};
use gotrace::{EventKind, Reader, StackId, ThreadId, Version};

/// So many names that the decoder drops those that are no longer in use.
const TASKS: u64 = 5000;

fn generation(number: u64) -> (Generation, Batch) {
    let time = 1000 * number;
    let batch = Batch::new(ThreadId(7), time)
        .event(EventType::ProcStatus, &[1, 0, 1])
        .event(EventType::GoStatus, &[1, 1, 7, 2]);
    (Generation::new(number), batch)
}

/// Thousands of other tasks, each with its own name, start and end in the generations between.
#[test]
fn a_task_keeps_its_name_until_it_ends_three_generations_later() {
    let mut trace = Trace::new(Version::Go126);
    let no_stack = StackId(0).0;

    let (mut first, mut batch) = generation(1);
    let name = first.string("long task").0;
    batch = batch.event(EventType::UserTaskBegin, &[1, 1, 0, name, no_stack]);
    first.batch(batch);
    trace = trace.generation(&first);
    for number in 2..4 {
        let (mut middle, mut batch) = generation(number);
        for task in 0..TASKS {
            let id = number * TASKS + task;
            let name = middle.string(format!("request {id}")).0;
            batch = batch
                .event(EventType::UserTaskBegin, &[0, id, 1, name, no_stack])
                .event(EventType::UserTaskEnd, &[0, id, no_stack]);
            if task % 1000 == 999 {
                middle.batch(std::mem::replace(&mut batch, Batch::new(ThreadId(7), 1000 * number + 10)));
            }
        }
        trace = trace.generation(&middle);
    }
    let (mut last, mut batch) = generation(4);
    batch = batch.event(EventType::UserTaskEnd, &[1, 1, no_stack]);
    last.batch(batch);
    let bytes = trace.generation(&last).into_bytes();

    let mut reader = Reader::from_slice(&bytes).expect("a header");
    let mut ended = Vec::new();
    while let Some(event) = reader.next_event().expect("a valid trace") {
        if let EventKind::TaskEnd(task) = event.kind() {
            ended.push((task.id.0, task.name.to_str_lossy().into_owned()));
        }
    }
    let mut expected: Vec<_> = (2 * TASKS..4 * TASKS).map(|id| (id, format!("request {id}"))).collect();
    expected.push((1, "long task".into()));
    assert_eq!(ended, expected);
}
