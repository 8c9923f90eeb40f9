//! The lab's faults as the Control service takes them: what makes no sense is refused here, the loop does the rest.

use std::sync::Arc;

use tonic::{Response, Status};

use crate::peers::Links;
use crate::protocol::trace::{ALL, Effect, LinkRule, MessageId};
use crate::protocol::{Message, NodeId};
use crate::server::control::{About, ask, no, yes};
use crate::server::refusal::lab_only;
use crate::server::requests::{Fault, FaultDone, OnMessage, Request as Ask, RequestQueue};
use crate::wire::proto;
use crate::wire::refusal::refused;

pub(super) struct Lab {
    pub(super) queue: RequestQueue,
    pub(super) about: About,
    pub(super) links: Arc<Links>,
}

type Answer = Result<Response<proto::ControlResponse>, Status>;

impl Lab {
    pub(super) async fn link(&self, with: u64, fault: impl FnOnce(NodeId) -> Fault) -> Answer {
        let with = NodeId(with);
        match self.check_peer(with) {
            Ok(()) => self.fault(fault(with)).await,
            Err(refusal) => Ok(Response::new(no(refusal))),
        }
    }

    pub(super) async fn hold(&self, kind: &str) -> Answer {
        let hold = LinkRule::new(Effect::Hold, None, Some(self.about.id), kind);
        match check_kind(kind) {
            Ok(()) => self.fault(Fault::Rule(hold)).await,
            Err(refusal) => Ok(Response::new(no(refusal))),
        }
    }

    pub(super) async fn release(&self, kind: String) -> Answer {
        match check_kind(&kind) {
            Ok(()) => self.fault(Fault::Release(kind)).await,
            Err(refusal) => Ok(Response::new(no(refusal))),
        }
    }

    pub(super) async fn rule(&self, rule: proto::LinkRule) -> Answer {
        let rule = match LinkRule::try_from(rule) {
            Ok(rule) => rule,
            Err(malformed) => return Ok(Response::new(no(refused("bad_rule", malformed.to_string())))),
        };
        match self.check_rule(&rule) {
            Ok(()) => self.fault(Fault::Rule(rule)).await,
            Err(refusal) => Ok(Response::new(no(refusal))),
        }
    }

    pub(super) async fn handle(&self, request: proto::HandleRequest) -> Answer {
        let proto::HandleRequest { from, to, number, handling, millis } = request;
        let handling = match (&handling[..], millis) {
            ("deliver", None) => OnMessage::Deliver,
            ("discard", None) => OnMessage::Discard,
            ("delay", Some(millis)) => OnMessage::Delay { millis },
            ("duplicate", None) => OnMessage::Duplicate,
            _ => {
                let text = format!(
                    "{handling:?} is nothing that is done to a message: deliver, discard, delay (with a time) or duplicate it"
                );
                return Ok(Response::new(no(refused("bad_handling", text))));
            }
        };
        let id = MessageId { from: NodeId(from), to: NodeId(to), number };
        self.fault(Fault::Message(id, handling)).await
    }

    pub(super) async fn tick(&self, micros: Option<u64>) -> Result<Response<proto::TickResponse>, Status> {
        if !self.about.lab {
            return Ok(Response::new(proto::TickResponse { micros: 0, refused: Some(lab_only()) }));
        }
        let done = ask(&self.queue, |reply| Ask::Fault(Fault::Tick(micros), reply)).await?;
        let micros = if let FaultDone::Passed(micros) = done { micros } else { 0 };
        Ok(Response::new(proto::TickResponse { micros, refused: None }))
    }

    pub(super) async fn fault(&self, fault: Fault) -> Answer {
        if !self.about.lab {
            return Ok(Response::new(no(lab_only())));
        }
        let done = ask(&self.queue, |reply| Ask::Fault(fault.clone(), reply)).await?;
        if let (Fault::Message(id, _), FaultDone::NoSuchMessage) = (&fault, done) {
            let text = format!("no message {id} waits at {}: `fault pending` lists those that do", self.about.id);
            return Ok(Response::new(no(refused("no_such_message", text))));
        }
        Ok(Response::new(yes(told(self.about.id, &fault, done), None)))
    }

    fn check_rule(&self, rule: &LinkRule) -> Result<(), proto::Refusal> {
        check_kind(rule.kind_name())?;
        let me = Some(self.about.id);
        match (rule.from, rule.to, rule.effect) {
            (None, to, Effect::Hold) if to == me => Ok(()),
            (_, _, Effect::Hold) => {
                Err(refused("bad_rule", "a hold is about what comes to this node, whoever sends it"))
            }
            (Some(from), to, _) if to == me => self.check_peer(from),
            (from, Some(to), Effect::Drop) if from == me => self.check_peer(to),
            _ => Err(refused("bad_rule", format!("the rule `{rule}` is not about the links of {}", self.about.id))),
        }
    }

    fn check_peer(&self, with: NodeId) -> Result<(), proto::Refusal> {
        if self.links.address_of(with).is_some() {
            return Ok(());
        }
        let known = self.links.members().iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
        let text = format!("{} has no link to {with}: its links go to {known}", self.about.id);
        Err(refused("unknown_node", text))
    }
}

fn check_kind(kind: &str) -> Result<(), proto::Refusal> {
    if kind == ALL || Message::KINDS.contains(&kind) {
        return Ok(());
    }
    let kinds = Message::KINDS.join(", ");
    Err(refused(
        "unknown_kind",
        format!("there are no messages of the kind `{kind}`: the kind must be {kinds} or {ALL}"),
    ))
}

fn told(me: NodeId, fault: &Fault, done: FaultDone) -> String {
    let already = if done == FaultDone::Already { " already" } else { "" };
    match (fault, done) {
        (Fault::Cut(with), _) => format!("the link between {me} and {with} is cut{already}"),
        (Fault::Heal(with), _) => format!("the link between {me} and {with} is whole{already}"),
        (Fault::Rule(rule), _) => format!("in force at {me}{already}: {rule}"),
        (Fault::Release(kind), FaultDone::Released(count)) => {
            format!("{} pass at {me} again; {count} were held", messages(kind))
        }
        (Fault::Release(kind), _) => format!("{} pass at {me}{already}", messages(kind)),
        (Fault::Lift, FaultDone::Released(count)) => {
            format!("nothing is in force at {me} any more; {count} messages come through")
        }
        (Fault::Lift, _) => format!("nothing is in force at {me}"),
        (Fault::Step(true), _) => format!("step mode is on at {me}{already}"),
        (Fault::Step(false), FaultDone::Released(count)) => {
            format!("step mode is off at {me}; {count} messages come through")
        }
        (Fault::Step(false), _) => format!("step mode is off at {me}{already}"),
        (Fault::Message(id, OnMessage::Deliver), _) => format!("{id} is delivered"),
        (Fault::Message(id, OnMessage::Discard), _) => format!("{id} is thrown away"),
        (Fault::Message(id, OnMessage::Delay { millis }), _) => format!("{id} is delivered in {millis} ms"),
        (Fault::Message(id, OnMessage::Duplicate), _) => format!("{id} is there once more"),
        (Fault::Tick(_), _) => format!("time went on at {me}"),
    }
}

fn messages(kind: &str) -> String {
    if kind == ALL { "messages of all kinds".to_owned() } else { format!("messages of the kind {kind}") }
}
