//! Checks that a history of operations on keys is linearizable: that there is an order in which each operation takes
//! effect at one moment between its call and its return, and every read sees the last write.
//!
//! The search is in `search`, key by key, since a history is linearizable if that of each key is (Herlihy and Wing
//! 1990). A write of unknown outcome may take effect at any time after its call, or never. A key is a register with
//! puts, deletes, gets and compare-and-set. A batch is given as an operation on each of its keys.
//!
//! Left out: operations on several keys, and reads that promise less than linearizability.

mod search;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::verify::linearizability::search::{End, Search};

/// What an operation did at its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Sets the value.
    Put(Bytes),
    /// Removes the key.
    Delete,
    /// A compare-and-set that was done, or may have been: it takes effect only where the key has the expected value
    /// (`None`: it is absent). One that found another value is an [`Action::Get`] of that value.
    CompareAndSet {
        /// The value that it compares with.
        expected: Option<Bytes>,
        /// The value that it sets.
        value: Bytes,
    },
    /// What the get saw; `None` if there was nothing. Ignored if it did not return.
    Get(Option<Bytes>),
}

/// An operation of a client on a key. Times are of one clock; only their order matters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    /// The client, for explanations.
    pub client: u64,
    /// The key.
    pub key: Bytes,
    /// What it did.
    pub action: Action,
    /// When it was called.
    pub called: u64,
    /// `None`: the outcome is unknown. It may take effect at any time after the call, or never.
    pub returned: Option<u64>,
}

/// Why a history was not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No order explains the history of a key.
    NotLinearizable {
        /// The key.
        key: Bytes,
        /// The first operation to return that no order could place.
        stuck: Box<Operation>,
        /// The operations on the key around it.
        history: Vec<Operation>,
    },
    /// The search gave up because too many operations were concurrent.
    GaveUp {
        /// The key.
        key: Bytes,
        /// The number of operations on it.
        operations: usize,
    },
}

/// Checks a history. Returns how many operations were placed in an order.
///
/// ```
/// use bytes::Bytes;
/// use epoca::verify::linearizability::{Action, Operation, check};
///
/// let operation = |client, action, called, returned| {
///     Operation { client, key: Bytes::from("x"), action, called, returned: Some(returned) }
/// };
/// let put = operation(1, Action::Put(Bytes::from("1")), 0, 10);
///
/// // During the put a get may see it or not. After it has returned, every get must see it.
/// let during = operation(2, Action::Get(None), 5, 6);
/// assert_eq!(check(&[put.clone(), during]), Ok(2));
/// let stale = operation(2, Action::Get(None), 11, 12);
/// assert!(check(&[put, stale]).is_err());
/// ```
pub fn check(history: &[Operation]) -> Result<usize, Failure> {
    let mut keys: BTreeMap<&Bytes, Vec<&Operation>> = BTreeMap::new();
    for operation in history {
        keys.entry(&operation.key).or_default().push(operation);
    }
    let mut placed = 0;
    for (key, operations) in keys {
        placed += Search::new(&operations).run().map_err(|end| explain(key, &operations, end))?;
    }
    Ok(placed)
}

/// How many operations before and after the stuck one an explanation shows.
const SHOWN: usize = 12;

fn explain(key: &Bytes, operations: &[&Operation], end: End) -> Failure {
    let key = key.clone();
    let End::Stuck { called } = end else { return Failure::GaveUp { key, operations: operations.len() } };
    let mut history: Vec<Operation> = operations.iter().map(|operation| (*operation).clone()).collect();
    history.sort_by_key(|operation| operation.called);
    let index = history.iter().position(|operation| operation.called == called).unwrap_or(0);
    let stuck = Box::new(history[index].clone());
    history.truncate(index + SHOWN);
    history.drain(..index.saturating_sub(SHOWN));
    Failure::NotLinearizable { key, stuck, history }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.escape_ascii();
        write!(f, "client {} at {:>6} to ", self.client, self.called)?;
        match self.returned {
            Some(returned) => write!(f, "{returned:>6}: ")?,
            None => write!(f, "     ?: ")?,
        }
        match &self.action {
            Action::Put(value) => write!(f, "put {key}={}", value.escape_ascii()),
            Action::Delete => write!(f, "delete {key}"),
            Action::CompareAndSet { expected, value } => {
                let expected = expected.as_ref().map_or("nothing".to_owned(), |value| value.escape_ascii().to_string());
                write!(f, "set {key}={} instead of {expected}", value.escape_ascii())
            }
            Action::Get(Some(value)) => write!(f, "get {key} returns {}", value.escape_ascii()),
            Action::Get(None) => write!(f, "get {key} returns nothing"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotLinearizable { stuck, history, .. } => {
                writeln!(f, "no order of the operations explains: {stuck}; around it:")?;
                history.iter().try_for_each(|operation| writeln!(f, "  {operation}"))
            }
            Failure::GaveUp { key, operations } => {
                let key = key.escape_ascii();
                write!(f, "too many of the {operations} operations on {key} were concurrent: undecided")
            }
        }
    }
}
