//! The orders of a person to a running scenario, as the run takes them: between two items, at a pause, where it waits.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::presenter::Order;

/// What ends a wait in a tour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Go {
    Next,
    Back,
    Again,
    To(usize),
    /// No orders: the tour runs through everything automatically.
    Alone,
}

pub struct Orders {
    inbox: Option<UnboundedReceiver<Order>>,
    is_paused: bool,
    /// The pauses for readers are left out until the next wait.
    is_hurried: bool,
    /// An order that leaves the current step.
    go: Option<Go>,
}

impl Orders {
    /// No orders.
    pub fn none() -> Orders {
        Orders { inbox: None, is_paused: false, is_hurried: false, go: None }
    }

    pub fn channel() -> (UnboundedSender<Order>, Orders) {
        let (sender, inbox) = unbounded_channel();
        (sender, Orders { inbox: Some(inbox), ..Orders::none() })
    }

    pub(super) fn is_alone(&self) -> bool {
        self.inbox.is_none()
    }

    /// The next order. Never returns if there is no sender, or no sender any more: the run is being dropped then.
    async fn receive(&mut self) -> Order {
        if let Some(inbox) = &mut self.inbox
            && let Some(order) = inbox.recv().await
        {
            return order;
        }
        std::future::pending().await
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Pause => self.is_paused = true,
            Order::GoOn => self.is_paused = false,
            Order::Next => self.is_hurried = true,
            Order::Back => self.go = Some(Go::Back),
            Order::Again => self.go = Some(Go::Again),
            Order::To(heading) => self.go = Some(Go::To(heading)),
        }
    }

    /// Whether the run must stop before its next item. Takes the orders that have come.
    pub(super) fn must_wait(&mut self) -> bool {
        while let Some(order) = self.inbox.as_mut().and_then(|inbox| inbox.try_recv().ok()) {
            self.take(order);
        }
        self.is_paused && self.go.is_none()
    }

    /// Waits while paused: until the run goes on, one item is allowed, or the step is left.
    pub(super) async fn pause(&mut self) {
        while self.is_paused && self.go.is_none() {
            match self.receive().await {
                Order::Next => return,
                order => self.take(order),
            }
        }
    }

    /// A pause for readers. An order to go on ends it.
    pub(super) async fn pace(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_hurried && self.go.is_none() {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                order = self.receive() => self.take(order),
            }
        }
    }

    /// Ends a pause and a hurry, and forgets orders to go on that came before the run was seen to wait.
    pub(super) fn settle(&mut self) {
        self.must_wait();
        (self.is_paused, self.is_hurried) = (false, false);
    }

    /// Waits where a tour waits.
    pub(super) async fn wait(&mut self) -> Go {
        if self.is_alone() {
            return Go::Alone;
        }
        loop {
            if let Some(go) = self.go.take() {
                return go;
            }
            match self.receive().await {
                Order::Next => return Go::Next,
                Order::Pause | Order::GoOn => {}
                order => self.take(order),
            }
        }
    }

    /// Waits for an order that leaves the current step.
    pub(super) async fn left(&mut self) -> Go {
        loop {
            if let Some(go) = self.go.take() {
                return go;
            }
            let order = self.receive().await;
            self.take(order);
        }
    }

    pub(super) fn take_go(&mut self) -> Option<Go> {
        self.go.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_paused_run_takes_one_item_for_each_next_and_goes_on_when_told() {
        let (sender, mut orders) = Orders::channel();
        sender.send(Order::Pause).expect("it listens");
        assert!(orders.must_wait());
        sender.send(Order::Next).expect("it listens");
        orders.pause().await;
        assert!(orders.must_wait(), "one item was allowed");
        sender.send(Order::GoOn).expect("it listens");
        orders.pause().await;
        assert!(!orders.must_wait());
    }

    #[tokio::test]
    async fn an_order_to_leave_ends_every_wait() {
        let (sender, mut orders) = Orders::channel();
        for order in [Order::Pause, Order::To(7)] {
            sender.send(order).expect("it listens");
        }
        assert!(!orders.must_wait());
        orders.pause().await;
        orders.pace(Duration::from_secs(3_600)).await;
        assert_eq!(orders.take_go(), Some(Go::To(7)));
        sender.send(Order::Back).expect("it listens");
        assert_eq!(orders.wait().await, Go::Back);
    }

    #[tokio::test]
    async fn without_a_person_nothing_waits() {
        let mut orders = Orders::none();
        assert!(!orders.must_wait());
        orders.pause().await;
        assert_eq!(orders.wait().await, Go::Alone);
    }
}
