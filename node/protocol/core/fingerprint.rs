//! What decides the future of a core, as one number: a model checker visits each fingerprint once.
//!
//! Every field is named in a pattern without `..`. A new field does not compile until it is decided here whether it
//! takes part. A field takes part if a later output can depend on it. Four kinds of field do not:
//!
//! 1. The configuration: it never changes. Fingerprints of cores with different configurations are not comparable.
//! 2. Counters that only name something new: the last operation, message and read. A later one is greater in any case,
//!    and nothing else depends on the number. Message numbers appear in outputs; [`Core::fingerprint`] ignores that.
//! 3. The random state, if the configuration leaves it no choice: an election timeout of one microsecond has one value.
//! 4. What exists only within one step: the outputs and the node that asks.
//!
//! Times take part relative to `now`, because a core compares times only with `now`.
//!
//! Left out: the host's state (disk, messages that wait for a flush).

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::config::Config;
use crate::core::Core;
use crate::role::{Candidate, Follower, Leader, PreCandidate, Progress, Reads, Role, Sending, Waiting};
use crate::send_snapshot::PATIENCE_TIMEOUTS;
use crate::transfer::{Parked, Transfer};
use crate::types::Time;

impl Core {
    /// A hash over everything that decides the future: two cores of one configuration with equal fingerprints give the
    /// same outputs for the same inputs, but for the numbers of operations, messages and reads, and with times shifted
    /// by the difference of their clocks. Equal within one process only: the hash function may change with Rust.
    pub fn fingerprint(&self) -> u64 {
        let Core {
            config,
            rng,
            started,
            now,
            promise,
            lists,
            log,
            committed,
            handed,
            applied,
            applying,
            role,
            checking,
            snapshots,
            injected,
            parked,
            known_acks,
            barrier,
            hurry,
            asked_by: _,
            last_operation: _,
            last_number: _,
            last_read: _,
            watched,
            outputs: _,
        } = self;
        let mut print = Fingerprint { config, now: *now, hasher: DefaultHasher::new() };
        if config.election_timeout_micros > 1 {
            print.add(rng);
        }
        print.since(*started, self.patience_micros());
        print.add(&(promise, lists, log, committed, handed, applied, applying));
        print.role(role);
        print.add(&(checking, snapshots, injected, known_acks, barrier, hurry, watched));
        print.option(parked.as_ref(), Fingerprint::parked);
        print.hasher.finish()
    }
}

struct Fingerprint<'a> {
    config: &'a Config,
    now: Time,
    hasher: DefaultHasher,
}

impl Fingerprint<'_> {
    fn add(&mut self, value: &impl Hash) {
        value.hash(&mut self.hasher);
    }

    /// How much longer a moment of the past counts; 0 if it no longer does. `lasts_micros` is the longest span that a
    /// rule adds to it before it compares the sum with `now`.
    fn since(&mut self, time: Time, lasts_micros: u64) {
        let left = time.plus_micros(lasts_micros).0.saturating_sub(self.now.0);
        self.add(&left);
    }

    /// How far a deadline lies ahead. Due now and overdue are told apart.
    fn deadline(&mut self, time: Time) {
        self.add(&time.0.checked_sub(self.now.0));
    }

    fn option<T>(&mut self, value: Option<T>, add: impl FnOnce(&mut Self, T)) {
        self.add(&value.is_some());
        if let Some(value) = value {
            add(self, value);
        }
    }

    fn role(&mut self, role: &Role) {
        self.add(&std::mem::discriminant(role));
        match role {
            Role::Follower(follower) => self.follower(follower),
            Role::PreCandidate(PreCandidate { epoch, granted, empty, deadline }) => {
                self.add(&(epoch, granted, empty));
                self.deadline(*deadline);
            }
            Role::Candidate(Candidate { epoch, votes, refusals, founders, deadline }) => {
                self.add(&(epoch, votes, refusals, founders));
                self.deadline(*deadline);
            }
            Role::Leader(leader) => self.leader(leader),
        }
    }

    fn follower(&mut self, follower: &Follower) {
        let Follower {
            leader,
            invited,
            heard,
            leader_gone,
            deadline,
            timeout_micros,
            matched,
            acked,
            ack_owed,
            ordered,
            reported,
            push,
            round,
            stashed,
        } = follower;
        let timeout = self.config.election_timeout_micros;
        self.option(*heard, |print, heard| print.since(heard, timeout));
        self.deadline(*deadline);
        self.add(leader_gone);
        self.add(&(leader, invited, timeout_micros, matched, acked, ack_owed, ordered));
        self.add(&(reported, push, round, stashed));
    }

    fn leader(&mut self, leader: &Leader) {
        let Leader { epoch, opening, replicas, writes, reads, heartbeat_at, transfer, transfer_rest, lease_given_up } =
            leader;
        self.add(&(epoch, opening, writes, lease_given_up, replicas.len()));
        for (id, progress) in replicas {
            self.add(id);
            self.progress(progress);
        }
        self.reads(reads);
        self.deadline(*heartbeat_at);
        // The next heartbeat is counted from the deadline of this one, unless that is longer ago than one interval.
        self.since(*heartbeat_at, self.config.heartbeat_micros);
        self.option(transfer.as_ref(), Fingerprint::transfer);
        self.deadline(*transfer_rest);
    }

    fn progress(&mut self, progress: &Progress) {
        let Progress {
            kind,
            incarnation,
            leaves,
            matched,
            sent,
            in_flight,
            in_flight_bytes,
            resync,
            resync_to,
            waiting,
            heard,
            round,
            patient_since,
            finalized,
            overdue,
            level,
        } = progress;
        let Config { election_timeout_micros, heartbeat_micros, leadership, .. } = self.config;
        self.add(&(kind, incarnation, matched, sent, in_flight, in_flight_bytes));
        self.add(&(resync, resync_to, round, finalized, overdue, level));
        self.option(*leaves, Fingerprint::deadline);
        self.since(*heard, (*election_timeout_micros).max(heartbeat_micros.saturating_mul(3)));
        self.option(*patient_since, |print, since| print.since(since, leadership.lease_micros));
        match waiting {
            Waiting::Snapshot(sending) => self.sending(sending),
            Waiting::Nothing | Waiting::Entries(_) | Waiting::SyncPoint { .. } | Waiting::Turn => self.add(waiting),
        }
    }

    fn sending(&mut self, sending: &Sending) {
        let Sending { snapshot, at, reading, sent, moved } = sending;
        let timeout = self.config.election_timeout_micros;
        self.add(&(snapshot, at, reading));
        self.option(*sent, |print, sent| print.since(sent, timeout));
        self.since(*moved, timeout.saturating_mul(PATIENCE_TIMEOUTS));
    }

    fn reads(&mut self, reads: &Reads) {
        let Reads { round, sent, asked, asked_round, unasked, confirmed } = reads;
        self.add(&(round, asked, asked_round, unasked, confirmed, sent.len()));
        for (round, at) in sent {
            self.add(round);
            self.since(*at, self.config.leadership.lease_micros);
        }
    }

    fn transfer(&mut self, transfer: &Transfer) {
        let Transfer { to, request, reason, deadline, sent, waiting } = transfer;
        self.add(&(to, request, reason, sent, waiting));
        self.deadline(*deadline);
    }

    fn parked(&mut self, parked: &Parked) {
        let Parked { to, request, reason, proposals, deadline } = parked;
        self.add(&(to, request, reason, proposals));
        self.deadline(*deadline);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Leadership, Limits, Restored};
    use crate::io::Input;
    use crate::message::{Envelope, Message, PreVoteAsked};
    use crate::types::{Epoch, FeatureLevel, Incarnation, NodeId};

    const START: Time = Time(1_000);

    fn core(election_timeout_micros: u64, seed: u64, now: Time) -> Core {
        let config = Config {
            id: NodeId(1),
            incarnation: Incarnation([1; 16]),
            voters: (1..=3).map(|id| (NodeId(id), String::new())).collect(),
            heartbeat_micros: 0,
            election_timeout_micros,
            seed,
            limits: Limits::default(),
            leadership: Leadership::default(),
            level_max: FeatureLevel::NEWEST,
        };
        Core::new(config, Restored::default(), now)
    }

    fn pre_vote_asked() -> Input {
        let message = Message::PreVoteAsked(PreVoteAsked { epoch: Epoch(1), last: None });
        Input::Message(Envelope::bare(NodeId(2), NodeId(1), 1, message))
    }

    #[test]
    fn cores_that_differ_in_history_alone_have_one_fingerprint() {
        let (mut early, late) = (core(1, 1, START), core(1, 2, START.plus_micros(9)));
        assert!(!early.step(START, pre_vote_asked()).is_empty(), "it answers");
        assert_eq!(early.fingerprint(), late.fingerprint(), "another clock, seed and number of messages");
    }

    #[test]
    fn what_decides_the_future_changes_the_fingerprint() {
        let mut core = core(1, 1, START);
        let fresh = core.fingerprint();
        core.step(START, Input::Watched(true));
        let watched = core.fingerprint();
        core.step(core.deadline(), Input::Tick);
        assert!(watched != fresh && core.fingerprint() != watched, "it is watched before it starts an election");
    }

    #[test]
    fn the_seed_takes_part_where_election_timeouts_vary() {
        let new = |seed| core(1_000, seed, START).fingerprint();
        assert_ne!(new(1), new(2));
    }

    #[test]
    fn a_past_time_counts_as_long_as_a_rule_looks_at_it() {
        let print = |age: u64| {
            let core = core(10, 1, START.plus_micros(age));
            let mut print = Fingerprint { config: &core.config, now: core.now, hasher: DefaultHasher::new() };
            print.since(START, 10);
            print.hasher.finish()
        };
        assert!(print(0) != print(1) && print(1) != print(9));
        assert_eq!(print(10), print(1_000));
    }
}
