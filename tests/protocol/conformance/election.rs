//! `election.toml`: which votes a node grants, and what a candidate does with the answers.

use serde::Deserialize;

use epoca::protocol::trace::RoleName;
use epoca::protocol::{EntryId, Epoch, Message, NodeId, PreVoteAsked, Promise, VoteAsked};

use crate::conformance::{remember, table};
use crate::world::{Pick, World};

const TABLE: &str = include_str!("election.toml");

#[derive(Deserialize)]
struct Table {
    vote_by_log: Vec<ByLog>,
    vote_once: Vec<Once>,
    outcome: Vec<Outcome>,
}

#[derive(Deserialize, Debug)]
struct ByLog {
    voter: Vec<u64>,
    candidate: (u64, u64),
    granted: bool,
}

#[derive(Deserialize, Debug)]
struct Once {
    voted: Option<u64>,
    candidate: u64,
    granted: bool,
}

#[derive(Deserialize, Debug)]
struct Outcome {
    voters: u64,
    answers: Vec<bool>,
    becomes: String,
}

/// A voter among four that has heard no leader for longer than any election timeout, and does not campaign itself.
fn voter(epochs: &[u64], promise: Promise) -> World {
    let mut world = World::solo(4);
    remember(&mut world, 1, epochs, None);
    let mut image = world.host(1).disk.durable().clone();
    image.promise = Some(promise);
    world.host_mut(1).disk.set_log(image);
    world.start(1);
    world.now = world.now.plus_micros(10_000_000);
    world
}

/// The voter's answer to a vote (or pre-vote) request in this epoch with this last entry.
fn granted(world: &mut World, candidate: u64, epoch: u64, last: EntryId) -> bool {
    let asked = VoteAsked { epoch: Epoch(epoch), last: Some(last), transfer: false };
    world.send_as(candidate, 1, Some(epoch), Message::VoteAsked(asked));
    match &world.messages_to(candidate).last().expect("an answer").message {
        Message::VoteAnswer(answer) => answer.granted,
        other => panic!("{other:?} is no answer to a vote"),
    }
}

fn pre_granted(world: &mut World, candidate: u64, epoch: u64, last: EntryId) -> bool {
    let asked = PreVoteAsked { epoch: Epoch(epoch), last: Some(last) };
    world.send_as(candidate, 1, Some(epoch - 1), Message::PreVoteAsked(asked));
    match &world.messages_to(candidate).last().expect("an answer").message {
        Message::PreVoteAnswer(answer) => answer.granted,
        other => panic!("{other:?} is no answer to a pre-vote"),
    }
}

fn nobody(epoch: u64) -> Promise {
    Promise { epoch: Epoch(epoch), vote: None }
}

#[test]
fn a_vote_and_a_pre_vote_go_only_to_a_log_that_is_not_smaller() {
    for case in table::<Table>(TABLE).vote_by_log {
        let (epoch, position) = case.candidate;
        let last = EntryId::new(epoch, position - 1);
        let mut world = voter(&case.voter, nobody(8));
        assert_eq!(pre_granted(&mut world, 2, 9, last), case.granted, "pre-vote, {case:?}");
        assert_eq!(granted(&mut world, 2, 9, last), case.granted, "vote, {case:?}");
    }
}

#[test]
fn a_voter_has_one_vote_in_an_epoch_and_may_repeat_it() {
    for case in table::<Table>(TABLE).vote_once {
        let promise = Promise { epoch: Epoch(5), vote: case.voted.map(NodeId) };
        let mut world = voter(&[1], promise);
        assert_eq!(granted(&mut world, case.candidate, 5, EntryId::new(1, 0)), case.granted, "{case:?}");
    }
}

#[test]
fn the_answers_make_a_leader_a_candidate_or_a_follower() {
    for case in table::<Table>(TABLE).outcome {
        let mut world = World::solo(case.voters);
        remember(&mut world, 1, &[1], Some(1));
        world.start(1);
        world.begin_election(1);
        for asked in world.network.take(&Pick::kind("pre-vote")) {
            world.answer_pre_vote(&asked, true);
        }
        let asked = world.network.take(&Pick::kind("vote"));
        for (asked, granted) in asked.iter().zip(&case.answers) {
            world.answer_vote(asked, *granted);
        }
        let expected = match case.becomes.as_str() {
            "leader" => RoleName::Leader,
            "candidate" => RoleName::Candidate,
            _ => RoleName::Replica,
        };
        assert_eq!(world.role(1), expected, "{case:?}");
    }
}
