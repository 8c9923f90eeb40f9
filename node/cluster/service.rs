//! The launcher's gRPC service: requests of commands to the launcher.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::cluster::asked::for_caller;
use crate::cluster::link_rules::GateChange;
use crate::cluster::members::{Joins, Members};
use crate::protocol::NodeId;
use crate::protocol::trace::{LinkRule, RuleSelection};
use crate::wire::convert::{pace, wrong, wrong_to_wire};
use crate::wire::done::Done;
use crate::wire::proto;
use crate::wire::proto::control_response::Outcome;
use crate::wire::proto::launcher_server::{Launcher, LauncherServer};
use crate::wire::refusal::Refusal;

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
            state: proto::ProcessState::from(node.state).into(),
            exit: node.exit.unwrap_or_default(),
        };
        let in_force = self.members.in_force().clone();
        Ok(Response::new(proto::ClusterDescription {
            launcher_pid: std::process::id(),
            nodes: self.members.describe().into_iter().map(node).collect(),
            lab: self.members.options().lab,
            cluster: Default::default(),
            rebuilt: self.members.was_rebuilt(),
            rules: in_force.rules.iter().map(Into::into).collect(),
            frozen: in_force.frozen,
            every: in_force.every,
            slowdown: in_force.pace.slowdown(),
            wrong: in_force
                .wrong
                .into_iter()
                .map(|(node, how)| proto::WrongRequest { node: node.0, how: wrong_to_wire(Some(how)) })
                .collect(),
        }))
    }

    async fn kill(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.kill(NodeId(request.get_ref().node))).await
    }

    async fn restart(&self, request: Request<proto::ProcessRequest>) -> Answer {
        let node = NodeId(request.get_ref().node);
        asked(&request, async { Ok(Done::Restarted { node, pid: self.members.restart(node).await? }) }).await
    }

    async fn pause(&self, request: Request<proto::ProcessRequest>) -> Answer {
        answer(self.members.pause(NodeId(request.into_inner().node)))
    }

    async fn resume(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.resume(NodeId(request.get_ref().node))).await
    }

    async fn set_rule(&self, request: Request<proto::SetRuleRequest>) -> Answer {
        let proto::SetRuleRequest { rule, both_ways } = *request.get_ref();
        match LinkRule::try_from(rule.unwrap_or_default()) {
            Ok(rule) => asked(&request, self.members.make(GateChange::Set { rule, both_ways })).await,
            Err(malformed) => answer(Err(Refusal::BadRule { reason: malformed.to_string() })),
        }
    }

    async fn clear_rule(&self, request: Request<proto::ClearRuleRequest>) -> Answer {
        match RuleSelection::try_from(*request.get_ref()) {
            Ok(RuleSelection::All) => asked(&request, self.members.clear_all()).await,
            Ok(selection) => asked(&request, self.members.make(GateChange::Clear(selection))).await,
            Err(malformed) => answer(Err(Refusal::BadRule { reason: malformed.to_string() })),
        }
    }

    async fn list_rules(
        &self,
        _request: Request<proto::ListRulesRequest>,
    ) -> Result<Response<proto::ListRulesResponse>, Status> {
        let in_force = self.members.in_force();
        let rules = in_force.rules.iter().map(Into::into).collect();
        let (frozen, every, slowdown) = (in_force.frozen, in_force.every, in_force.pace.slowdown());
        Ok(Response::new(proto::ListRulesResponse { rules, frozen, every, slowdown }))
    }

    async fn step(&self, request: Request<proto::StepRequest>) -> Answer {
        let proto::StepRequest { on, every } = *request.get_ref();
        asked(&request, self.members.make(GateChange::Step { on, every })).await
    }

    async fn set_pace(&self, request: Request<proto::SetPaceRequest>) -> Answer {
        match pace(request.get_ref().slowdown) {
            Ok(pace) => asked(&request, self.members.make(GateChange::Pace(pace))).await,
            Err(malformed) => answer(Err(Refusal::BadRule { reason: malformed.to_string() })),
        }
    }

    async fn wrong(&self, request: Request<proto::WrongRequest>) -> Answer {
        let proto::WrongRequest { node, how } = *request.get_ref();
        match wrong(how) {
            Ok(how) => asked(&request, self.members.make_wrong(NodeId(node), how)).await,
            Err(_) => answer(Err(Refusal::UnknownWrong {})),
        }
    }

    async fn damage(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.damage(NodeId(request.get_ref().node))).await
    }

    async fn grow(&self, request: Request<proto::GrowRequest>) -> Answer {
        let joins = if request.get_ref().learner { Joins::Learner } else { Joins::Voter };
        asked(&request, self.members.grow(joins)).await
    }

    async fn shrink(&self, request: Request<proto::ProcessRequest>) -> Answer {
        asked(&request, self.members.shrink(NodeId(request.get_ref().node))).await
    }
}

async fn asked<M>(request: &Request<M>, work: impl Future<Output = Result<Done, Refusal>>) -> Answer {
    answer(for_caller(request, work).await)
}

fn answer(result: Result<Done, Refusal>) -> Answer {
    let outcome = match result {
        Ok(done) => Outcome::Done((&done).into()),
        Err(refusal) => Outcome::Refused(refusal.to_wire()),
    };
    Ok(Response::new(proto::ControlResponse { outcome: Some(outcome) }))
}
