//! An observer's stream: a snapshot, then events; after a loss the number of lost events, and a new snapshot.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::protocol::trace::Event;
use crate::server::requests::{Request, RequestQueue, Tail, Watch};
use crate::server::ring::{Ring, RingItem};
use crate::wire::convert::Observation;
use crate::wire::proto;

type Sender = mpsc::Sender<Result<proto::Observation, Status>>;

/// The observer is gone.
struct Gone;

pub(super) fn observations(queue: RequestQueue, tail: Tail, watch: Watch) -> BoxStream<proto::Observation> {
    // One message is buffered. Later events collect in the ring and leave as one message.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let Watch { snapshot, ring } = watch;
        let _ = feed(&queue, tail, &ring, Observation::Snapshot(Box::new(snapshot)), &sender).await;
        ring.close();
    });
    Box::pin(ReceiverStream::new(receiver))
}

async fn feed(
    queue: &RequestQueue,
    tail: Tail,
    ring: &Arc<Ring>,
    first: Observation,
    sender: &Sender,
) -> Result<(), Gone> {
    send(sender, first.into()).await?;
    loop {
        let item = tokio::select! {
            item = ring.next() => item,
            () = sender.closed() => return Err(Gone),
        };
        match item {
            RingItem::Events(events) => send(sender, to_wire(&events)).await?,
            RingItem::Lost => {
                let answer = queue.ask(|reply| Request::Resync(Arc::clone(ring), tail, reply)).map_err(|_| Gone)?;
                let (lost, snapshot) = answer.await.map_err(|_| Gone)?;
                send(sender, Observation::Lost(lost).into()).await?;
                send(sender, Observation::Snapshot(Box::new(snapshot)).into()).await?;
            }
            RingItem::End => return Ok(()),
        }
    }
}

async fn send(sender: &Sender, observation: proto::Observation) -> Result<(), Gone> {
    sender.send(Ok(observation)).await.map_err(|_| Gone)
}

fn to_wire(events: &[Arc<Event>]) -> proto::Observation {
    let events = events.iter().map(|event| proto::Event::from(&**event)).collect();
    proto::Observation { observation: Some(proto::observation::Observation::Events(proto::Events { events })) }
}
