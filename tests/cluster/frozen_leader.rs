//! A leader that was frozen with forwarded requests: the node that forwarded them learns that another one leads.

use bytes::Bytes;
use epoca::protocol::Change;
use epoca::wire::proto;
use epoca::wire::proto::client_client::ClientClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tonic::transport::Channel;

use crate::members::{IMPATIENT, leadership};
use crate::support::Cluster;

/// A process stopped by SIGSTOP until this is dropped.
struct Frozen(Pid);

impl Frozen {
    fn freeze(pid: i32) -> Frozen {
        let pid = Pid::from_raw(pid);
        kill(pid, Signal::SIGSTOP).expect("it runs");
        Frozen(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // A frozen process cannot exit cleanly; the launcher would have to kill it.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

async fn at_a_replica(cluster: &Cluster) -> (ClientClient<Channel>, Frozen) {
    let leader = leadership(cluster).0.as_u64().expect("a node") as usize;
    let addresses = cluster.addresses();
    let replica = if leader == 3 { &addresses[1] } else { &addresses[2] };
    let mut client = ClientClient::connect(format!("http://{replica}")).await.expect("it answers");
    // This read connects the replica to the leader.
    read(&mut client).await;
    let pid = cluster.pids()[leader - 1];
    (client, Frozen::freeze(pid))
}

async fn read(client: &mut ClientClient<Channel>) -> Option<proto::get_response::Outcome> {
    let get = proto::GetRequest { key: Bytes::from("x"), ..proto::GetRequest::default() };
    client.get(get).await.expect("it answers").into_inner().outcome
}

#[tokio::test]
async fn a_read_forwarded_to_a_frozen_leader_is_forwarded_to_the_next_one() {
    let cluster = Cluster::start(&IMPATIENT);
    cluster.json(0, &["put", "x", "1"]);
    let (mut client, _frozen) = at_a_replica(&cluster).await;
    let outcome = read(&mut client).await;
    let Some(proto::get_response::Outcome::Record(record)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(record.value, "1");
}

#[tokio::test]
async fn a_write_forwarded_to_a_frozen_leader_ends_as_unknown_once_another_leads() {
    use proto::write_response::Outcome;
    let cluster = Cluster::start(&IMPATIENT);
    cluster.json(0, &["put", "x", "1"]);
    let (mut client, _frozen) = at_a_replica(&cluster).await;
    let put = proto::WriteRequest::from(Change::Put { key: Bytes::from("x"), value: Bytes::from("2") });
    let outcome = client.write(put).await.expect("it answers").into_inner().outcome;
    match outcome {
        Some(Outcome::Unknown(why)) => assert_eq!(why.reason(), proto::UnknownReason::Deposed),
        // The request was sent after the new leader was elected.
        Some(Outcome::Written(_)) => {}
        other => panic!("{other:?}"),
    }
}
