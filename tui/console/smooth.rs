//! How the screen keeps up with a busy cluster: ten thousand entries in every log, and so many events a second as they
//! come from writes. A measurement of the console's own work: taking events in, the tape, the checks, drawing as the
//! terminal gets it. What the kernel and the terminal do with the bytes is left out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, NodeState};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::console::model::Model;
use crate::console::sample::Sample;
use crate::console::screens::dark;
use crate::console::update::{Msg, update};
use crate::console::view;
use crate::tape::{Checker, Record, What};

const SIZE: (u16, u16) = (120, 36);

/// As the app draws: thirty times a second at most.
const FRAME: Duration = Duration::from_millis(33);

/// So much of the cluster's time is played.
const PLAYED: Duration = Duration::from_secs(20);

/// The same is played so often, and of each frame the least counts: what else the machine had to do is no part of it.
const TIMES: usize = 5;

/// What each frame cost: taking in and drawing, drawing alone, checking beside it.
struct Cost {
    frames: Vec<Duration>,
    drawing: Vec<Duration>,
    checking: Vec<Duration>,
    bytes: usize,
}

impl Cost {
    fn least(mut self, other: Cost) -> Cost {
        let least = |own: &mut Vec<Duration>, other: &[Duration]| {
            own.iter_mut().zip(other).for_each(|(own, other)| *own = (*own).min(*other));
        };
        least(&mut self.frames, &other.frames);
        least(&mut self.drawing, &other.drawing);
        least(&mut self.checking, &other.checking);
        self
    }
}

/// The events that so many writes make, in the order in which they are heard.
fn events(sample: &mut Sample, count: usize) -> Vec<(NodeId, Event)> {
    let from = sample.model.tape.ring.end();
    let mut heard = Vec::new();
    while heard.len() < count {
        sample.write("k", "a value of some length", &[2, 3, 4]);
        let ring = &sample.model.tape.ring;
        let records = ring.records(from + heard.len() as u64, ring.end());
        heard.extend(records.filter_map(|record| match &record.what {
            What::Observed(node, Observed::Events(events)) => Some((*node, events.first()?.clone())),
            _ => None,
        }));
    }
    heard.truncate(count);
    heard
}

fn play(model: &Model, events: &[(NodeId, Event)], per_second: usize) -> Cost {
    let mut model = model.clone();
    model.tape.is_tapped = true;
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1)) };
    let mut written = Vec::new();
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut written), options).expect("a terminal");
    let (look, mut checker) = (dark(), Checker::new());
    let (mut frames, mut drawing, mut checking) = (Vec::new(), Vec::new(), Vec::new());
    let (begun, mut drawn) = (model.now, 0);
    let mut heard = events.iter().enumerate().peekable();
    while heard.peek().is_some() {
        let now = begun + FRAME * (frames.len() as u32 + 1);
        let frame = Instant::now();
        let due = |index: usize| begun + Duration::from_micros(index as u64 * 1_000_000 / per_second as u64) <= now;
        while let Some((_, (node, event))) = heard.next_if(|(index, _)| due(*index)) {
            update(&mut model, Msg::Tick(now));
            update(&mut model, Msg::Observed(*node, Observed::Events(vec![event.clone()])));
        }
        let draws = Instant::now();
        if drawn != model.revision {
            terminal.draw(|frame| view::draw(frame, &model, &look)).expect("a buffer takes all");
            drawn = model.revision;
        }
        drawing.push(draws.elapsed());
        frames.push(frame.elapsed());
        // The checks have a thread of their own.
        let checks = Instant::now();
        let records: Vec<Arc<Record>> = model.tape.take_fresh();
        records.iter().for_each(|record| _ = checker.take(record));
        checking.push(checks.elapsed());
    }
    drop(terminal);
    Cost { frames, drawing, checking, bytes: written.len() }
}

/// `cargo test --release --bin epoca -- --ignored --nocapture stays_smooth`.
#[test]
#[ignore = "a measurement, for a release build"]
fn a_busy_cluster_with_ten_thousand_entries_stays_smooth() {
    for per_second in [100, 1_000, 10_000] {
        let mut source = Sample::long(SIZE, NodeState::TAIL_MAX as u64);
        let model = source.model.clone();
        let events = events(&mut source, per_second * PLAYED.as_secs() as usize);
        let played = (0..TIMES).map(|_| play(&model, &events, per_second)).reduce(Cost::least);
        let Cost { mut frames, drawing, checking, bytes } = played.expect("it is played");
        let percent = |times: &[Duration]| 100.0 * times.iter().sum::<Duration>().as_secs_f64() / PLAYED.as_secs_f64();
        let (all, drawing, checking) = (percent(&frames), percent(&drawing), percent(&checking));
        frames.sort_unstable();
        let at = |share: usize| frames[(frames.len() - 1) * share / 1_000];
        println!(
            "{per_second:>6} events/s: a frame median {:?}, p99 {:?}, worst {:?}; of a core {all:.1} %, {drawing:.1} % of it \
             drawing, and {checking:.1} % for the checks; {} kB/s to the terminal",
            at(500),
            at(990),
            at(1_000),
            bytes as u64 / 1_000 / PLAYED.as_secs(),
        );
        assert!(cfg!(debug_assertions) || at(990) < FRAME, "a frame is late: {:?}", at(990));
    }
}
