//! The English texts: what each rule says when it fires. A key is a fact's name, and its case after a dot.
//!
//! `{name}` is a field of the fact or a word made from its fields; the node that speaks stands before the text. Another
//! language is another such table with the same keys, and its few words that depend on numbers.

use crate::console::words::Language;

pub const ENGLISH: Language = Language {
    texts: TEXTS,
    nothing: "the start of the log",
    entry: "entry",
    entries: "entries",
    ordinal,
    reasons: REASONS,
};

fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Codes that facts carry as their reason, in words.
const REASONS: &[(&str, &str)] = &[
    ("conflict", "the leader has something else there"),
    ("resync", "the leader's resync replaces it"),
    ("forged-dropped", "forged entries go before an election"),
    ("runs", "the last of the greatest common epoch"),
    ("committed", "its last committed entry"),
    ("silence", "nobody led for an election timeout"),
    ("asked", "it was asked to stand"),
    ("greater-epoch", "it heard of a greater epoch"),
    ("no-quorum", "no quorum answered for an election timeout"),
    ("lost-election", "another node won"),
    ("log-behind", "the candidate's log is behind"),
    ("leader-found", "it found the leader"),
    ("greater-promise", "another had promised a greater epoch"),
    ("epoch-not-greater", "the epoch is not above its promise"),
    ("voted-already", "its vote in this epoch is given"),
    ("leader-alive", "it hears a live leader"),
    ("overloaded", "too much is waiting already"),
    ("no_leader", "no leader is known"),
    ("stepped_down", "it leads no longer"),
    ("cut", "the link is cut on purpose"),
    ("ack-of-another-log", "the ack is for a log that it no longer has"),
    ("leader-contradicts-itself", "the leader contradicts what it had sent"),
    ("second-leader", "two nodes claim to lead one epoch"),
    ("commit-order", "commit orders"),
    ("pre-vote", "pre-vote"),
    ("vote", "vote"),
];

const TEXTS: &[(&str, &str)] = &[
    ("Sent", "sends {kind} number {number} to {to}"),
    ("Received", "receives {kind} number {number} from {from}"),
    ("Dropped", "dropped: {kind} from {from} to {to}, {why}"),
    ("Forwarded", "does not lead: passes the write on to {to}"),
    ("WriteRefused", "refuses the write: {why}"),
    ("Proposed", "takes {what} as {ids}"),
    ("Pushed", "pushes {ids} to {to}, after {prev}"),
    ("Pushed.resync", "pushes {ids} to {to} again, after {prev} (resync {resync})"),
    ("Consistent", "takes {ids} as intermediate: it follows {prev} exactly"),
    ("Consistent.equal", "takes {ids} as intermediate after {prev}; {equal} more were there already"),
    ("Consistent.nothing", "follows {from} in {epoch}: its log agrees up to {prev}"),
    ("Conflict.prev-missing", "the push of {from} follows {expected}, but the log ends at {found}"),
    ("Conflict.prev-differs", "the push of {from} follows {expected}, but the log has {found}"),
    ("Conflict.entry-differs", "the push of {from} conflicts: it has {expected}, the log {found}"),
    ("Conflict", "the push of {from} conflicts ({what}): expected {expected}, found {found}"),
    ("Truncated", "truncates {count} from {from_id} on, {why}; all up to {committed} is committed and stays"),
    (
        "Truncated.forged",
        "truncates {count} from {from_id} on ({forged} forged), {why}; all up to {committed} is committed and stays",
    ),
    ("Reported", "reports its log to {to}: last {last}, committed {committed}, {epochs} epochs"),
    ("Reported.one", "reports its log to {to}: last {last}, committed {committed}, one epoch"),
    ("Resynced", "sync point with {to}: {sync}, {by}; sends {resent} again"),
    ("Acked", "has it on its disk: acks {up_to} to {to}"),
    ("Counted", "counts {from} up to {up_to}: {arithmetic}"),
    ("Counted.self", "counts itself up to {up_to}: {arithmetic}"),
    ("Committed", "a quorum has {up_to}: committed ({count})"),
    ("Ordered", "orders {to}: all up to {up_to} is final"),
    ("Finalized", "{count} up to {up_to} are final here: readable now"),
    ("Finalized.one", "{up_to} is final here: readable now"),
    ("Held", "the order up to {up_to} waits: {from} has confirmed nothing here beyond {confirmed}"),
    ("TimedOut", "stands for election: {why}"),
    ("PreVoteAsked", "asks whether it could win {epoch} with a log that ends at {last}"),
    ("VoteAsked", "votes for itself in {epoch} and asks for votes; its log ends at {last}"),
    ("Granted", "grants {to} its {kind} for {epoch}: {theirs} is not behind its own {mine}"),
    ("VoteRefused", "refuses {to} its {kind} for {epoch}: {why} (theirs {theirs}, its own {mine})"),
    ("Elected", "leads {epoch}: {votes} voted for it, {quorum} were needed"),
    ("Opened", "opens its epoch with {entry}"),
    ("SteppedDown", "leads {epoch} no longer: {why}"),
    ("SteppedDown.heard", "leads {epoch} no longer: {why}, {heard}"),
    ("EpochLeft", "leaves {epoch}: it heard of {heard}"),
    ("ReadAsked", "asks a quorum before it answers {reads} reads (round {round})"),
    ("ReadConfirmed", "still leads: {from} answered round {round}, {quorum} were needed"),
    ("ReadAnswered", "answers {reads} reads from its final database, applied up to {applied}"),
    ("ReadRefused", "refuses {reads} reads: {why}"),
    ("Killed", "was killed, on purpose"),
    ("Restarted", "was started again"),
    ("Paused", "was paused: it neither answers nor ends"),
    ("Resumed", "goes on after its pause"),
    ("LinkCut", "its link with {with} is cut, on purpose"),
    ("LinkHealed", "its link with {with} is healed"),
    ("HoldSet", "{kind} to it are held from now on, on purpose"),
    ("HoldReleased", "{kind} to it are released: {messages} come through"),
    ("MessageHeld", "held back: {kind} from {from} to {to}"),
    ("Injected", "gets forged entries, on purpose: {what} as {ids}"),
    ("DiskError", "disk error: {text}"),
    ("gone", "does not answer: {text}"),
    ("back", "is there, with process id {pid}"),
    ("lost", "{text} events were too many for this console; the node's state was read anew"),
];
