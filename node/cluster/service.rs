//! The launcher's gRPC service: what the commands of a shell ask of whoever started the nodes.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::cluster::asked::for_caller;
use crate::cluster::error::Refused;
use crate::cluster::lab::LabFault;
use crate::cluster::members::{Joins, Members};
use crate::protocol::NodeId;
use crate::protocol::trace::LinkRule;
use crate::wire::proto;
use crate::wire::proto::control_response::Outcome;
use crate::wire::proto::launcher_server::{Launcher, LauncherServer};

/// Serves until the task is aborted.
pub(super) async fn serve(members: Arc<Members>, listener: TcpListener) {
    let server = Server::builder().add_service(LauncherServer::new(Service { members }));
    if let Err(error) = server.serve_with_incoming(TcpListenerStream::new(listener)).await {
        tracing::error!(%error, "the launcher's service has ended");
    }
}

struct Service {
    members: Arc<Members>,
}

type Answer = Result<Response<proto::ControlResponse>, Status>;

#[tonic::async_trait]
impl Launcher for Service {
    async fn describe(
        &self,
        _request: Request<proto::DescribeRequest>,
    ) -> Result<Response<proto::ClusterDescription>, Status> {
        let node = |node: crate::cluster::NodeProcess| proto::NodeProcess {
            id: node.id.0,
            address: node.address,
            pid: node.pid,
            data: node.data.display().to_string(),
            state: node.state.to_owned(),
            exit: node.exit.unwrap_or_default(),
        };
        let in_force = self.members.in_force().clone();
        let notes = self.members.was_rebuilt().then(|| Refused::Rebuilt.to_string());
        Ok(Response::new(proto::ClusterDescription {
            launcher_pid: std::process::id(),
            nodes: self.members.describe().into_iter().map(node).collect(),
            lab: self.members.options().lab,
            cluster: Default::default(),
            notes: notes.into_iter().collect(),
            rules: in_force.rules.iter().map(Into::into).collect(),
            frozen: in_force.frozen,
            wrong: in_force
                .wrong
                .into_iter()
                .map(|(node, how)| proto::WrongRequest { node: node.0, how: Some(how) })
                .collect(),
        }))
    }

    async fn kill(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.kill(NodeId(request.get_ref().node))).await
    }

    async fn restart(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.restart(NodeId(request.get_ref().node))).await
    }

    async fn pause(&self, request: Request<proto::ProcessRequest>) -> Answer {
        answer(self.members.pause(NodeId(request.into_inner().node)))
    }

    async fn resume(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.resume(NodeId(request.get_ref().node))).await
    }

    async fn cut(&self, request: Request<proto::LinkPairRequest>) -> Answer {
        let proto::LinkPairRequest { a, b } = *request.get_ref();
        asked(&request, self.members.make(LabFault::Cut(NodeId(a), NodeId(b)))).await
    }

    async fn heal(&self, request: Request<proto::LinkPairRequest>) -> Answer {
        let proto::LinkPairRequest { a, b } = *request.get_ref();
        asked(&request, self.members.make(LabFault::Heal(NodeId(a), NodeId(b)))).await
    }

    async fn hold(&self, request: Request<proto::HoldNodeRequest>) -> Answer {
        let proto::HoldNodeRequest { node, kind } = request.get_ref().clone();
        asked(&request, self.members.make(LabFault::Hold(NodeId(node), kind))).await
    }

    async fn release(&self, request: Request<proto::HoldNodeRequest>) -> Answer {
        let proto::HoldNodeRequest { node, kind } = request.get_ref().clone();
        asked(&request, self.members.make(LabFault::Release(NodeId(node), kind))).await
    }

    async fn rule(&self, request: Request<proto::LinkRule>) -> Answer {
        match LinkRule::try_from(request.get_ref().clone()) {
            Ok(rule) => asked(&request, self.members.make(LabFault::Rule(rule))).await,
            Err(malformed) => {
                let (code, message) = ("bad_rule".to_owned(), malformed.to_string());
                answer(Err(Refused::ByNode { code, message }))
            }
        }
    }

    async fn lift(&self, request: Request<proto::LiftRequest>) -> Answer {
        asked(&request, self.members.lift()).await
    }

    async fn step(&self, request: Request<proto::StepRequest>) -> Answer {
        asked(&request, self.members.make(LabFault::Step(request.get_ref().on))).await
    }

    async fn wrong(&self, request: Request<proto::WrongRequest>) -> Answer {
        let proto::WrongRequest { node, how } = request.get_ref().clone();
        asked(&request, self.members.make_wrong(NodeId(node), how)).await
    }

    async fn damage(&self, request: Request<proto::ProcessRequest>) -> Answer {
        match for_caller(&request, self.members.damage(NodeId(request.get_ref().node))).await {
            Ok((message, entry)) => Ok(done(message, Some(entry.into()))),
            Err(refused) => answer(Err(refused)),
        }
    }

    async fn grow(&self, request: Request<proto::GrowRequest>) -> Answer {
        let joins = if request.get_ref().learner { Joins::Learner } else { Joins::Voter };
        asked(&request, self.members.grow(joins)).await
    }

    async fn shrink(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.shrink(NodeId(request.get_ref().node))).await
    }
}

async fn asked<M>(request: &Request<M>, work: impl Future<Output = Result<String, Refused>>) -> Answer {
    answer(for_caller(request, work).await)
}

fn answer(result: Result<String, Refused>) -> Answer {
    match result {
        Ok(message) => Ok(done(message, None)),
        Err(refused) => Ok(outcome(Outcome::Refused(proto::Refusal {
            code: refused.code().to_owned(),
            message: refused.to_string(),
            leader: None,
        }))),
    }
}

fn done(message: String, last: Option<proto::Point>) -> Response<proto::ControlResponse> {
    outcome(Outcome::Done(proto::Done { message, last }))
}

fn outcome(outcome: Outcome) -> Response<proto::ControlResponse> {
    Response::new(proto::ControlResponse { outcome: Some(outcome) })
}
