//! The faults of the nodes' gates: rules on links, step mode, and messages that wait.
//!
//! Faults of processes and logs are in [`execute`](super::execute).

use std::time::{SystemTime, UNIX_EPOCH};

use epoca::client::{Client, ClientError, Handling, InForce, NodeStatus, Reported};
use epoca::protocol::trace::{Effect, Lab, LinkRule, MessageId, Pace, PendingMessage, RuleSelection, Wrong, kind_name};
use epoca::protocol::{MessageKind, NodeId};
use serde_json::{Value, json};

use super::execute::answered;
use super::grammar::{Fault, MessageRef, Node, Switch};
use super::messages::{self, typed};
use super::outcome::{Exit, Outcome, Tone};
use super::table::Table;
use crate::lang::{Lang, Localized};
use crate::words;

/// Carries out a fault of a gate.
pub async fn run(fault: &Fault, client: &Client) -> Result<Outcome, ClientError> {
    let done = match fault {
        Fault::Cut { a, b, one_way } => client.set_rule(&rule(Effect::Drop, *a, *b, None), !one_way).await?,
        Fault::Heal { a, b } => client.heal(a.0, b.0).await?,
        Fault::Drop { from, to, kind } => client.set_rule(&rule(Effect::Drop, *from, *to, kind.0), false).await?,
        Fault::Delay { from, to, millis, kind } => {
            client.set_rule(&rule(Effect::Delay { millis: *millis }, *from, *to, kind.0), false).await?
        }
        Fault::Double { from, to, kind } => {
            client.set_rule(&rule(Effect::Duplicate, *from, *to, kind.0), false).await?
        }
        Fault::Hold { node, kind } => client.set_rule(&LinkRule::hold(node.0, kind.0), false).await?,
        Fault::Release { node, kind } => {
            client.clear_rules(&RuleSelection::Rule(LinkRule::hold(node.0, kind.0))).await?
        }
        Fault::Clear => client.clear_rules(&RuleSelection::All).await?,
        Fault::Step { switch, all } => client.step(*switch == Switch::On, *all).await?,
        Fault::Pace { pace } => client.set_pace(*pace).await?,
        Fault::Tick { node } => client.tick(node.0).await?,
        Fault::Wrong { node, how } => client.wrong(node.0, how.0).await?,
        Fault::InForce => return in_force(client).await,
        Fault::Pending => return Ok(pending(&client.pending().await?)),
        Fault::Deliver { message } => return handle(*message, Handling::Deliver, client).await,
        Fault::Discard { message } => return handle(*message, Handling::Discard, client).await,
        Fault::Duplicate { message } => return handle(*message, Handling::Duplicate, client).await,
        Fault::DelayMessage { message, millis } => {
            return handle(*message, Handling::Delay { millis: *millis }, client).await;
        }
        Fault::Kill { .. }
        | Fault::Restart { .. }
        | Fault::Pause { .. }
        | Fault::Resume { .. }
        | Fault::Damage { .. }
        | Fault::Inject(_) => {
            unreachable!("a fault of a process or a log")
        }
    };
    Ok(answered(&done))
}

fn rule(effect: Effect, from: Node, to: Node, kind: Option<MessageKind>) -> LinkRule {
    LinkRule::new(effect, Some(from.0), Some(to.0), kind)
}

async fn handle(which: MessageRef, handling: Handling, client: &Client) -> Result<Outcome, ClientError> {
    let waiting = match which {
        // If no such message waits, the node reports it.
        MessageRef::Id(id) => vec![id],
        MessageRef::Next | MessageRef::Number(_) => {
            client.pending().await?.into_iter().map(|message| message.id).collect()
        }
    };
    let id = match choose(which, &waiting) {
        Ok(id) => id,
        Err(message) => return Ok(Outcome::error(Exit::NotDone, "no_such_message", message)),
    };
    let message = words::done(&client.handle(id, handling).await?);
    let json = json!({"message": message.to(Lang::English), "from": id.from.0, "to": id.to.0, "number": id.number});
    Ok(Outcome::done(json).line(Tone::Result, message))
}

fn choose(which: MessageRef, waiting: &[MessageId]) -> Result<MessageId, Localized> {
    let number = match which {
        MessageRef::Id(id) => return Ok(id),
        MessageRef::Next => return waiting.first().copied().ok_or_else(messages::no_message_waits),
        MessageRef::Number(number) => number,
    };
    let mut found: Vec<MessageId> = waiting.iter().copied().filter(|id| id.number == number).collect();
    // A doubled message waits twice.
    found.dedup();
    match found[..] {
        [] => Err(messages::no_such_message(number)),
        [id] => Ok(id),
        _ => {
            let ids: Vec<String> = found.iter().map(|id| typed(*id)).collect();
            Err(messages::ambiguous_message(found.len(), number, &ids))
        }
    }
}

fn pending(waiting: &[PendingMessage]) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
    let json = waiting.iter().map(|message| message_json(message, now)).collect();
    if waiting.is_empty() {
        return Outcome::done(json).line(Tone::Note, messages::no_message_waits());
    }
    let heads = [messages::MESSAGE, messages::TYPED, messages::KIND, messages::CONTENTS, messages::HELD];
    let row = |message: &PendingMessage| -> [Localized; 5] {
        let due = message.due.map(|due| due.saturating_sub(now));
        let held = messages::held_for(now.saturating_sub(message.since), due);
        let (kind, contents) = (message.kind.to_string(), message.what.to_string());
        [message.id.to_string().into(), typed(message.id).into(), kind.into(), contents.into(), held]
    };
    Outcome::done(json).table(&Table::with_heads(&heads).rows(waiting.iter().map(row)))
}

fn message_json(message: &PendingMessage, now: u64) -> Value {
    let MessageId { from, to, number } = message.id;
    json!({
        "id": typed(message.id),
        "from": from.0,
        "to": to.0,
        "number": number,
        "kind": message.kind.name(),
        "contents": message.what,
        "held_ms": now.saturating_sub(message.since) / 1_000,
        "due_ms": message.due.map(|due| due.saturating_sub(now) / 1_000),
    })
}

/// All rules in force, from the launcher, which repeats them to restarted nodes, and from the nodes. A node that is
/// down is known from the launcher alone.
async fn in_force(client: &Client) -> Result<Outcome, ClientError> {
    let nodes = client.status().await?;
    let repeated = client.processes().await?.map(|processes| processes.in_force).unwrap_or_default();
    let all = with_reported(repeated, &nodes);
    let json = json!({
        "rules": all.rules.iter().map(rule_json).collect::<Vec<_>>(),
        "step": all.frozen,
        "pace": all.pace.slowdown(),
        "wrong": all.wrong.iter().map(|(node, how)| json!({"node": node.0, "wrong": how.name()})).collect::<Vec<_>>(),
    });
    let wrong = all.wrong.iter().map(|(node, how)| messages::of_node(*node, &messages::breaks_a_rule(*how)));
    let lines: Vec<_> = wrong.chain(of_time(all.frozen, all.pace)).chain(rule_lines(&all.rules)).collect();
    if lines.is_empty() {
        return Ok(Outcome::done(json).line(Tone::Note, messages::nothing_in_force()));
    }
    Ok(Outcome::done(json).lines(Tone::Result, lines))
}

fn with_reported(mut all: InForce, nodes: &[NodeStatus]) -> InForce {
    for node in nodes {
        let Ok(reported) = &node.reported else { continue };
        all.frozen |= reported.frozen;
        all.pace = all.pace.max(reported.pace);
        for rule in &reported.rules {
            if !all.rules.contains(rule) {
                all.rules.push(*rule);
            }
        }
        if let Some(how) = reported.wrong {
            all.wrong.insert(node.id, how);
        }
    }
    all
}

fn of_time(frozen: bool, pace: Pace) -> impl Iterator<Item = Localized> {
    let slow = (!pace.is_real()).then(|| messages::time_is_slow(pace));
    frozen.then(messages::step_mode_is_on).into_iter().chain(slow)
}

/// A sentence for each rule. A cut in both directions is one line.
fn rule_lines(rules: &[LinkRule]) -> Vec<Localized> {
    let mut lines = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let back = rule.reversed();
        match (rule.drops_all(), rules.iter().position(|other| *other == back)) {
            (true, Some(other)) if other > index => lines.push(messages::link_is_cut(rule.from, rule.to)),
            (true, Some(_)) => {}
            _ => lines.push(messages::rule(rule)),
        }
    }
    lines
}

fn rule_json(rule: &LinkRule) -> Value {
    json!({
        "effect": rule.effect.name(),
        "from": rule.from.map(|node| node.0),
        "to": rule.to.map(|node| node.0),
        "kind": rule.kind_name(),
        "millis": rule.effect.millis(),
    })
}

/// The part of a node's status that only a lab node has.
pub fn state_json(reported: &Reported) -> Value {
    json!({
        "rules": reported.rules.iter().map(rule_json).collect::<Vec<_>>(),
        "step": reported.frozen,
        "pace": reported.pace.slowdown(),
        "pending": reported.pending,
        "wrong": reported.wrong.map(Wrong::name),
    })
}

/// The faults that are active at a node, a sentence for each.
pub fn remarks(id: NodeId, reported: &Reported) -> Vec<Localized> {
    let wrong = reported.wrong.iter().map(|how| messages::breaks_a_rule(*how));
    let step = of_time(reported.frozen, reported.pace);
    let lab = Lab { rules: reported.rules.clone(), ..Lab::default() };
    let (cut, holds) = (lab.cuts(id), lab.holds());
    let cuts = cut.iter().map(|with| messages::link_with_is_cut(*with));
    let holds = holds.into_iter().map(|kind| messages::kind_is_held(kind_name(kind)));
    let is_other = |rule: &&LinkRule| match (rule.effect, rule.from, rule.to) {
        (Effect::Hold, _, _) => false,
        (Effect::Drop, Some(from), Some(to)) if rule.kind.is_none() => {
            !cut.contains(if from == id { &to } else { &from })
        }
        _ => true,
    };
    let rules = reported.rules.iter().filter(is_other).map(messages::rule);
    let waiting = (reported.pending > 0).then(|| messages::messages_wait(reported.pending));
    let remarks = wrong.chain(step).chain(cuts).chain(holds).chain(rules).chain(waiting);
    remarks.map(|remark| messages::of_node(id, &remark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    fn id(from: u64, to: u64, number: u64) -> MessageId {
        MessageId { from: NodeId(from), to: NodeId(to), number }
    }

    #[test]
    fn a_number_alone_names_a_message_if_no_other_has_it() {
        let waiting = [id(1, 2, 17), id(1, 3, 18), id(2, 1, 18)];
        assert_eq!(choose(MessageRef::Next, &waiting), Ok(waiting[0]));
        assert_eq!(choose(MessageRef::Number(17), &waiting), Ok(waiting[0]));
        let ambiguous = choose(MessageRef::Number(18), &waiting).expect_err("two have it");
        assert!(ambiguous.to(Lang::English).contains("1-3-18 or 2-1-18"));
        assert!(choose(MessageRef::Number(19), &waiting).is_err());
        assert!(choose(MessageRef::Next, &[]).is_err());
        let doubled = [id(1, 2, 17), id(1, 2, 17)];
        assert_eq!(choose(MessageRef::Number(17), &doubled), Ok(id(1, 2, 17)));
    }

    #[test]
    fn a_cut_in_both_directions_is_one_line_and_one_way_is_another() {
        let drop = |from, to, kind| LinkRule::new(Effect::Drop, Some(NodeId(from)), Some(NodeId(to)), kind);
        let ack = Some(MessageKind::Ack);
        let rules = [drop(1, 2, None), drop(2, 1, None), drop(1, 3, None), drop(3, 1, ack)];
        let lines = rule_lines(&rules);
        let english: Vec<_> = lines.iter().map(|line| line.to(Lang::English)).collect();
        let expected = [
            "the link between n1 and n2 is cut",
            "messages from n1 to n3 are lost",
            "messages ack from n3 to n1 are lost",
        ];
        assert_eq!(english, expected);
        assert_eq!(lines[2].to(Lang::Portuguese), "mensagens ack de n3 para n1 se perdem");
    }
}
