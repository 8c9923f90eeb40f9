//! The code card of a rule: where its code is, which line of the assignment it fulfils, which test pins it.
//!
//! The places are found when the program is built (`build.rs`), so a card never names a line that is not there.

use epoca::protocol::trace::Fact;

use crate::console::words::explain::{self, Explanation};
use crate::lang::{Lang, Text, text};

include!(concat!(env!("OUT_DIR"), "/fact_places.rs"));

/// Sentences of the explanation on a card.
pub const SENTENCES: usize = 2;

/// Where a fact is told: the rule fires there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub file: &'static str,
    pub line: u32,
    pub function: &'static str,
}

pub struct Card {
    pub explanation: &'static Explanation,
    pub places: Vec<Place>,
    /// The lines of the assignment, with their numbers.
    pub lines: Vec<(&'static str, Text)>,
    /// The test, by file and name.
    pub test: Option<(&'static str, &'static str)>,
}

/// Facts with the lines of the assignment that they belong to, and the test that pins them.
pub struct Pinned {
    pub facts: &'static [&'static str],
    pub lines: &'static [&'static str],
    pub test: (&'static str, &'static str),
}

const fn pinned(
    facts: &'static [&'static str],
    lines: &'static [&'static str],
    file: &'static str,
    name: &'static str,
) -> Pinned {
    Pinned { facts, lines, test: (file, name) }
}

const LEADER: &str = "tests/assignment/leader.rs";
const REPLICA: &str = "tests/assignment/replica.rs";
const FOUR: &str = "tests/assignment/four_tests.rs";
const ELECTION: &str = "tests/protocol/conformance/election.rs";
const READS: &str = "tests/protocol/traps/reads.rs";

pub const PINNED: &[Pinned] = &[
    pinned(
        &["Proposed", "WriteRefused"],
        &["1a", "2a"],
        LEADER,
        "the_leader_receives_data_and_keeps_them_in_its_log_with_epoch_and_offset",
    ),
    pinned(
        &["Forwarded"],
        &["1a"],
        "tests/assignment/client.rs",
        "the_client_may_know_any_node_and_its_data_still_reach_the_leader",
    ),
    pinned(&["Pushed", "Sent"], &["2b"], LEADER, "the_leader_pushes_to_every_replica_and_awaits_their_acks"),
    pinned(&["Consistent"], &["3a", "3b"], REPLICA, "a_replica_accepts_what_is_consistent"),
    pinned(&["Conflict"], &["3b"], REPLICA, "a_replica_checks_that_an_entry_continues_its_log_exactly"),
    pinned(
        &["Truncated", "Reported", "Resynced"],
        &["3b"],
        REPLICA,
        "a_replica_truncates_the_inconsistent_reports_its_log_state_and_is_rebuilt_from_the_sync_point",
    ),
    pinned(&["Acked"], &["3a"], REPLICA, "a_replica_stores_intermediate_data_durably_and_unreadable_and_acks"),
    pinned(
        &["Counted", "Committed"],
        &["2c", "2d"],
        LEADER,
        "the_leader_marks_an_entry_committed_only_after_the_majority_and_then_confirms_to_the_client",
    ),
    pinned(&["Ordered"], &["2c"], LEADER, "the_leader_orders_the_commit_after_the_acks_of_the_majority"),
    pinned(
        &["Finalized", "FinalChanged"],
        &["2e", "3c", "3d"],
        REPLICA,
        "a_commit_order_makes_data_final_and_readable",
    ),
    pinned(&["Held"], &["3c"], FOUR, "test_4_nothing_is_applied_or_readable_before_the_commit_order"),
    pinned(
        &["Opened"],
        &["2a"],
        "tests/protocol/traps/commit.rs",
        "trap_20_an_entry_of_an_older_epoch_is_committed_only_with_one_of_the_leaders_own",
    ),
    pinned(&["Granted", "VoteRefused"], &[], ELECTION, "a_vote_and_a_pre_vote_go_only_to_a_log_that_is_not_smaller"),
    pinned(
        &["Elected", "VoteAsked", "PreVoteAsked", "SteppedDown"],
        &[],
        ELECTION,
        "the_answers_make_a_leader_a_candidate_or_a_follower",
    ),
    pinned(
        &["TimedOut"],
        &[],
        "tests/protocol/traps/election.rs",
        "trap_16_a_node_that_misses_the_leader_gets_no_pre_vote_of_nodes_that_hear_it",
    ),
    pinned(
        &["ReadAsked", "ReadConfirmed", "ReadAnswered"],
        &["1b", "2f"],
        READS,
        "trap_27_a_read_waits_for_a_round_that_was_sent_after_it",
    ),
    pinned(&["ReadRefused"], &["2f"], READS, "a_read_at_a_leader_without_a_quorum_is_refused_and_never_answered"),
    pinned(&["LeaseHeld"], &["2f"], READS, "trap_28_a_leader_that_hears_old_answers_late_gives_no_stale_read"),
    pinned(&["Injected"], &[], FOUR, "test_3_conflicting_entries_are_injected_and_repaired"),
    pinned(
        &["Killed", "Restarted"],
        &[],
        FOUR,
        "test_2_a_replica_stops_writes_go_on_and_it_returns_with_an_old_log_and_catches_up",
    ),
    pinned(
        &["HoldSet", "HoldReleased", "MessageHeld"],
        &[],
        FOUR,
        "test_4_the_release_of_the_held_order_makes_it_final",
    ),
    pinned(
        &["PaceSet", "MessageInFlight", "MessageArrived"],
        &[],
        "tests/cluster/pace.rs",
        "a_write_in_slow_motion_takes_longer_by_the_pace_and_no_replica_gives_its_leader_up",
    ),
    pinned(
        &["StepOn", "StepOff", "MessageLetThrough"],
        &[],
        "tests/cluster/step.rs",
        "a_whole_write_is_walked_message_by_message",
    ),
];

/// The assignment's lines, in our words.
pub const LINES: &[(&str, Text)] = &[
    ("1a", text("the client sends data to the leader", "o cliente envia dados ao líder")),
    ("1b", text("the client queries the leader", "o cliente consulta o líder")),
    (
        "2a",
        text(
            "the leader keeps writes in its log with epoch and offset",
            "o líder guarda as escritas no seu log com época e offset",
        ),
    ),
    (
        "2b",
        text(
            "the leader pushes entries to the replicas and waits for acks",
            "o líder envia as entradas às réplicas (push) e espera os acks",
        ),
    ),
    (
        "2c",
        text(
            "after the acks of the majority the leader sends a commit order",
            "após os acks da maioria o líder envia a ordem de commit",
        ),
    ),
    (
        "2d",
        text(
            "the leader marks an entry committed only after the majority, then confirms to the client",
            "o líder marca a entrada como efetivada só após a maioria, e então confirma ao cliente",
        ),
    ),
    (
        "2e",
        text(
            "the leader persists intermediate and final data with epoch and offset",
            "o líder persiste dados intermediários e finais com época e offset",
        ),
    ),
    ("2f", text("the leader answers queries", "o líder responde a consultas")),
    (
        "3a",
        text(
            "a replica stores pushed entries durably as intermediate data, and acks",
            "a réplica armazena as entradas de forma durável como dados intermediários, e envia o ack",
        ),
    ),
    (
        "3b",
        text(
            "a replica checks that an entry continues its log: accepts it, or truncates, reports and is rebuilt",
            "a réplica verifica se a entrada continua o seu log: aceita, ou trunca, informa o log e é reconstruída",
        ),
    ),
    (
        "3c",
        text(
            "on the commit order a replica makes the write final",
            "com a ordem de commit a réplica efetiva a escrita",
        ),
    ),
    (
        "3d",
        text(
            "a replica persists intermediate and final data with epoch and offset",
            "a réplica persiste dados intermediários e finais com época e offset",
        ),
    ),
];

/// Heads of the card.
pub const TITLE: Text = text("CODE", "CÓDIGO");
pub const FIRES: Text = text("fires in", "dispara em");
pub const DOES: Text = text("what it does", "o que faz");
pub const LINE: Text = text("assignment", "trabalho");
pub const TEST: Text = text("pinned by", "garantida por");
pub const NO_LINE: Text = text("no line of its own", "nenhuma linha própria");
pub const NO_TEST: Text = text("no test of its own", "nenhum teste próprio");
pub const CLOSES: Text = text("e explains · any other key closes", "e explica · outra tecla fecha");

pub fn of(fact: &Fact) -> Card {
    let name = explain::subject(fact);
    let places = FACT_PLACES.iter().filter(|(fact, ..)| *fact == name);
    let pinned = PINNED.iter().find(|pinned| pinned.facts.contains(&name));
    let lines = pinned.map(|pinned| pinned.lines).unwrap_or_default();
    Card {
        explanation: explain::of(fact),
        places: places.map(|(_, file, line, function)| Place { file, line: *line, function }).collect(),
        lines: LINES.iter().filter(|(line, _)| lines.contains(line)).copied().collect(),
        test: pinned.map(|pinned| pinned.test),
    }
}

/// The first sentences of an explanation.
pub fn in_short(explanation: &Explanation, lang: Lang) -> String {
    let whole = explanation.body.first().map(|text| text.to(lang)).unwrap_or_default();
    let ends = whole.match_indices(". ").map(|(at, _)| at + 1);
    let end = ends.into_iter().nth(SENTENCES - 1).unwrap_or(whole.len());
    whole[..end].to_owned()
}
