//! The commands of scenario texts.
//!
//! ```text
//! nodes 4 [heartbeat=100] [election=1000] [window=N] [pushed=N] [in-flight=N]   voters with empty disks; times in ms
//!         [prefer=lowest|highest] [lease=600] [manual=1]
//! log 1 1:3 4:2 [promise=E] [committed=P] [other=N | forged=N]
//!                                  a disk before the start: runs of epochs; the last N with other content
//! start [N…]                       start [4] starts these nodes, or all
//! show all | decisions | nothing   how much of the trace is printed from here on
//! stand N · transfer N [to=M] · lease N (a read by lease) · tick N · elapse 1500ms · settle
//! put N k=v k=v… · delete N k · read N · inject N k=v [count=3] [epoch=2]
//! deliver [KIND] [N>M] [N>] [>M] · lose … · twice … (delivers a copy, the message stays in flight)
//! hold N KIND · release N KIND · cut A B · heal [A B]
//! disk N hold | free · flush N [COUNT] · apply N hold | free | next · readlog N hold | free | next
//! crash N [keep=K] (a power loss) · kill N (what was written stays) · restart N · wipe N
//! damage N POSITION · fail N (a storage error)
//! logs · final N · pool            print
//! ```

use std::str::FromStr;

use epoca::protocol::trace::Fact;
use epoca::protocol::{Epoch, Input, Leadership, NodeId, Position, Prefer, Promise, Time};
use epoca::verify::host::Image;

use crate::scenario::show::{self, Show};
use crate::world::{Auto, Options, Pick, World, logs};

pub struct Stage {
    world: Option<World>,
    show: Show,
    /// The time shown last.
    shown: Time,
}

impl Default for Stage {
    fn default() -> Stage {
        Stage { world: None, show: Show::All, shown: Time(0) }
    }
}

impl Stage {
    /// Runs one command; returns the lines that it printed.
    pub fn run(&mut self, line: &str) -> Vec<String> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_else(|| panic!("an empty command"));
        let arguments = Arguments::of(line, words);
        if name == "nodes" {
            self.world = Some(World::new(&options(&arguments)));
            return Vec::new();
        }
        let printed = self.act(name, &arguments);
        let events = self.world().take_events();
        let now = self.world().now;
        let mut lines = self.show.lines(&events, &mut self.shown);
        if self.show != Show::Nothing {
            lines.extend(show::at(now, &mut self.shown));
        }
        lines.extend(printed);
        lines
    }

    fn world(&mut self) -> &mut World {
        self.world.as_mut().expect("a scenario begins with `nodes N`")
    }

    fn act(&mut self, name: &str, arguments: &Arguments) -> Vec<String> {
        match name {
            "show" => self.show = shown(arguments.word(0)),
            "logs" => return show::logs(self.world()),
            "final" => return show::final_data(self.world().host(arguments.number(0))),
            "pool" => return show::pool(self.world()),
            "deliver" => drop(self.world().deliver(&arguments.pick())),
            "lose" => drop(self.world().drop_messages(&arguments.pick())),
            "settle" => self.world().settle(),
            "elapse" => self.world().elapse_millis(arguments.millis(0)),
            _ => self.act_on_node(name, arguments),
        }
        Vec::new()
    }

    fn act_on_node(&mut self, name: &str, arguments: &Arguments) {
        let world = self.world();
        let node = || arguments.number(0);
        match name {
            "log" => set_log(world, arguments),
            "start" => start(world, arguments),
            "stand" => drop(world.stand(node())),
            "transfer" => drop(world.transfer(node(), arguments.option("to"))),
            "lease" => drop(world.lease_read(node())),
            "tick" => world.tick(node()),
            "put" | "delete" => drop(world.propose(node(), &arguments.writes())),
            "read" => drop(world.read(node())),
            "inject" => inject(world, arguments),
            "twice" => twice(world, &arguments.pick()),
            "flush" => world.flush_some(node(), arguments.optional(1).unwrap_or(usize::MAX)),
            "disk" | "apply" | "readlog" => work(world, name, node(), arguments.word(1)),
            "crash" => world.crash_keeping(node(), arguments.option("keep").unwrap_or(0)),
            "kill" => world.kill(node()),
            "restart" => world.restart(node()),
            "wipe" => world.wipe(node()),
            "damage" => world.host_mut(node()).disk.corrupt_content(Position(arguments.number(1))),
            "fail" => world.step(node(), Input::StorageFailed("the disk is full".to_owned())),
            "hold" | "release" | "cut" | "heal" => fault(world, name, arguments),
            _ => panic!("unknown command: {}", arguments.line),
        }
    }
}

fn options(arguments: &Arguments) -> Options {
    let mut options = Options::voters(arguments.number(0));
    if let Some(millis) = arguments.option::<u64>("heartbeat") {
        options.heartbeat_micros = millis * 1_000;
    }
    if let Some(millis) = arguments.option::<u64>("election") {
        options.election_timeout_micros = millis * 1_000;
    }
    options.leadership = Leadership {
        manual: arguments.option::<u64>("manual").is_some(),
        prefer: match arguments.option::<String>("prefer").as_deref() {
            Some("lowest") => Prefer::Lowest,
            Some("highest") => Prefer::Highest,
            _ => Prefer::None,
        },
        lease_micros: arguments.option::<u64>("lease").unwrap_or(0) * 1_000,
    };
    let limits = &mut options.limits;
    limits.window_entries = arguments.option("window").unwrap_or(limits.window_entries);
    limits.push_entries = arguments.option("pushed").unwrap_or(limits.push_entries);
    limits.in_flight_pushes = arguments.option("in-flight").unwrap_or(limits.in_flight_pushes);
    options
}

fn shown(word: &str) -> Show {
    match word {
        "all" => Show::All,
        "decisions" => Show::Decisions,
        "nothing" => Show::Nothing,
        _ => panic!("show what? {word}"),
    }
}

fn set_log(world: &mut World, arguments: &Arguments) {
    let run = |word: &&str| word.split_once(':').map(|(epoch, count)| (number(epoch), number(count)));
    let runs: Vec<(u64, u64)> = arguments.words[1..].iter().filter_map(run).collect();
    let epochs = logs::epochs(&runs);
    let forged: Option<usize> = arguments.option("forged");
    let other = arguments.option("other").or(forged).unwrap_or(0);
    let founding = world.founding();
    let (same, different) = epochs.split_at(epochs.len() - other);
    let mut entries = logs::log(same, &founding);
    logs::extend(&mut entries, different, logs::Content::Other, &founding);
    let promise = arguments.option("promise").or(epochs.last().copied());
    let committed: Option<u64> = arguments.option("committed");
    let image = Image {
        promise: promise.map(|epoch| Promise { epoch: Epoch(epoch), vote: None }),
        forged_from: forged.map(|_| Position(same.len() as u64 + 1)),
        committed: committed.map(|position| entries[position as usize - 1].point()),
        entries,
        base: None,
    };
    world.host_mut(arguments.number(0)).disk.set_log(image);
}

fn start(world: &mut World, arguments: &Arguments) {
    if arguments.words.is_empty() {
        world.start_all();
    }
    for word in &arguments.words {
        world.start(number(word));
    }
}

fn inject(world: &mut World, arguments: &Arguments) {
    let count = arguments.option("count").unwrap_or(1);
    let writes = arguments.writes();
    let writes: Vec<_> = std::iter::repeat_n(writes[0], count).collect();
    world.inject(arguments.number(0), &writes, arguments.option("epoch"));
}

fn twice(world: &mut World, pick: &Pick) {
    let copies: Vec<_> = world.network.pool.iter().filter(|envelope| pick.selects(envelope)).cloned().collect();
    copies.into_iter().for_each(|envelope| world.deliver_message(envelope));
}

fn work(world: &mut World, what: &str, node: u64, how: &str) {
    let auto = world.node(node).auto;
    let free = match how {
        "hold" => false,
        "free" => true,
        "next" if what == "apply" => return world.apply(node),
        "next" => return world.answer_read(node),
        _ => panic!("{what} {node}: hold, free or next, not {how}"),
    };
    let auto = match what {
        "disk" => Auto { flush: free, ..auto },
        "apply" => Auto { apply: free, ..auto },
        _ => Auto { read: free, ..auto },
    };
    world.auto(node, auto);
}

fn fault(world: &mut World, name: &str, arguments: &Arguments) {
    let ids = || (NodeId(arguments.number(0)), NodeId(arguments.number(1)));
    let fact = match name {
        "hold" => {
            world.network.hold(NodeId(arguments.number(0)), arguments.word(1));
            Fact::HoldSet { kind: arguments.word(1).to_owned().into() }
        }
        "release" => {
            let messages = world.network.release(NodeId(arguments.number(0)), arguments.word(1)) as u64;
            Fact::HoldReleased { kind: arguments.word(1).to_owned().into(), messages }
        }
        "cut" => {
            let (a, b) = ids();
            world.network.cut(a, b);
            Fact::LinkCut { with: b }
        }
        _ if arguments.words.is_empty() => return world.network.heal_all(),
        _ => {
            let (a, b) = ids();
            world.network.heal(a, b);
            Fact::LinkHealed { with: b }
        }
    };
    world.note(NodeId(arguments.number(0)), crate::world::What::Fact(fact));
}

/// A command's words; `name=value` among them are options, unless they are writes.
struct Arguments<'a> {
    line: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    fn of(line: &'a str, words: impl Iterator<Item = &'a str>) -> Arguments<'a> {
        Arguments { line, words: words.collect() }
    }

    fn word(&self, index: usize) -> &'a str {
        self.words.get(index).unwrap_or_else(|| panic!("a word is missing: {}", self.line))
    }

    fn number(&self, index: usize) -> u64 {
        number(self.word(index))
    }

    fn optional<T: FromStr>(&self, index: usize) -> Option<T> {
        self.words.get(index).and_then(|word| word.parse().ok())
    }

    fn option<T: FromStr>(&self, name: &str) -> Option<T> {
        let value = self.words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}: {}", self.line)))
    }

    fn millis(&self, index: usize) -> u64 {
        number(self.word(index).strip_suffix("ms").unwrap_or_else(|| panic!("a time in ms: {}", self.line)))
    }

    fn writes(&self) -> Vec<&'a str> {
        let option = |word: &&&str| word.starts_with("count=") || word.starts_with("epoch=");
        self.words[1..].iter().filter(|word| !option(word)).copied().collect()
    }

    /// `push 1>2`, `>3`, `ack 2>`: words without `>` are kinds.
    fn pick(&self) -> Pick {
        let mut pick = Pick::default();
        for word in &self.words {
            match word.split_once('>') {
                Some((from, to)) => {
                    pick.from = (!from.is_empty()).then(|| NodeId(number(from)));
                    pick.to = (!to.is_empty()).then(|| NodeId(number(to)));
                }
                None => pick.kind = Some((*word).to_owned()),
            }
        }
        pick
    }
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("a number, not {word}"))
}
