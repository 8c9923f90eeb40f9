//! A watcher's stream: a snapshot, then events; after a loss how many, and a new snapshot.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::protocol::trace::Event;
use crate::rpc::convert::Observation;
use crate::rpc::desk::{Desk, Request as Ask, Tail, Watch};
use crate::rpc::watch::{Found, Ring};
use crate::rpc::wire;

type Sender = mpsc::Sender<Result<wire::Observation, Status>>;

/// Nobody reads any more.
struct Gone;

pub(super) fn observations(desk: Desk, tail: Tail, watch: Watch) -> BoxStream<wire::Observation> {
    // One message waits to be written; the ring takes what comes meanwhile, so that it leaves in one message.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let Watch { snapshot, ring } = watch;
        let _ = feed(&desk, tail, &ring, Observation::Snapshot(Box::new(snapshot)), &sender).await;
        ring.close();
    });
    Box::pin(ReceiverStream::new(receiver))
}

async fn feed(desk: &Desk, tail: Tail, ring: &Arc<Ring>, first: Observation, sender: &Sender) -> Result<(), Gone> {
    send(sender, first.into()).await?;
    loop {
        let found = tokio::select! {
            found = ring.next() => found,
            () = sender.closed() => return Err(Gone),
        };
        match found {
            Found::Events(events) => send(sender, to_wire(&events)).await?,
            Found::Lost => {
                let asked = desk.ask(|reply| Ask::Resync(Arc::clone(ring), tail, reply)).map_err(|_| Gone)?;
                let (lost, snapshot) = asked.await.map_err(|_| Gone)?;
                send(sender, Observation::Lost(lost).into()).await?;
                send(sender, Observation::Snapshot(Box::new(snapshot)).into()).await?;
            }
            Found::End => return Ok(()),
        }
    }
}

async fn send(sender: &Sender, observation: wire::Observation) -> Result<(), Gone> {
    sender.send(Ok(observation)).await.map_err(|_| Gone)
}

fn to_wire(events: &[Arc<Event>]) -> wire::Observation {
    let events = events.iter().map(|event| wire::Event::from(&**event)).collect();
    wire::Observation { observation: Some(wire::observation::Observation::Events(wire::Events { events })) }
}
