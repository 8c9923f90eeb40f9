//! The faults of a lab node as the Control service takes them. What makes no sense is refused here; the event loop does
//! the rest.

use std::sync::Arc;

use tonic::{Response, Status};

use crate::peers::Links;
use crate::protocol::NodeId;
use crate::protocol::trace::{Effect, LinkRule, MessageId, RuleSelection};
use crate::server::control::{About, ask, no, yes};
use crate::server::requests::{Fault, FaultDone, OnMessage, Request as Ask, RequestQueue};
use crate::wire::convert::pace;
use crate::wire::done::Done;
use crate::wire::proto;
use crate::wire::refusal::Refusal;

pub(super) struct FaultService {
    pub(super) queue: RequestQueue,
    pub(super) about: About,
    pub(super) links: Arc<Links>,
}

type Answer = Result<Response<proto::ControlResponse>, Status>;

impl FaultService {
    pub(super) async fn set(&self, request: proto::SetRuleRequest) -> Answer {
        match self.rule_of(request) {
            Ok((rule, both_ways)) => {
                self.fault(Fault::Set(rule, both_ways), Done::RuleSet { rule, both_ways, later: Vec::new() }).await
            }
            Err(refusal) => Ok(Response::new(no(&refusal))),
        }
    }

    fn rule_of(&self, request: proto::SetRuleRequest) -> Result<(LinkRule, bool), Refusal> {
        let proto::SetRuleRequest { rule, both_ways } = request;
        let rule = LinkRule::try_from(rule.unwrap_or_default());
        let rule = rule.map_err(|malformed| Refusal::BadRule { reason: malformed.to_string() })?;
        if both_ways && rule.effect == Effect::Hold {
            return Err(Refusal::HoldBySender {});
        }
        // Both ways the rule is about what this node sends and about what comes to it.
        let comes = both_ways && rule.from == Some(self.about.id);
        self.check_rule(&if comes { rule.reversed() } else { rule })?;
        Ok((rule, both_ways))
    }

    pub(super) async fn clear(&self, request: proto::ClearRuleRequest) -> Answer {
        let selection = match RuleSelection::try_from(request) {
            Ok(selection) => selection,
            Err(malformed) => return Ok(Response::new(no(&Refusal::BadRule { reason: malformed.to_string() }))),
        };
        let (checked, later) = (self.check_selection(&selection), Vec::new());
        let done = match selection {
            RuleSelection::Rule(rule) => Done::RuleCleared { rule, later },
            RuleSelection::Link(node, peer) => Done::LinkCleared { node, peer, later },
            RuleSelection::All => Done::AllCleared { later, righted: Vec::new(), wrong: Vec::new() },
        };
        match checked {
            Ok(()) => self.fault(Fault::Clear(selection), done).await,
            Err(refusal) => Ok(Response::new(no(&refusal))),
        }
    }

    pub(super) async fn step(&self, request: proto::StepRequest) -> Answer {
        let proto::StepRequest { on, every } = request;
        let later = Vec::new();
        let done = if on { Done::StepOn { every, later } } else { Done::StepOff { later } };
        self.fault(Fault::Step { on, every }, done).await
    }

    pub(super) async fn set_pace(&self, slowdown: u32) -> Answer {
        match pace(slowdown) {
            Ok(pace) => self.fault(Fault::Pace(pace), Done::PaceSet { pace, later: Vec::new() }).await,
            Err(malformed) => Ok(Response::new(no(&Refusal::BadRule { reason: malformed.to_string() }))),
        }
    }

    pub(super) async fn handle(&self, request: proto::HandleRequest) -> Answer {
        let (id, handling) = match handling_of(request) {
            Ok(asked) => asked,
            Err(refusal) => return Ok(Response::new(no(&refusal))),
        };
        let done = match handling {
            OnMessage::Deliver => Done::Delivered { message: id },
            OnMessage::Discard => Done::Discarded { message: id },
            OnMessage::Delay { millis } => Done::Delayed { message: id, millis },
            OnMessage::Duplicate => Done::Duplicated { message: id },
        };
        self.fault(Fault::Message(id, handling), done).await
    }

    pub(super) async fn tick(&self, micros: Option<u64>) -> Result<Response<proto::TickResponse>, Status> {
        if !self.about.lab {
            return Ok(Response::new(proto::TickResponse { micros: 0, refused: Some(Refusal::LabOnly {}.to_wire()) }));
        }
        let done = ask(&self.queue, |reply| Ask::Fault(Fault::Tick(micros), reply)).await?;
        let micros = if let FaultDone::Passed(micros) = done { micros } else { 0 };
        Ok(Response::new(proto::TickResponse { micros, refused: None }))
    }

    async fn fault(&self, fault: Fault, done: Done) -> Answer {
        if !self.about.lab {
            return Ok(Response::new(no(&Refusal::LabOnly {})));
        }
        let came_to = ask(&self.queue, |reply| Ask::Fault(fault.clone(), reply)).await?;
        Ok(Response::new(match (fault, came_to) {
            (Fault::Message(id, _), FaultDone::NoSuchMessage) => {
                no(&Refusal::NoSuchMessage { id, node: self.about.id })
            }
            _ => yes(&done),
        }))
    }

    fn check_rule(&self, rule: &LinkRule) -> Result<(), Refusal> {
        let me = Some(self.about.id);
        match (rule.from, rule.to, rule.effect) {
            (None, to, Effect::Hold) if to == me => Ok(()),
            (_, _, Effect::Hold) => Err(Refusal::HoldBySender {}),
            (Some(from), to, _) if to == me => self.check_peer(from),
            (from, Some(to), Effect::Drop) if from == me => self.check_peer(to),
            _ => Err(Refusal::RuleElsewhere { rule: *rule, node: self.about.id }),
        }
    }

    fn check_selection(&self, selection: &RuleSelection) -> Result<(), Refusal> {
        match selection {
            RuleSelection::Rule(rule) => self.check_rule(rule),
            RuleSelection::Link(a, b) if *a == self.about.id => self.check_peer(*b),
            RuleSelection::Link(a, b) if *b == self.about.id => self.check_peer(*a),
            RuleSelection::Link(a, b) => {
                Err(Refusal::RuleElsewhere { rule: LinkRule::cut(*a, *b)[0], node: self.about.id })
            }
            RuleSelection::All => Ok(()),
        }
    }

    fn check_peer(&self, peer: NodeId) -> Result<(), Refusal> {
        if self.links.address_of(peer).is_some() {
            return Ok(());
        }
        let nodes = self.links.members().into_iter().map(|(id, _)| id).collect();
        Err(Refusal::NoLink { node: self.about.id, peer, nodes })
    }
}

fn handling_of(request: proto::HandleRequest) -> Result<(MessageId, OnMessage), Refusal> {
    let handling = match (request.handling(), request.millis) {
        (proto::Handling::Deliver, None) => OnMessage::Deliver,
        (proto::Handling::Discard, None) => OnMessage::Discard,
        (proto::Handling::Delay, Some(millis)) => OnMessage::Delay { millis },
        (proto::Handling::Duplicate, None) => OnMessage::Duplicate,
        _ => return Err(Refusal::BadHandling {}),
    };
    let id = request.message.ok_or(Refusal::BadHandling {})?;
    Ok((id.try_into().map_err(|_| Refusal::BadHandling {})?, handling))
}
