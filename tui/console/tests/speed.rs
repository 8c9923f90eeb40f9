//! Speed of the console with a busy cluster: ten thousand entries in every log and a high rate of events. It measures
//! the console's own work (handling events, tape, checks, drawing) without the kernel and the terminal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::KeyCode;
use epoca::client::watch::Observed;
use epoca::protocol::NodeId;
use epoca::protocol::trace::{Event, NodeState};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use crate::console::model::Model;
use crate::console::tests::drawing::{LARGE, dark, drawn, text};
use crate::console::tests::sample::Sample;
use crate::console::update::{Msg, update};
use crate::console::view;
use crate::tape::{Checker, Record, What};

/// The minimum time between frames, as in the app.
const FRAME: Duration = Duration::from_millis(33);

/// Simulated time.
const PLAYED: Duration = Duration::from_secs(20);

/// Number of runs. Of each frame the fastest run counts, which excludes other load of the machine.
const TIMES: usize = 5;

/// Cost of each frame: handling and drawing, drawing alone, checking.
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

/// The events of this number of writes, in the order of their arrival.
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
    model.tape.has_sinks = true;
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, LARGE.0, LARGE.1)) };
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
        // The checks run in a thread of their own.
        let checks = Instant::now();
        let records: Vec<Arc<Record>> = model.tape.take_unread();
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
        let mut source = Sample::long(LARGE, NodeState::TAIL_MAX as u64);
        let model = source.model.clone();
        let events = events(&mut source, per_second * PLAYED.as_secs() as usize);
        let played = (0..TIMES).map(|_| play(&model, &events, per_second)).reduce(Cost::least);
        let Cost { mut frames, drawing, checking, bytes } = played.expect("it is played");
        let percent = |times: &[Duration]| 100.0 * times.iter().sum::<Duration>().as_secs_f64() / PLAYED.as_secs_f64();
        let (all, drawing, checking) = (percent(&frames), percent(&drawing), percent(&checking));
        frames.sort_unstable();
        let at = |share: usize| frames[(frames.len() - 1) * share / 1_000];
        println!(
            "{per_second:>6} events/s: a frame median {:?}, p99 {:?}, worst {:?}; of a core {all:.1} %, \
             {drawing:.1} % of it drawing, and {checking:.1} % for the checks; {} kB/s to the terminal",
            at(500),
            at(990),
            at(1_000),
            bytes as u64 / 1_000 / PLAYED.as_secs(),
        );
        assert!(cfg!(debug_assertions) || at(990) < FRAME, "a frame is late: {:?}", at(990));
    }
}

#[test]
fn ten_thousand_entries_are_drawn_as_fast_as_ten() {
    let with_entries = |count: usize| {
        let mut sample = Sample::healthy(LARGE);
        (0..count).for_each(|number| sample.propose("k", &number.to_string()));
        sample
    };
    let (ten, mut sample) = (with_entries(10), with_entries(10_000));
    sample.key(KeyCode::Home);
    assert!(text(&drawn(&sample, &dark())).contains("e1·o0   e1·o1"));
    sample.key(KeyCode::End);
    // The fastest of several runs counts, which excludes other load of the machine.
    let took = |sample: &Sample| {
        let begun = std::time::Instant::now();
        drawn(sample, &dark());
        begun.elapsed()
    };
    let least = |(one, other): (Duration, Duration), _| (one.min(took(&ten)), other.min(took(&sample)));
    let (few, many) = (0..30).fold((Duration::MAX, Duration::MAX), least);
    assert!(many < 3 * few, "{many:?} with ten thousand entries, {few:?} with ten");
    assert!(text(&drawn(&sample, &dark())).contains("k=9999"));
}

/// Time per frame: `cargo test --release --bin epoca -- --ignored --nocapture a_full_frame`.
#[test]
#[ignore = "a measurement, for a release build"]
fn a_full_frame_takes_less_than_three_milliseconds() {
    let mut sample = Sample::eventful(LARGE);
    for number in 0..10_000 {
        sample.propose("k", &number.to_string());
    }
    let mut took: Vec<Duration> = Vec::new();
    for frame in 0..300 {
        // Different contents each time.
        sample.key(if frame % 2 == 0 { KeyCode::Left } else { KeyCode::Tab });
        let begun = std::time::Instant::now();
        drawn(&sample, &dark());
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let (median, worst) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("a frame of 120x36 with ten thousand entries: median {median:?}, 99th percentile {worst:?}");
    assert!(cfg!(debug_assertions) || median < Duration::from_millis(3), "{median:?}");
}
