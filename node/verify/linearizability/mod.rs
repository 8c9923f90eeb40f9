//! Linearizability of a store of keys: is there an order of the operations in which each takes effect at one moment
//! between its call and its return, and every read sees the last write?
//!
//! The search itself is in [`search`], key by key, since a history is linearizable if each key's is (Herlihy and Wing
//! 1990). A write of unknown outcome may take effect at any time after its call, or never. A key is a register with puts,
//! deletes, gets and compare-and-set; a batch is given as an operation on each of its keys.
//!
//! Left out: operations on several keys, and reads that promise less than linearizability.

mod search;

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::verify::linearizability::search::{End, Search};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    Put(Bytes),
    Delete,
    /// A compare-and-set that was done, or may have been: it takes effect only where the key is as expected; `None` is
    /// absent. One that was not done for what it found there is a [`Action::Get`] of that.
    CompareAndSet {
        expected: Option<Bytes>,
        value: Bytes,
    },
    /// What the get saw; `None` if there was nothing. Ignored if it did not return.
    Get(Option<Bytes>),
}

/// What a client did to a key, and when. Times are from one clock; only their order counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    pub client: u64,
    pub key: Bytes,
    pub action: Action,
    pub called: u64,
    /// `None`: the outcome is unknown, it may take effect at any time after the call, or never.
    pub returned: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No order explains the key's history. `stuck` is the first operation to return that none could place;
    /// `history` all operations on the key around it.
    NotLinearizable { key: Bytes, stuck: Box<Operation>, history: Vec<Operation> },
    /// So much was concurrent that the search was given up.
    GaveUp { key: Bytes, operations: usize },
}

/// Checks a history; gives how many operations were placed.
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
/// // While the put runs a get may see it or not; after it has returned, every get must.
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
            Action::Get(Some(value)) => write!(f, "get {key} sees {}", value.escape_ascii()),
            Action::Get(None) => write!(f, "get {key} sees nothing"),
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
                write!(f, "too many of the {operations} operations on {key} were concurrent: it is not known")
            }
        }
    }
}
