//! Reads a record from its line. A line with a mistake is refused with the reason; nothing is guessed.

use std::time::Duration;

use epoca::client::Note;
use epoca::client::watch::Observed;
use epoca::protocol::trace::{Event, Fact};
use epoca::protocol::{NodeId, Time};
use epoca::verify::invariants::Source;
use serde_json::{Map, Value};

use crate::command::{Exit, Line, Outcome, Tone};
use crate::lang::Localized;
use crate::tape::json::{snapshot, values};
use crate::tape::record::{Mark, MarkKind, ProcessSeen, Record, What};

/// The record of a line, or the mistake in it.
pub fn record(line: &str) -> Result<Record, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let Value::Object(object) = value else { return Err("it is not a JSON object".to_owned()) };
    let of = Of(&object);
    let missing = of.0.get("order_unknown_after").and_then(Value::as_u64).map(NodeId);
    let waited = Duration::from_micros(of.number("waited_us").unwrap_or(0));
    Ok(Record { missing, waited, ..Record::new(Duration::from_micros(of.number("at_us")?), of.what()?) })
}

/// An object with access to its fields by name.
struct Of<'a>(&'a Map<String, Value>);

impl Of<'_> {
    fn what(&self) -> Result<What, String> {
        let has = |name: &str| self.0.contains_key(name);
        Ok(match () {
            () if has("fact") => What::Observed(self.node()?, Observed::Events(vec![self.event()?])),
            () if has("snapshot") => What::Observed(self.node()?, self.snapshot()?),
            () if has("lost") => What::Observed(self.node()?, Observed::Lost(self.number("lost")?)),
            () if has("disconnected") => {
                What::Observed(self.node()?, Observed::Disconnected(self.text("disconnected")?))
            }
            () if has("process") => What::Process(self.node()?, self.process()?),
            () if has("begin") => What::Begin { number: self.number("begin")?, line: self.text("line")? },
            () if has("end") => self.end()?,
            () if has("mark") => What::Mark(self.mark()?),
            () if has("nodes") => {
                let nodes =
                    self.each("nodes", |node| Some((NodeId(node.get("node")?.as_u64()?), text(node, "address")?)));
                What::Nodes { nodes: nodes?, no_launcher: self.text("no_launcher").ok() }
            }
            () => return Err("there is no record of this kind".to_owned()),
        })
    }

    fn event(&self) -> Result<Event, String> {
        let name = self.text("fact")?;
        let fields = self.0.get("fields").and_then(Value::as_object).ok_or("fields are missing")?;
        let field = |(name, value): (&String, &Value)| match values::field(value) {
            Some(value) => Ok((name.clone(), value)),
            None => Err(format!("the field {name} has an unknown form")),
        };
        let fields = fields.iter().map(field).collect::<Result<Vec<_>, String>>()?;
        let fact = Fact::from_fields(&name, &fields).ok_or(format!("the fact {name} is unknown, or lacks a field"))?;
        Ok(Event { node: self.node()?, number: self.number("event")?, time: Time(self.number("time_us")?), fact })
    }

    fn snapshot(&self) -> Result<Observed, String> {
        let node = self.node()?;
        let state = self.0.get("snapshot").and_then(|value| snapshot::to_snapshot(node, value));
        Ok(Observed::Snapshot {
            snapshot: state.ok_or("the snapshot is incomplete, or a part of it has an unknown form")?,
            time: Time(self.number("time_us")?),
            pid: u32::try_from(self.number("pid")?).map_err(|_| "pid is too great")?,
            notes: self.list("notes", |value| Some(Note::Logged { text: value.as_str()?.to_owned() }))?,
            lab: self.0.get("lab").and_then(Value::as_bool).ok_or("lab is missing")?,
        })
    }

    fn process(&self) -> Result<ProcessSeen, String> {
        Ok(match &self.text("process")?[..] {
            "running" => ProcessSeen::Running,
            "paused" => ProcessSeen::Paused,
            "killed" => ProcessSeen::Killed,
            "ended" => ProcessSeen::Ended(self.text("how")?),
            _ => return Err("process has an unknown word".to_owned()),
        })
    }

    fn end(&self) -> Result<What, String> {
        let lines = self.each("lines", answer_line)?;
        let name = self.text("exit")?;
        let exit = Exit::ALL.into_iter().find(|exit| exit.name() == name).ok_or("exit has an unknown word")?;
        let json = self.0.get("json").cloned().unwrap_or_default();
        let took = Duration::from_micros(self.number("took_us")?);
        Ok(What::End { number: self.number("end")?, took, outcome: Outcome { exit, lines, json } })
    }

    fn mark(&self) -> Result<Mark, String> {
        let name = self.text("mark")?;
        let kind = MarkKind::ALL.into_iter().find(|kind| kind.name() == name);
        let evidence = self.each("evidence", |source| {
            Some(Source { node: NodeId(source.get("node")?.as_u64()?), number: source.get("event")?.as_u64()? })
        })?;
        Ok(Mark { kind: kind.ok_or("mark has an unknown word")?, text: self.text("text")?, evidence })
    }

    fn node(&self) -> Result<NodeId, String> {
        let node = self.0.get("node").and_then(Value::as_u64).filter(|node| *node > 0);
        node.map(NodeId).ok_or("node is missing or not a node's number".to_owned())
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        self.0.get(name).and_then(Value::as_u64).ok_or(format!("{name} is missing or not a number"))
    }

    fn text(&self, name: &str) -> Result<String, String> {
        text(self.0, name).ok_or(format!("{name} is missing or not a text"))
    }

    fn each<T>(&self, name: &str, part: impl Fn(&Map<String, Value>) -> Option<T>) -> Result<Vec<T>, String> {
        self.list(name, |value| value.as_object().and_then(&part))
    }

    fn list<T>(&self, name: &str, part: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, String> {
        let list = self.0.get(name).and_then(Value::as_array);
        let parts = list.and_then(|list| list.iter().map(part).collect::<Option<_>>());
        parts.ok_or(format!("{name} is missing or not a list of the right form"))
    }
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(ToOwned::to_owned)
}

fn answer_line(line: &Map<String, Value>) -> Option<Line> {
    let (name, english) = (text(line, "tone")?, text(line, "text")?);
    let tone = Tone::ALL.into_iter().find(|tone| tone.name() == name)?;
    let text = match text(line, "text_pt") {
        Some(portuguese) => Localized::new(english, portuguese),
        // Recordings of older programs hold the English text alone.
        None => english.into(),
    };
    Some(Line { tone, text })
}
