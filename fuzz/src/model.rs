//! Traces made up of what a scheduler does: nearly all of it can happen, so that the rules of ordering are reached that
//! bytes alone seldom get to.
//!
//! A few goroutines, Ps and Ms go through their states; each step is written into its M's batch with the sequence number
//! that is due. Now and then a step is anything at all, a number is off, or a time.

use gotrace::raw::{EventType as E, RawFrame};
use gotrace::synth::{Batch, CpuSample, Generation, Trace};
use gotrace::{StackId, ThreadId, Version};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

const GOS: usize = 6;
const PROCS: usize = 4;
const THREADS: usize = 4;
const MAX_STEPS: usize = 400;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum GoIs {
    #[default]
    Absent,
    Runnable,
    Running,
    Syscall,
    Waiting,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ProcIs {
    #[default]
    Absent,
    Running,
    Idle,
    Syscall,
}

#[derive(Clone, Copy, Debug, Default)]
struct Go {
    is: GoIs,
    number: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Proc {
    is: ProcIs,
    number: u64,
    thread: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    go: Option<usize>,
    proc: Option<usize>,
}

#[derive(Debug, Default)]
struct World {
    gos: [Go; GOS],
    procs: [Proc; PROCS],
    threads: [Thread; THREADS],
    gc: u64,
    clock: u64,
}

/// A step: the event with its arguments behind the time.
type Step = (E, Vec<u64>);

/// A trace of what the input chooses.
pub fn trace(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let version = *input.choose(&[Version::Go122, Version::Go123, Version::Go125, Version::Go126, Version::Go126])?;
    let mut world = World { clock: 100, ..World::default() };
    let mut trace = Trace::new(version);
    let generations = input.int_in_range(1..=4)?;
    for number in 1..=generations {
        let mut generation = Generation::new(number);
        fill(&mut generation, &mut world, version, number == 1, input)?;
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
    world: &mut World,
    version: Version,
    first: bool,
    input: &mut Unstructured<'_>,
) -> Result<()> {
    for name in ["main.main", "main.go", "chan receive"] {
        generation.string(name);
    }
    generation.stack(&[RawFrame { pc: 1, func: 1, file: 2, line: 3 }]);
    if first {
        world.begin(input)?;
    }
    world.state_all(generation);
    let steps = input.int_in_range(0..=MAX_STEPS / 4)?;
    let mut left = steps;
    while left > 0 {
        let m = input.int_in_range(0..=THREADS - 1)?;
        let off = if input.ratio(1, 8)? { input.int_in_range(0..=20)? } else { 0 };
        let mut batch = Batch::new(ThreadId(m as u64), world.clock.saturating_sub(off));
        for _ in 0..input.int_in_range(1..=8)? {
            left = left.saturating_sub(1);
            let (event, args) = world.step(m, version, input)?;
            // Times that stand still, and clocks that are behind.
            let delta = u64::from(!input.ratio(1, 4)?);
            world.clock += delta;
            let args: Vec<u64> = [delta].into_iter().chain(args).collect();
            batch = batch.event(event, &args);
        }
        generation.batch(batch);
        if input.is_empty() {
            break;
        }
    }
    if input.ratio(1, 4)? {
        let time = world.clock - u64::from(input.arbitrary::<u8>()?).min(world.clock);
        generation.sample(CpuSample { time, thread: 0, proc: 0, go: 1, stack: StackId(input.int_in_range(0..=2)?) });
    }
    Ok(())
}

impl World {
    /// Something is there already.
    fn begin(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        for proc in &mut self.procs {
            proc.is = *input.choose(&[ProcIs::Idle, ProcIs::Absent])?;
        }
        for go in &mut self.gos {
            go.is = *input.choose(&[GoIs::Absent, GoIs::Runnable, GoIs::Waiting])?;
        }
        self.procs[0] = Proc { is: ProcIs::Running, ..Proc::default() };
        self.gos[1].is = GoIs::Running;
        self.threads[0] = Thread { go: Some(1), proc: Some(0) };
        Ok(())
    }

    /// Each generation tells of all that is there.
    fn state_all(&mut self, generation: &mut Generation) {
        for (m, thread) in self.threads.iter().enumerate() {
            let mut batch = Batch::new(ThreadId(m as u64), self.clock);
            let proc_of =
                |p: usize| thread.proc == Some(p) || (m == 0 && self.threads.iter().all(|t| t.proc != Some(p)));
            for (p, proc) in self.procs.iter().enumerate().filter(|(p, _)| proc_of(*p)) {
                match proc.is {
                    ProcIs::Absent => {}
                    ProcIs::Running => batch = batch.event(E::ProcStatus, &[1, p as u64, 1]),
                    ProcIs::Idle => batch = batch.event(E::ProcStatus, &[1, p as u64, 2]),
                    ProcIs::Syscall => batch = batch.event(E::ProcStatus, &[1, p as u64, 3]),
                }
            }
            let go_of = |g: usize| thread.go == Some(g) || (m == 0 && self.threads.iter().all(|t| t.go != Some(g)));
            for (g, go) in self.gos.iter().enumerate().filter(|(g, _)| go_of(*g)) {
                let status = match go.is {
                    GoIs::Absent => continue,
                    GoIs::Runnable => 1,
                    GoIs::Running => 2,
                    GoIs::Syscall => 3,
                    GoIs::Waiting => 4,
                };
                batch = batch.event(E::GoStatus, &[1, g as u64, m as u64, status]);
            }
            self.clock += 12;
            generation.batch(batch);
        }
        self.gos.iter_mut().for_each(|go| go.number = 0);
        self.procs.iter_mut().for_each(|proc| proc.number = 0);
    }

    /// The next step of an M.
    fn step(&mut self, m: usize, version: Version, input: &mut Unstructured<'_>) -> Result<Step> {
        if input.ratio(1, 24)? {
            return anything(input);
        }
        let mut steps = self.possible(m, version);
        let (event, mut args) = match steps.len() {
            0 => return anything(input),
            n => steps.swap_remove(input.int_in_range(0..=n - 1)?),
        };
        self.take(m, event, &args);
        if !args.is_empty() && input.ratio(1, 48)? {
            let at = input.int_in_range(0..=args.len() - 1)?;
            args[at] = number(input)?;
        }
        Ok((event, args))
    }

    /// What can happen on an M.
    fn possible(&self, m: usize, version: Version) -> Vec<Step> {
        let Thread { go, proc } = self.threads[m];
        let mut steps: Vec<Step> = Vec::new();
        let gos = |is: GoIs| self.gos.iter().enumerate().filter(move |(_, go)| go.is == is);
        let in_syscall = go.is_some_and(|g| self.gos[g].is == GoIs::Syscall);
        let coroutines = version >= Version::Go123;
        for (p, state) in self.procs.iter().enumerate() {
            match state.is {
                ProcIs::Idle if proc.is_none() => steps.push((E::ProcStart, vec![p as u64, state.number + 1])),
                ProcIs::Syscall => steps.push((E::ProcSteal, vec![p as u64, state.number + 1, state.thread as u64])),
                ProcIs::Absent => steps.push((E::ProcStatus, vec![p as u64, 2])),
                _ => {}
            }
        }
        let Some(p) = proc else {
            match in_syscall {
                true => steps.extend([(E::GoSyscallEndBlocked, vec![]), (E::GoDestroySyscall, vec![])]),
                false => steps.extend(gos(GoIs::Absent).map(|(g, _)| (E::GoCreateSyscall, vec![g as u64]))),
            }
            return steps;
        };
        if in_syscall {
            steps.extend([(E::GoSyscallEnd, vec![]), (E::GoSyscallEnd, vec![]), (E::ProcStop, vec![])]);
            return steps;
        }
        steps.extend(gos(GoIs::Absent).map(|(g, _)| (E::GoCreate, vec![g as u64, 1, 1])));
        steps.extend(gos(GoIs::Waiting).map(|(g, go)| (E::GoUnblock, vec![g as u64, go.number + 1, 1])));
        steps.extend([(E::HeapAlloc, vec![self.clock]), (E::GCSweepBegin, vec![1]), (E::GCSweepEnd, vec![8, 4])]);
        if go.is_none() {
            steps.extend(gos(GoIs::Runnable).map(|(g, go)| (E::GoStart, vec![g as u64, go.number + 1])));
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
            steps.extend(gos(GoIs::Absent).map(|(g, _)| (E::GoCreateBlocked, vec![g as u64, 1, 1])));
            for (g, go) in gos(GoIs::Waiting) {
                let args = vec![g as u64, go.number + 1];
                steps.extend([(E::GoSwitch, args.clone()), (E::GoSwitchDestroy, args)]);
            }
        }
        steps
    }

    /// Lets a step happen.
    fn take(&mut self, m: usize, event: E, args: &[u64]) {
        let first = args.first().map_or(0, |&id| id as usize);
        let Thread { go, proc } = self.threads[m];
        match event {
            E::ProcStatus => self.procs[first].is = ProcIs::Idle,
            E::ProcStart => {
                self.procs[first] = Proc { is: ProcIs::Running, number: args[1], thread: m };
                self.threads[m].proc = Some(first);
            }
            E::ProcSteal => {
                let victim = self.procs[first].thread;
                self.procs[first] = Proc { is: ProcIs::Idle, number: args[1], thread: m };
                self.threads[victim].proc = None;
            }
            E::ProcStop => {
                if let Some(p) = proc {
                    self.procs[p].is = ProcIs::Idle;
                }
                self.threads[m].proc = None;
            }
            E::GoCreate => self.gos[first] = Go { is: GoIs::Runnable, number: 0 },
            E::GoCreateBlocked => self.gos[first] = Go { is: GoIs::Waiting, number: 0 },
            E::GoCreateSyscall => {
                self.gos[first] = Go { is: GoIs::Syscall, number: 0 };
                self.threads[m].go = Some(first);
            }
            E::GoStart => {
                self.gos[first] = Go { is: GoIs::Running, number: args[1] };
                self.threads[m].go = Some(first);
            }
            E::GoUnblock => self.gos[first] = Go { is: GoIs::Runnable, number: args[1] },
            E::GoSwitch | E::GoSwitchDestroy => {
                self.leave(m, if event == E::GoSwitch { GoIs::Waiting } else { GoIs::Absent });
                self.gos[first] = Go { is: GoIs::Running, number: args[1] };
                self.threads[m].go = Some(first);
            }
            E::GoStop | E::GoSyscallEndBlocked => self.leave(m, GoIs::Runnable),
            E::GoBlock => self.leave(m, GoIs::Waiting),
            E::GoDestroy | E::GoDestroySyscall => self.leave(m, GoIs::Absent),
            E::GoSyscallBegin | E::GoSyscallEnd => {
                let begins = event == E::GoSyscallBegin;
                if let (Some(g), Some(p)) = (go, proc) {
                    self.gos[g].is = if begins { GoIs::Syscall } else { GoIs::Running };
                    let proc = &mut self.procs[p];
                    proc.is = if begins { ProcIs::Syscall } else { ProcIs::Running };
                    proc.number += u64::from(begins);
                    proc.thread = m;
                }
            }
            E::GCBegin | E::GCEnd => self.gc += 1,
            _ => {}
        }
    }

    fn leave(&mut self, m: usize, is: GoIs) {
        if let Some(g) = self.threads[m].go.take() {
            self.gos[g].is = is;
        }
    }
}

/// Any event with any arguments, most of them small.
fn anything(input: &mut Unstructured<'_>) -> Result<Step> {
    let event = *input.choose(E::ALL)?;
    let args = (1..event.spec().args.len()).map(|_| number(input)).collect::<Result<_>>()?;
    Ok((event, args))
}

fn number(input: &mut Unstructured<'_>) -> Result<u64> {
    match input.ratio(1, 16)? {
        true => input.arbitrary(),
        false => input.int_in_range(0..=6),
    }
}
