//! Traces of a simulated scheduler. Nearly all of their events are possible, so they reach the
//! rules of ordering, which random bytes rarely do.
//!
//! A few goroutines, Ps and threads change their states. Each step is an event in the batch of its
//! thread, with the correct sequence number. Sometimes an event is random, or a number or time is
//! wrong.

use gotrace::raw::{EventType as E, RawFrame};
use gotrace::synth::{Batch, CpuSample, Generation, Trace};
use gotrace::{StackId, ThreadId, Version};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

const GOS: usize = 6;
const PROCS: usize = 4;
const THREADS: usize = 4;
const MAX_STEPS: usize = 400;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum GoState {
    #[default]
    Absent,
    Runnable,
    Running,
    Syscall,
    Waiting,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ProcState {
    #[default]
    Absent,
    Running,
    Idle,
    Syscall,
}

#[derive(Clone, Copy, Debug, Default)]
struct Go {
    is: GoState,
    number: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Proc {
    is: ProcState,
    number: u64,
    thread: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    go: Option<usize>,
    proc: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    gos: [Go; GOS],
    procs: [Proc; PROCS],
    threads: [Thread; THREADS],
    gc: u64,
    clock: u64,
}

/// A step: the event and its arguments after the time.
type Step = (E, Vec<u64>);

/// Generates a trace. The input makes the choices.
pub fn trace(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let version = *input.choose(&[Version::Go122, Version::Go123, Version::Go125, Version::Go126, Version::Go126])?;
    let mut state = State { clock: 100, ..State::default() };
    let mut trace = Trace::new(version);
    let generations = input.int_in_range(1..=4)?;
    for number in 1..=generations {
        let mut generation = Generation::new(number);
        fill(&mut generation, &mut state, version, number == 1, input)?;
        if input.ratio(1, 32)? {
            generation.without_end();
        }
        trace = trace.generation(&generation);
    }
    if input.ratio(1, 16)? {
        trace = trace.bytes(input.arbitrary()?);
    }
    Ok(trace.into_bytes())
}

fn fill(
    generation: &mut Generation,
    state: &mut State,
    version: Version,
    first: bool,
    input: &mut Unstructured<'_>,
) -> Result<()> {
    for name in ["main.main", "main.go", "chan receive"] {
        generation.string(name);
    }
    generation.stack(&[RawFrame { pc: 1, func: 1, file: 2, line: 3 }]);
    if first {
        state.begin(input)?;
    }
    state.add_statuses(generation);
    let steps = input.int_in_range(0..=MAX_STEPS / 4)?;
    let mut left = steps;
    while left > 0 {
        let thread = input.int_in_range(0..=THREADS - 1)?;
        let late = if input.ratio(1, 8)? { input.int_in_range(0..=20)? } else { 0 };
        let mut batch = Batch::new(ThreadId(thread as u64), state.clock.saturating_sub(late));
        for _ in 0..input.int_in_range(1..=8)? {
            left = left.saturating_sub(1);
            let (event, args) = state.step(thread, version, input)?;
            // Some events have equal times.
            let delta = u64::from(!input.ratio(1, 4)?);
            state.clock += delta;
            let args: Vec<u64> = [delta].into_iter().chain(args).collect();
            batch = batch.event(event, &args);
        }
        generation.batch(batch);
        if input.is_empty() {
            break;
        }
    }
    if input.ratio(1, 4)? {
        let time = state.clock - u64::from(input.arbitrary::<u8>()?).min(state.clock);
        generation.sample(CpuSample { time, thread: 0, proc: 0, go: 1, stack: StackId(input.int_in_range(0..=2)?) });
    }
    Ok(())
}

impl State {
    /// Sets the state at the start of the trace.
    fn begin(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        for proc in &mut self.procs {
            proc.is = *input.choose(&[ProcState::Idle, ProcState::Absent])?;
        }
        for go in &mut self.gos {
            go.is = *input.choose(&[GoState::Absent, GoState::Runnable, GoState::Waiting])?;
        }
        self.procs[0] = Proc { is: ProcState::Running, ..Proc::default() };
        self.gos[1].is = GoState::Running;
        self.threads[0] = Thread { go: Some(1), proc: Some(0) };
        Ok(())
    }

    /// Adds the statuses with which each generation starts.
    fn add_statuses(&mut self, generation: &mut Generation) {
        for (id, thread) in self.threads.iter().enumerate() {
            let mut batch = Batch::new(ThreadId(id as u64), self.clock);
            let proc_of =
                |p: usize| thread.proc == Some(p) || (id == 0 && self.threads.iter().all(|t| t.proc != Some(p)));
            for (p, proc) in self.procs.iter().enumerate().filter(|(p, _)| proc_of(*p)) {
                match proc.is {
                    ProcState::Absent => {}
                    ProcState::Running => batch = batch.event(E::ProcStatus, &[1, p as u64, 1]),
                    ProcState::Idle => batch = batch.event(E::ProcStatus, &[1, p as u64, 2]),
                    ProcState::Syscall => batch = batch.event(E::ProcStatus, &[1, p as u64, 3]),
                }
            }
            let go_of = |g: usize| thread.go == Some(g) || (id == 0 && self.threads.iter().all(|t| t.go != Some(g)));
            for (g, go) in self.gos.iter().enumerate().filter(|(g, _)| go_of(*g)) {
                let status = match go.is {
                    GoState::Absent => continue,
                    GoState::Runnable => 1,
                    GoState::Running => 2,
                    GoState::Syscall => 3,
                    GoState::Waiting => 4,
                };
                batch = batch.event(E::GoStatus, &[1, g as u64, id as u64, status]);
            }
            self.clock += 12;
            generation.batch(batch);
        }
        self.gos.iter_mut().for_each(|go| go.number = 0);
        self.procs.iter_mut().for_each(|proc| proc.number = 0);
    }

    /// The next step of a thread.
    fn step(&mut self, thread: usize, version: Version, input: &mut Unstructured<'_>) -> Result<Step> {
        if input.ratio(1, 24)? {
            return random_step(input);
        }
        let mut steps = self.possible(thread, version);
        let (event, mut args) = match steps.len() {
            0 => return random_step(input),
            n => steps.swap_remove(input.int_in_range(0..=n - 1)?),
        };
        self.apply(thread, event, &args);
        if !args.is_empty() && input.ratio(1, 48)? {
            let at = input.int_in_range(0..=args.len() - 1)?;
            args[at] = random_number(input)?;
        }
        Ok((event, args))
    }

    /// The steps that are possible on a thread.
    fn possible(&self, thread: usize, version: Version) -> Vec<Step> {
        let Thread { go, proc } = self.threads[thread];
        let mut steps: Vec<Step> = Vec::new();
        let gos = |is: GoState| self.gos.iter().enumerate().filter(move |(_, go)| go.is == is);
        let in_syscall = go.is_some_and(|g| self.gos[g].is == GoState::Syscall);
        let coroutines = version >= Version::Go123;
        for (p, state) in self.procs.iter().enumerate() {
            match state.is {
                ProcState::Idle if proc.is_none() => steps.push((E::ProcStart, vec![p as u64, state.number + 1])),
                ProcState::Syscall => steps.push((E::ProcSteal, vec![p as u64, state.number + 1, state.thread as u64])),
                ProcState::Absent => steps.push((E::ProcStatus, vec![p as u64, 2])),
                _ => {}
            }
        }
        let Some(p) = proc else {
            match in_syscall {
                true => steps.extend([(E::GoSyscallEndBlocked, vec![]), (E::GoDestroySyscall, vec![])]),
                false => steps.extend(gos(GoState::Absent).map(|(g, _)| (E::GoCreateSyscall, vec![g as u64]))),
            }
            return steps;
        };
        if in_syscall {
            steps.extend([(E::GoSyscallEnd, vec![]), (E::GoSyscallEnd, vec![]), (E::ProcStop, vec![])]);
            return steps;
        }
        steps.extend(gos(GoState::Absent).map(|(g, _)| (E::GoCreate, vec![g as u64, 1, 1])));
        steps.extend(gos(GoState::Waiting).map(|(g, go)| (E::GoUnblock, vec![g as u64, go.number + 1, 1])));
        steps.extend([(E::HeapAlloc, vec![self.clock]), (E::GCSweepBegin, vec![1]), (E::GCSweepEnd, vec![8, 4])]);
        if go.is_none() {
            steps.extend(gos(GoState::Runnable).map(|(g, go)| (E::GoStart, vec![g as u64, go.number + 1])));
            steps.push((E::ProcStop, vec![]));
            return steps;
        }
        steps.extend([
            (E::GoStop, vec![3, 1]),
            (E::GoBlock, vec![3, 1]),
            (E::GoDestroy, vec![]),
            (E::GoSyscallBegin, vec![self.procs[p].number + 1, 1]),
            (E::STWBegin, vec![3, 1]),
            (E::STWEnd, vec![]),
            (E::GCBegin, vec![self.gc + 1, 1]),
            (E::GCEnd, vec![self.gc + 1]),
            (E::GCMarkAssistBegin, vec![1]),
            (E::GCMarkAssistEnd, vec![]),
            (E::UserTaskBegin, vec![1 + self.clock % 4, self.clock % 3, 1, 1]),
            (E::UserTaskEnd, vec![1 + self.clock % 4, 1]),
            (E::UserRegionBegin, vec![self.clock % 4, 1, 1]),
            (E::UserRegionEnd, vec![self.clock % 4, 1, 1]),
            (E::UserLog, vec![self.clock % 4, 1, 2, 1]),
            (E::GoLabel, vec![1]),
            (E::ProcsChange, vec![4, 1]),
        ]);
        if coroutines {
            steps.extend(gos(GoState::Absent).map(|(g, _)| (E::GoCreateBlocked, vec![g as u64, 1, 1])));
            for (g, go) in gos(GoState::Waiting) {
                let args = vec![g as u64, go.number + 1];
                steps.extend([(E::GoSwitch, args.clone()), (E::GoSwitchDestroy, args)]);
            }
        }
        steps
    }

    /// Applies a step to the state.
    fn apply(&mut self, thread: usize, event: E, args: &[u64]) {
        let first = args.first().map_or(0, |&id| id as usize);
        let Thread { go, proc } = self.threads[thread];
        match event {
            E::ProcStatus => self.procs[first].is = ProcState::Idle,
            E::ProcStart => {
                self.procs[first] = Proc { is: ProcState::Running, number: args[1], thread };
                self.threads[thread].proc = Some(first);
            }
            E::ProcSteal => {
                let victim = self.procs[first].thread;
                self.procs[first] = Proc { is: ProcState::Idle, number: args[1], thread };
                self.threads[victim].proc = None;
            }
            E::ProcStop => {
                if let Some(p) = proc {
                    self.procs[p].is = ProcState::Idle;
                }
                self.threads[thread].proc = None;
            }
            E::GoCreate => self.gos[first] = Go { is: GoState::Runnable, number: 0 },
            E::GoCreateBlocked => self.gos[first] = Go { is: GoState::Waiting, number: 0 },
            E::GoCreateSyscall => {
                self.gos[first] = Go { is: GoState::Syscall, number: 0 };
                self.threads[thread].go = Some(first);
            }
            E::GoStart => {
                self.gos[first] = Go { is: GoState::Running, number: args[1] };
                self.threads[thread].go = Some(first);
            }
            E::GoUnblock => self.gos[first] = Go { is: GoState::Runnable, number: args[1] },
            E::GoSwitch | E::GoSwitchDestroy => {
                self.stop_goroutine(thread, if event == E::GoSwitch { GoState::Waiting } else { GoState::Absent });
                self.gos[first] = Go { is: GoState::Running, number: args[1] };
                self.threads[thread].go = Some(first);
            }
            E::GoStop | E::GoSyscallEndBlocked => self.stop_goroutine(thread, GoState::Runnable),
            E::GoBlock => self.stop_goroutine(thread, GoState::Waiting),
            E::GoDestroy | E::GoDestroySyscall => self.stop_goroutine(thread, GoState::Absent),
            E::GoSyscallBegin | E::GoSyscallEnd => {
                let starts = event == E::GoSyscallBegin;
                if let (Some(g), Some(p)) = (go, proc) {
                    self.gos[g].is = if starts { GoState::Syscall } else { GoState::Running };
                    let proc = &mut self.procs[p];
                    proc.is = if starts { ProcState::Syscall } else { ProcState::Running };
                    proc.number += u64::from(starts);
                    proc.thread = thread;
                }
            }
            E::GCBegin | E::GCEnd => self.gc += 1,
            _ => {}
        }
    }

    fn stop_goroutine(&mut self, thread: usize, is: GoState) {
        if let Some(g) = self.threads[thread].go.take() {
            self.gos[g].is = is;
        }
    }
}

/// A random event with random arguments, most of them small.
fn random_step(input: &mut Unstructured<'_>) -> Result<Step> {
    let event = *input.choose(E::ALL)?;
    let args = (1..event.spec().args.len()).map(|_| random_number(input)).collect::<Result<_>>()?;
    Ok((event, args))
}

fn random_number(input: &mut Unstructured<'_>) -> Result<u64> {
    match input.ratio(1, 16)? {
        true => input.arbitrary(),
        false => input.int_in_range(0..=6),
    }
}
