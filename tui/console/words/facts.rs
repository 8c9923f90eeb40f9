//! Facts as texts: the rule that fired and the numbers that were compared. The texts are in `rules`, `narration` and
//! `reasons`; this file finds the text of a fact and fills its placeholders.

use std::fmt::Display;

use epoca::protocol::trace::{Difference, Fact, HandledBy, Preview, RoleName, StepDownReason, Value};
use epoca::protocol::{EntryId, Kind, LogPoint, NodeId};

use crate::command::text::shown;
use crate::console::model::Occurrence;
use crate::console::model::narration::NarrationLine;
use crate::console::words::narration;
use crate::console::words::reasons::REASONS;
use crate::console::words::rules::{self, RULES};
use crate::lang::Lang;

/// Entries of a fact that are listed one by one.
const ENTRIES_MAX: usize = 8;

impl Lang {
    /// The text of an occurrence, without the name of its node.
    pub fn line(self, node: NodeId, occurrence: &Occurrence) -> String {
        match occurrence {
            Occurrence::Fact(fact) => self.fact(node, fact),
            Occurrence::Disconnected(why) => rules::GONE.with(self, &[("text", why)]),
            Occurrence::Connected(pid) => rules::BACK.with(self, &[("pid", pid)]),
            Occurrence::EventsLost(events) => rules::LOST.with(self, &[("text", events)]),
        }
    }

    /// The text of a fact. A fact without a text is shown with its name and fields.
    pub fn fact(self, node: NodeId, fact: &Fact) -> String {
        let key = key(node, fact);
        let Some((_, text)) = RULES.iter().find(|(known, _)| *known == key) else { return fact.to_string() };
        let places = self.places(fact);
        let places: Vec<(&str, &dyn Display)> =
            places.iter().map(|(name, words)| (*name, words as &dyn Display)).collect();
        text.with(self, &places)
    }

    /// The text of a narration line, and the reason or consequence.
    pub fn step(self, told: &NarrationLine) -> (String, Option<String>) {
        let node = told.nodes.first().copied().unwrap_or(NodeId(0));
        let Occurrence::Fact(fact) = &told.occurrence else { return (self.line(node, &told.occurrence), None) };
        let key = match fact {
            Fact::LinkCut { with } if told.nodes.contains(with) => "LinkCut.both",
            Fact::LinkHealed { with } if told.nodes.contains(with) => "LinkHealed.both",
            other => step_key(other),
        };
        let Some(step) = narration::TEXTS.iter().find(|step| step.key == key) else {
            return (self.fact(node, fact), None);
        };
        let mut places = self.places(fact);
        let names: Vec<_> = told.peers.iter().map(ToString::to_string).collect();
        places.push(("peers", names.join(", ")));
        let places: Vec<(&str, &dyn Display)> =
            places.iter().map(|(name, words)| (*name, words as &dyn Display)).collect();
        (step.what.with(self, &places), step.why.map(|why| why.with(self, &places)))
    }

    /// "3rd highest of {9, 8, 6, 4} = 6"
    pub fn arithmetic(self, matches: &[u64], quorum: u64, commit: u64) -> String {
        let listed: Vec<_> = matches.iter().map(u64::to_string).collect();
        let listed = format!("{{{}}}", listed.join(", "));
        rules::HIGHEST.with(self, &[("ordinal", &self.ordinal(quorum)), ("positions", &listed), ("commit", &commit)])
    }

    pub fn reason(self, code: &str) -> String {
        let known = REASONS.iter().find(|(known, _)| *known == code);
        known.map_or(code, |(_, words)| words.to(self)).to_owned()
    }

    pub fn ordinal(self, number: u64) -> String {
        let ending = match (self, number % 10, number % 100) {
            (Lang::Portuguese, ..) => "º",
            (_, _, 11..=13) => "th",
            (_, 1, _) => "st",
            (_, 2, _) => "nd",
            (_, 3, _) => "rd",
            _ => "th",
        };
        format!("{number}{ending}")
    }

    /// Values of the placeholders: the combined ones first, so that they take precedence over single fields.
    fn places(self, fact: &Fact) -> Vec<(&'static str, String)> {
        let mut places = self.made(fact);
        places.extend(fact.fields().into_iter().map(|(name, value)| (name, self.value(&value))));
        places
    }

    fn value(self, value: &Value) -> String {
        match value {
            Value::Nothing => rules::NOTHING.to(self).to_owned(),
            Value::Point(point) => point.id.to_string(),
            Value::Text(text) => self.reason(text),
            // A list of all entries of a burst would be too long to read, and slow to draw.
            Value::Entries(entries) if entries.len() > ENTRIES_MAX => ids(entries),
            Value::Nodes(nodes) => nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        }
    }

    fn made(self, fact: &Fact) -> Vec<(&'static str, String)> {
        match fact {
            Fact::Proposed { entry: entries } | Fact::Injected { entries } => {
                vec![("what", self.contents(entries)), ("ids", ids(entries))]
            }
            Fact::Consistent { entries, .. } => vec![("ids", ids(entries))],
            // Ids may be equal. The digests show the difference.
            Fact::Conflict { expected, found, .. } => {
                let nothing = || rules::NOTHING.to(self).to_owned();
                let point = |point: &Option<LogPoint>| point.map_or_else(nothing, |point| point.to_string());
                vec![("expected", point(expected)), ("found", point(found))]
            }
            Fact::Pushed { first, last, .. } => vec![("ids", range(*first, *last))],
            Fact::Counted { matches, quorum, commit, .. } => {
                vec![("arithmetic", self.arithmetic(matches, *quorum, *commit))]
            }
            Fact::Truncated { from, count, .. } => {
                vec![("from_id", from.to_string()), ("count", self.counted(*count))]
            }
            Fact::ReadAsked { reads, .. }
            | Fact::LeaseHeld { reads, .. }
            | Fact::ReadAnswered { reads, .. }
            | Fact::ReadRefused { reads, .. } => vec![("reads", self.reads(*reads))],
            Fact::Resynced { resent, .. } => vec![("resent", self.counted(*resent))],
            Fact::Committed { count, .. } | Fact::Finalized { count, .. } => vec![("count", self.counted(*count))],
            _ => Vec::new(),
        }
    }

    pub fn counted(self, count: u64) -> String {
        format!("{count} {}", if count == 1 { rules::ENTRY } else { rules::ENTRIES }.to(self))
    }

    /// `1 read`, `2 reads`.
    pub fn reads(self, count: u64) -> String {
        format!("{count} {}", if count == 1 { rules::READ } else { rules::READS }.to(self))
    }

    fn contents(self, entries: &[Preview]) -> String {
        match entries {
            [only] => content(only),
            many => self.counted(many.len() as u64),
        }
    }
}

/// An entry in short: `x=1`, `-x` for a delete, `◇` for the opening of an epoch, otherwise its digest.
pub fn content(preview: &Preview) -> String {
    match (preview.kind, &preview.key, &preview.value) {
        (Kind::Opening, ..) => "◇".to_owned(),
        (Kind::Members, ..) => "members".to_owned(),
        (_, Some(key), Some(value)) => format!("{}={}", start_of(key), start_of(value)),
        (_, Some(key), None) => format!("-{}", start_of(key)),
        (_, None, _) => format!("#{}", preview.point.digest.short()),
    }
}

/// Bytes as text. Bytes that are not text, or invisible, are escaped.
pub fn bytes(bytes: &[u8]) -> String {
    shown(bytes)
}

/// The beginning of a key or value in a preview, with an ellipsis if it may be cut. A preview of maximum length does
/// not tell.
fn start_of(preview: &[u8]) -> String {
    let may_be_cut = preview.len() > Preview::BYTES_MAX - 4;
    bytes(preview) + if may_be_cut { "…" } else { "" }
}

fn ids(entries: &[Preview]) -> String {
    match entries {
        [] => String::new(),
        [only] => only.point.id.to_string(),
        [first, .., last] => range(first.point.id, last.point.id),
    }
}

fn range(first: EntryId, last: EntryId) -> String {
    if first == last { first.to_string() } else { format!("{first} … {last}") }
}

/// The key of a fact's text: the name of the fact, with a variant where it needs one.
fn key(node: NodeId, fact: &Fact) -> &'static str {
    match fact {
        Fact::Pushed { resync, .. } if *resync > 0 => "Pushed.resync",
        Fact::Pushed { prev: None, .. } => "Pushed.first",
        Fact::Consistent { entries, .. } if entries.is_empty() => "Consistent.nothing",
        Fact::Consistent { equal, .. } if *equal > 0 => "Consistent.equal",
        Fact::Consistent { prev: None, .. } => "Consistent.first",
        Fact::Held { confirmed: None, .. } => "Held.nothing",
        Fact::PreVoteAsked { last: None, .. } => "PreVoteAsked.empty",
        Fact::VoteAsked { last: None, .. } => "VoteAsked.empty",
        Fact::Granted { mine: None, theirs: None, .. } => "Granted.empty",
        Fact::Conflict { what, .. } => match Difference::from_name(what) {
            Some(Difference::PrevMissing) => "Conflict.prev-missing",
            Some(Difference::PrevDiffers) => "Conflict.prev-differs",
            Some(Difference::EntryDiffers) => "Conflict.entry-differs",
            None => "Conflict",
        },
        Fact::Truncated { forged, .. } if *forged > 0 => "Truncated.forged",
        Fact::Finalized { count: 1, .. } => "Finalized.one",
        Fact::EpochLeft { epoch: None, .. } => "EpochLeft.first",
        Fact::Reported { epochs: 1, .. } => "Reported.one",
        Fact::Counted { from, .. } if *from == node => "Counted.self",
        Fact::SteppedDown { heard, .. } => match (stepped_down(fact), heard) {
            ("SteppedDown", Some(_)) => "SteppedDown.heard",
            (key, _) => key,
        },
        Fact::MembersSet { learners, .. } if !learners.is_empty() => "MembersSet.learners",
        Fact::PaceSet { slowdown: 0 | 1, .. } => "PaceSet.real",
        other => other.name(),
    }
}

/// The key of a narration text.
fn step_key(fact: &Fact) -> &'static str {
    match fact {
        Fact::Pushed { resync, .. } if *resync > 0 => "Pushed.resync",
        Fact::Pushed { prev: None, .. } => "Pushed.first",
        Fact::Consistent { entries, .. } if entries.is_empty() => "",
        Fact::Consistent { equal, .. } if *equal > 0 => "Consistent.equal",
        Fact::Consistent { prev: None, .. } => "Consistent.first",
        Fact::Held { confirmed: None, .. } => "Held.nothing",
        Fact::PreVoteAsked { last: None, .. } => "PreVoteAsked.empty",
        Fact::VoteAsked { last: None, .. } => "VoteAsked.empty",
        Fact::Granted { mine: None, theirs: None, .. } => "Granted.empty",
        Fact::Conflict { what, .. } if *what == Difference::PrevMissing => "Conflict.prev-missing",
        Fact::Conflict { expected, found, .. } if expected.map(|point| point.id) == found.map(|point| point.id) => {
            "Conflict.same-id"
        }
        Fact::Conflict { .. } => "Conflict.other-id",
        Fact::Counted { up_to, commit, .. } if up_to.is_some_and(|point| point.position.0 > *commit) => "Counted.short",
        Fact::SteppedDown { .. } => stepped_down(fact),
        // A message handled by hand is shown with its number.
        Fact::MessageDelivered { why, .. } if *why == HandledBy::Hand => "",
        Fact::MessageDelivered { .. } => "MessageDelivered.due",
        Fact::MessageDiscarded { why, .. } if *why == HandledBy::NoRoom => "MessageDiscarded.no-room",
        other => other.name(),
    }
}

/// The key of a step-down: a candidate has not led. Old recordings do not have the role, only a reason that sometimes
/// implies it.
pub fn stepped_down(fact: &Fact) -> &'static str {
    let Fact::SteppedDown { role, why, .. } = fact else { return "SteppedDown" };
    match (RoleName::from_name(role), StepDownReason::from_name(why)) {
        (Some(RoleName::Leader), _) => "SteppedDown",
        (Some(RoleName::Candidate), _) | (_, Some(StepDownReason::LostElection | StepDownReason::LeaderFound)) => {
            "SteppedDown.candidate"
        }
        _ => "SteppedDown.untold",
    }
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{Digest, Epoch, Position};

    use super::*;

    const N1: NodeId = NodeId(1);

    fn point(epoch: u64, offset: u64) -> LogPoint {
        LogPoint { id: EntryId::new(epoch, offset), position: Position(offset + 1), digest: Digest([0xab; 16]) }
    }

    #[test]
    fn every_fact_has_its_narration() {
        for name in Fact::NAMES {
            assert!(RULES.iter().any(|(known, _)| known == name), "{name} has no text");
        }
    }

    #[test]
    fn both_languages_say_the_same_with_the_same_places() {
        for (key, text) in RULES.iter().chain(REASONS) {
            let sorted = |lang| {
                let mut places = text.places(lang);
                places.sort_unstable();
                places
            };
            assert_eq!(sorted(Lang::English), sorted(Lang::Portuguese), "{key}");
            assert!(!text.to(Lang::English).is_empty() && !text.to(Lang::Portuguese).is_empty(), "{key}");
        }
    }

    #[test]
    fn no_fact_leaves_a_place_of_its_text_empty() {
        let made = ["what", "ids", "expected", "found", "arithmetic", "from_id", "count", "resent"];
        for (key, text) in RULES {
            let name = key.split('.').next().unwrap_or(key);
            let fields = Fact::fields_of(name).unwrap_or_else(|| panic!("{key} is no fact"));
            for place in text.places(Lang::English) {
                assert!(fields.contains(&place) || made.contains(&place), "{key}: {place}");
            }
        }
    }

    #[test]
    fn the_narration_uses_only_places_that_exist() {
        let made = ["what", "ids", "expected", "found", "arithmetic", "from_id", "count", "resent", "peers"];
        for step in narration::TEXTS {
            let fields = Fact::fields_of(step.key.split('.').next().unwrap_or_default()).expect("a fact");
            for text in [Some(step.what), step.why].into_iter().flatten() {
                for lang in [Lang::English, Lang::Portuguese] {
                    for place in text.places(lang) {
                        assert!(fields.contains(&place) || made.contains(&place), "{}: {place}", step.key);
                    }
                }
            }
        }
    }

    #[test]
    fn a_conflict_is_told_with_the_digests_because_the_numbers_may_be_the_same() {
        let (expected, found) = (Some(point(2, 3)), Some(LogPoint { digest: Digest([0x0c; 16]), ..point(2, 3) }));
        let fact = Fact::Conflict { from: N1, number: 4, what: "entry-differs".into(), expected, found };
        assert_eq!(
            Lang::English.fact(NodeId(3), &fact),
            "the push of n1 conflicts: it has e2·o3#abab, the log e2·o3#0c0c"
        );
    }

    #[test]
    fn the_leader_says_its_arithmetic() {
        let counted = |from| Fact::Counted {
            from: NodeId(from),
            up_to: Some(point(1, 4)),
            matches: vec![9, 8, 6, 4],
            quorum: 3,
            commit: 6,
        };
        assert_eq!(Lang::English.fact(N1, &counted(2)), "counts n2 up to e1·o4: 3rd highest of {9, 8, 6, 4} = 6");
        assert_eq!(Lang::English.fact(N1, &counted(1)), "counts itself up to e1·o4: 3rd highest of {9, 8, 6, 4} = 6");
    }

    #[test]
    fn a_truncation_says_what_stays() {
        let fact = Fact::Truncated {
            from: EntryId::new(2, 3),
            count: 1,
            forged: 1,
            last: Some(EntryId::new(2, 2)),
            committed: Some(EntryId::new(2, 2)),
            why: "conflict".into(),
        };
        assert_eq!(
            Lang::English.fact(N1, &fact),
            "truncates 1 entry from e2·o3 (1 forged): the leader has another entry; \
             everything up to e2·o2 is committed and stays"
        );
    }

    #[test]
    fn refused_votes_say_what_was_compared() {
        let fact = Fact::VoteRefused {
            to: N1,
            kind: "vote".into(),
            epoch: Epoch(3),
            why: "log-behind".into(),
            mine: Some(EntryId::new(2, 4)),
            theirs: None,
        };
        assert_eq!(
            Lang::English.fact(NodeId(2), &fact),
            "refuses n1 its vote for e3: the candidate's log is behind (theirs the start of the log, its own e2·o4)"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        assert_eq!(bytes("olá".as_bytes()), "olá");
        assert_eq!(bytes(&[0xff, b'a', 0x1b]), "\\xffa\\u{1b}");
    }

    #[test]
    fn ordinals_follow_the_language() {
        let ordinals = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(|number| Lang::English.ordinal(number));
        assert_eq!(ordinals, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
        assert_eq!(Lang::Portuguese.arithmetic(&[9, 8, 6, 4], 3, 6), "3º maior de {9, 8, 6, 4} = 6");
    }

    #[test]
    fn one_read_is_singular_in_each_language() {
        let asked = |reads| Fact::ReadAsked { reads, round: 2 };
        let told = |reads| Lang::Portuguese.fact(NodeId(1), &asked(reads));
        assert_eq!(told(1), "pergunta à maioria antes de responder 1 leitura (rodada 2)");
        assert_eq!(told(3), "pergunta à maioria antes de responder 3 leituras (rodada 2)");
        assert_eq!(Lang::English.fact(NodeId(1), &asked(1)), "asks a quorum before answering 1 read (round 2)");
    }
}
