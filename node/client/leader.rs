//! Finds the leader from what all nodes answer.
//!
//! The leader of the greatest epoch that any node reports is asked, but only if it has answered itself a moment ago: a
//! write sent to a node that hangs could end only as unknown. A leader that this client cannot connect to is asked
//! through a node that follows it and forwards the request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{sleep_until, timeout_at};

use crate::client::Client;
use crate::client::error::ClientError;
use crate::client::nodes::{Absence, Answer};
use crate::client::reason::Reason;
use crate::protocol::NodeId;
use crate::wire::proto;

/// After its last answer a leader is assumed to lead for this long.
const FRESH: Duration = Duration::from_secs(1);
/// The time limit of the first survey; nodes that have not answered then do not count. If no majority answers, the next
/// survey takes twice as long, for a busy machine.
const SURVEY: Duration = Duration::from_millis(500);
/// The pause between two surveys while there is no leader.
const PAUSE: Duration = Duration::from_millis(20);

/// The last leader found, and when it answered.
#[derive(Default)]
pub(super) struct Finder {
    heard: Mutex<Option<(String, Instant)>>,
}

impl Finder {
    fn fresh(&self) -> Option<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.as_ref().filter(|(_, at)| at.elapsed() < FRESH).map(|(address, _)| address.clone())
    }

    /// The node at `address` has just answered as the leader.
    pub fn heard(&self, address: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *heard {
            Some((known, at)) if known == address => *at = Instant::now(),
            other => *other = Some((address.to_owned(), Instant::now())),
        }
    }

    /// The node at `address` is no longer the leader, or does not answer.
    pub fn lost(&self, address: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.take_if(|(known, _)| known == address);
    }
}

/// The result of a survey.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Finding {
    /// Ask here: the leader, or a node that forwards to it.
    Ask(String),
    /// Nodes answer, but there is no leader to ask; with the reason.
    NoLeader(Reason),
    /// No node answers.
    NoAnswer(ClientError),
}

impl Client {
    /// Waits until any node has answered.
    pub(super) async fn meet(&self, deadline: Instant) -> Result<(), ClientError> {
        let mut time = SURVEY;
        loop {
            let answers = self.survey(deadline, &mut time).await;
            if answers.iter().any(|answer| answer.status.is_ok()) {
                return Ok(());
            }
            let silent = answers.iter().any(|answer| matches!(answer.status, Err(Absence::Silent(_))));
            if !silent || Instant::now() + PAUSE >= deadline {
                return Err(self.no_answer(&answers));
            }
            sleep_until((Instant::now() + PAUSE).into()).await;
        }
    }

    /// The address at which to ask the leader. Waits for a leader until the deadline.
    pub(super) async fn leader(&self, deadline: Instant) -> Result<String, ClientError> {
        let shared = &self.shared;
        let mut why = Reason::Searching;
        // The deadline cuts the last survey short: a node that answered an earlier one still counts.
        let mut met = false;
        let mut time = SURVEY;
        loop {
            if let Some(address) = shared.finder.fresh() {
                return Ok(address);
            }
            // The semaphore is never closed. One survey serves all waiting operations.
            let Ok(permit) = timeout_at(deadline.into(), shared.surveying.acquire()).await else {
                return Err(ClientError::NoLeader { timeout: self.timeout, why });
            };
            if shared.finder.fresh().is_some() {
                continue;
            }
            let answers = self.survey(deadline, &mut time).await;
            drop(permit);
            let over = Instant::now() + PAUSE >= deadline;
            match self.judge(&answers) {
                Finding::Ask(address) => return Ok(address),
                Finding::NoAnswer(error) if over && !met => return Err(error),
                Finding::NoLeader(because) => (met, why) = (true, because),
                Finding::NoAnswer(error) if !met => why = Reason::Failed(Box::new(error)),
                Finding::NoAnswer(_) => {}
            }
            if over {
                return Err(ClientError::NoLeader { timeout: self.timeout, why });
            }
            sleep_until((Instant::now() + PAUSE).into()).await;
        }
    }

    /// The address at which to ask the leader at this moment; `None` without a leader.
    pub(super) async fn leader_now(&self, deadline: Instant) -> Option<String> {
        match self.judge(&self.survey(deadline, &mut { SURVEY }).await) {
            Finding::Ask(address) => Some(address),
            _ => None,
        }
    }

    /// The address of a node that answers, with the newest member list: a node with an emptied folder has none.
    pub(super) async fn any_node(&self, deadline: Instant) -> Result<String, ClientError> {
        let answers = self.survey(deadline, &mut { SURVEY }).await;
        let answering = answers.iter().filter_map(|answer| Some((&answer.address, answer.status.as_ref().ok()?)));
        let found = answering.max_by_key(|(_, status)| status.members.as_ref().map(|list| list.position));
        found.map(|(address, _)| address.clone()).ok_or_else(|| self.no_answer(&answers))
    }

    /// Takes at most `time`, and twice that if no majority answers.
    async fn survey(&self, deadline: Instant, time: &mut Duration) -> Vec<Answer> {
        let until = deadline.min(Instant::now() + *time);
        let answers = self.shared.nodes.ask_all(until, settled).await;
        let heard = answers.iter().filter(|answer| answer.status.is_ok()).count();
        if 2 * heard <= answers.len() && Instant::now() >= until {
            *time *= 2;
        }
        if let Finding::Ask(address) = self.judge(&answers) {
            self.shared.finder.heard(&address);
        }
        answers
    }

    fn judge(&self, answers: &[Answer]) -> Finding {
        match answers.iter().any(|answer| answer.status.is_ok()) {
            true => choose(answers, |node| self.shared.nodes.address_of(node)),
            false => Finding::NoAnswer(self.no_answer(answers)),
        }
    }

    fn no_answer(&self, answers: &[Answer]) -> ClientError {
        let other = answers.iter().find(|answer| answer.status == Err(Absence::OtherCluster));
        if let Some(answer) = other {
            return ClientError::OtherCluster { address: answer.address.clone() };
        }
        let why = answers.iter().find_map(|answer| match &answer.status {
            Err(Absence::Gone(why) | Absence::Silent(why)) => Some(why.clone()),
            _ => None,
        });
        let why = why.unwrap_or(Reason::NoAddress);
        ClientError::Unreachable { addresses: self.shared.nodes.named(), why }
    }
}

/// The greatest epoch with a leader that any node reports, and that leader.
fn newest_claim(answers: &[Answer]) -> Option<(u64, u64)> {
    let statuses = answers.iter().filter_map(|answer| answer.status.as_ref().ok());
    statuses.filter_map(|status| Some((status.epoch?, status.leader?))).max()
}

/// The leader itself, if it is among the answers.
fn leading(answers: &[Answer], claim: (u64, u64)) -> Option<&Answer> {
    answers.iter().find(|answer| {
        let status = answer.status.as_ref().ok();
        status.is_some_and(|status| {
            status.role() == proto::Role::Leader && (status.epoch, status.id) == (Some(claim.0), claim.1)
        })
    })
}

/// True once the leader and a majority have answered: no newer leader can exist.
fn settled(answers: &[Answer], asked: usize) -> bool {
    let heard = answers.iter().filter(|answer| answer.status.is_ok()).count();
    2 * heard > asked && newest_claim(answers).is_some_and(|claim| leading(answers, claim).is_some())
}

fn choose(answers: &[Answer], address_of: impl Fn(NodeId) -> Option<String>) -> Finding {
    let Some(claim) = newest_claim(answers) else {
        return Finding::NoLeader(present(answers));
    };
    if let Some(answer) = leading(answers, claim) {
        return Finding::Ask(answer.address.clone());
    }
    let leader = NodeId(claim.1);
    let gone = answers.iter().any(|answer| {
        matches!(answer.status, Err(Absence::Gone(_))) && Some(&answer.address) == address_of(leader).as_ref()
    });
    let follower = answers.iter().find(|answer| {
        answer.status.as_ref().is_ok_and(|status| (status.epoch, status.leader) == (Some(claim.0), Some(claim.1)))
    });
    match follower {
        Some(follower) if gone => Finding::Ask(follower.address.clone()),
        _ => Finding::NoLeader(Reason::LeaderSilent { leader, epoch: claim.0 }),
    }
}

fn present(answers: &[Answer]) -> Reason {
    let ids = answers.iter().filter_map(|answer| Some(NodeId(answer.status.as_ref().ok()?.id)));
    let mut answering: Vec<NodeId> = ids.collect();
    answering.sort_unstable();
    answering.dedup();
    let (asked, quorum) = (answers.len(), answers.len() / 2 + 1);
    match answering.len() < quorum && asked > 1 {
        true => Reason::NoMajority { asked, answering, quorum },
        false => Reason::NoneKnowsLeader { answering },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::StatusResponse;

    fn address(node: u64) -> String {
        format!("127.0.0.1:710{node}")
    }

    fn says(id: u64, epoch: u64, leader: Option<u64>) -> Answer {
        let role = if leader == Some(id) { proto::Role::Leader } else { proto::Role::Replica }.into();
        let status = StatusResponse { id, role, epoch: Some(epoch), leader, ..StatusResponse::default() };
        Answer { address: address(id), status: Ok(status) }
    }

    fn gone(id: u64) -> Answer {
        Answer { address: address(id), status: Err(Absence::Gone(Reason::System("refused".to_owned()))) }
    }

    fn silent(id: u64) -> Answer {
        Answer { address: address(id), status: Err(Absence::Silent(Reason::NoAnswer)) }
    }

    fn chosen(answers: &[Answer]) -> Option<String> {
        match choose(answers, |node| Some(address(node.0))) {
            Finding::Ask(address) => Some(address),
            _ => None,
        }
    }

    #[test]
    fn the_leader_of_the_greatest_epoch_is_asked() {
        let old_leader_cut_off = [says(1, 1, Some(1)), says(2, 2, Some(2)), says(3, 2, Some(2))];
        assert_eq!(chosen(&old_leader_cut_off), Some(address(2)));
    }

    #[test]
    fn a_leader_that_hangs_is_not_asked_nor_a_node_that_would_forward_to_it() {
        assert_eq!(chosen(&[silent(1), says(2, 1, Some(1)), says(3, 1, Some(1))]), None);
        assert_eq!(chosen(&[says(2, 1, Some(1)), says(3, 1, Some(1))]), None);
    }

    #[test]
    fn a_leader_without_a_way_from_here_is_asked_through_a_node_that_follows_it() {
        assert_eq!(chosen(&[gone(1), says(2, 1, Some(1)), says(3, 1, None)]), Some(address(2)));
    }

    #[test]
    fn no_node_is_asked_without_a_leader() {
        assert_eq!(chosen(&[says(1, 3, None), says(2, 3, None), gone(3)]), None);
    }

    #[test]
    fn without_a_majority_the_error_says_so_and_what_to_do() {
        let said = |answers: &[Answer]| match choose(answers, |node| Some(address(node.0))) {
            Finding::NoLeader(why) => why.to_string(),
            other => panic!("{other:?}"),
        };
        let why = said(&[says(1, 3, None), says(2, 3, None), gone(3), silent(4)]);
        assert!(
            why.starts_with("only n1 n2 of 4 nodes answer, and a majority needs 3: no leader can be elected"),
            "{why}"
        );
        assert!(why.contains("Nothing was done: try again"), "{why}");
        let why = said(&[says(1, 3, None), says(2, 3, None), says(3, 3, None), gone(4)]);
        assert_eq!(why, "n1 n2 n3 answer, and none of them knows a leader");
    }

    #[test]
    fn a_survey_is_settled_by_the_leader_and_a_majority() {
        assert!(!settled(&[says(1, 1, Some(1)), says(2, 1, Some(1))], 4));
        assert!(settled(&[says(1, 1, Some(1)), says(2, 1, Some(1)), says(3, 1, Some(1))], 4));
        assert!(!settled(&[says(2, 1, Some(1)), says(3, 1, Some(1)), says(4, 1, Some(1))], 4));
    }
}
