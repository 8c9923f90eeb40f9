//! The ring buffer between the event loop and one observer: bounded, and the loop never waits for it.
//!
//! When it is full the oldest events are dropped. The observer then gets the number of lost events and a new snapshot,
//! so what it shows is never wrong, only late.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::protocol::trace::{Event, Fact};

/// The capacity of a ring, in events; the preview of an entry counts like an event.
const WEIGHT_MAX: usize = 32_768;
/// The most of one message to an observer, in the same unit.
const BATCH_WEIGHT_MAX: usize = 4_096;

#[derive(Default)]
pub(crate) struct Ring {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Oldest first. Bound: [`WEIGHT_MAX`]; beyond it the oldest are dropped and counted in `lost`.
    events: VecDeque<Arc<Event>>,
    /// The weight of `events`.
    weight: usize,
    /// Events dropped since the last snapshot.
    lost: u64,
    closed: bool,
    reader: Option<Waker>,
}

/// What an observer finds in its ring.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RingItem {
    Events(Vec<Arc<Event>>),
    /// Events were lost; a new snapshot is needed.
    Lost,
    /// The node is stopping.
    End,
}

impl Ring {
    /// Adds an event; drops the oldest if there is no room.
    pub(crate) fn push(&self, event: &Arc<Event>) {
        let mut inner = self.lock();
        inner.weight += weight(event);
        inner.events.push_back(Arc::clone(event));
        while inner.weight > WEIGHT_MAX
            && let Some(oldest) = inner.events.pop_front()
        {
            inner.weight -= weight(&oldest);
            inner.lost += 1;
        }
        wake(&mut inner);
    }

    /// Empties the ring for a new snapshot. Returns the number of events lost since the last one.
    pub(crate) fn restart(&self) -> u64 {
        let mut inner = self.lock();
        let missed = inner.lost + inner.events.len() as u64;
        inner.events.clear();
        inner.weight = 0;
        inner.lost = 0;
        missed
    }

    /// Closes the ring, from either side.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        wake(&mut inner);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The next events; waits until there are some.
    pub(crate) async fn next(&self) -> RingItem {
        poll_fn(|context| {
            let mut inner = self.lock();
            if inner.lost > 0 {
                return Poll::Ready(RingItem::Lost);
            }
            if !inner.events.is_empty() {
                return Poll::Ready(RingItem::Events(inner.take_batch()));
            }
            if inner.closed {
                return Poll::Ready(RingItem::End);
            }
            inner.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while the lock is held, and a poisoned ring would still be consistent.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take_batch(&mut self) -> Vec<Arc<Event>> {
        let mut batch = Vec::new();
        let mut taken = 0;
        while taken < BATCH_WEIGHT_MAX
            && let Some(event) = self.events.pop_front()
        {
            taken += weight(&event);
            batch.push(event);
        }
        self.weight -= taken;
        batch
    }
}

fn wake(inner: &mut Inner) {
    if let Some(reader) = inner.reader.take() {
        reader.wake();
    }
}

/// The weight of an event in a ring.
pub(crate) fn weight(event: &Event) -> usize {
    let previews = match &event.fact {
        Fact::Proposed { entry } => entry.len(),
        Fact::Consistent { entries, .. } | Fact::Injected { entries } => entries.len(),
        Fact::FinalChanged { rows, .. } | Fact::FinalRead { rows, .. } => rows.len(),
        _ => 0,
    };
    1 + previews
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{NodeId, Time};

    fn event(number: u64) -> Arc<Event> {
        let fact = Fact::Killed { node: NodeId(1) };
        Arc::new(Event { node: NodeId(1), number, time: Time(number), fact })
    }

    #[tokio::test]
    async fn a_full_ring_loses_the_oldest_and_counts_them() {
        let ring = Ring::default();
        for number in 1..=WEIGHT_MAX as u64 + 3 {
            ring.push(&event(number));
        }
        assert_eq!(ring.next().await, RingItem::Lost);
        assert_eq!(ring.restart(), WEIGHT_MAX as u64 + 3, "everything that was not read is missed");
        ring.push(&event(99));
        assert_eq!(ring.next().await, RingItem::Events(vec![event(99)]));
    }

    #[tokio::test]
    async fn events_come_in_order_in_bounded_batches() {
        let ring = Ring::default();
        for number in 1..=BATCH_WEIGHT_MAX as u64 + 1 {
            ring.push(&event(number));
        }
        let RingItem::Events(first) = ring.next().await else { panic!("events are there") };
        assert_eq!((first.len(), first[0].number), (BATCH_WEIGHT_MAX, 1));
        assert_eq!(ring.next().await, RingItem::Events(vec![event(BATCH_WEIGHT_MAX as u64 + 1)]));
    }

    #[tokio::test]
    async fn a_closed_ring_ends_after_what_it_holds() {
        let ring = Ring::default();
        ring.push(&event(1));
        ring.close();
        assert!(matches!(ring.next().await, RingItem::Events(_)));
        assert_eq!(ring.next().await, RingItem::End);
    }
}
