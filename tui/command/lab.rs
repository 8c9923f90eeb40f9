//! Carrying out what is asked of the nodes' gates: rules, step mode, the messages that wait. And saying it.

use std::time::{SystemTime, UNIX_EPOCH};

use epoca::client::{Client, ClientError, Handling, InForce, NodeStatus, Reported};
use epoca::protocol::trace::{Effect, Lab, LinkRule, MessageId, PendingMessage, RuleSelection, Wrong, kind_name};
use epoca::protocol::{MessageKind, NodeId};
use serde_json::{Value, json};

use super::execute::done_so;
use super::grammar::{Fault, Node, Switch, Which};
use super::outcome::{Exit, Outcome, Tone};
use super::text::table;
use crate::words::english;

/// What else there is to a fault is the processes' business.
pub async fn carry_out(fault: &Fault, client: &Client) -> Result<Outcome, ClientError> {
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
        Fault::Step { switch } => client.step(*switch == Switch::On).await?,
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
            unreachable!("processes and logs are not the gates' business")
        }
    };
    Ok(done_so(&done))
}

fn rule(effect: Effect, from: Node, to: Node, kind: Option<MessageKind>) -> LinkRule {
    LinkRule::new(effect, Some(from.0), Some(to.0), kind)
}

async fn handle(which: Which, handling: Handling, client: &Client) -> Result<Outcome, ClientError> {
    let waiting = match which {
        // The node itself says so if no such message waits.
        Which::Id(id) => vec![id],
        Which::Next | Which::Number(_) => client.pending().await?.into_iter().map(|message| message.id).collect(),
    };
    let id = match chosen(which, &waiting) {
        Ok(id) => id,
        Err(message) => return Ok(Outcome::error(Exit::Not, "no_such_message", message)),
    };
    let message = english::done(&client.handle(id, handling).await?);
    let json = json!({"message": message, "from": id.from.0, "to": id.to.0, "number": id.number});
    Ok(Outcome::done(json).line(Tone::Result, message))
}

fn chosen(which: Which, waiting: &[MessageId]) -> Result<MessageId, String> {
    let number = match which {
        Which::Id(id) => return Ok(id),
        Which::Next => return waiting.first().copied().ok_or_else(|| "no message waits".to_owned()),
        Which::Number(number) => number,
    };
    let mut meant: Vec<MessageId> = waiting.iter().copied().filter(|id| id.number == number).collect();
    meant.dedup();
    match meant[..] {
        [] => Err(format!("no message #{number} waits: `fault pending` lists those that do")),
        [id] => Ok(id),
        _ => {
            let ids: Vec<String> = meant.iter().map(|id| typed(*id)).collect();
            Err(format!("{} messages have the number {number}: say which, {}", meant.len(), ids.join(" or ")))
        }
    }
}

/// As it is typed.
fn typed(id: MessageId) -> String {
    format!("{}-{}-{}", id.from.0, id.to.0, id.number)
}

fn pending(messages: &[PendingMessage]) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
    let json = messages.iter().map(|message| message_json(message, now)).collect();
    if messages.is_empty() {
        return Outcome::done(json).line(Tone::Note, "no message waits");
    }
    let heads = ["message", "typed", "kind", "contents", "held"];
    let row = |message: &PendingMessage| {
        let held = seconds(now.saturating_sub(message.since));
        let held = match message.due {
            Some(due) => format!("{held}, due in {}", seconds(due.saturating_sub(now))),
            None => held,
        };
        let (kind, what) = (message.kind.to_string(), message.what.to_string());
        vec![message.id.to_string(), typed(message.id), kind, what, held]
    };
    let rows: Vec<Vec<String>> =
        [heads.map(str::to_owned).to_vec()].into_iter().chain(messages.iter().map(row)).collect();
    let mut lines = table(&rows).into_iter();
    let outcome = Outcome::done(json).lines(Tone::Heading, lines.next());
    outcome.lines(Tone::Result, lines)
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

fn seconds(micros: u64) -> String {
    format!("{:.1} s", micros as f64 / 1e6)
}

/// What the launcher repeats and what the nodes say: a node that is down has only the launcher's word.
async fn in_force(client: &Client) -> Result<Outcome, ClientError> {
    let nodes = client.status().await?;
    let written = client.processes().await?.map(|processes| processes.in_force).unwrap_or_default();
    let all = gathered(&nodes, written);
    let json = json!({
        "rules": all.rules.iter().map(rule_json).collect::<Vec<_>>(),
        "step": all.frozen,
        "wrong": all.wrong.iter().map(|(node, how)| json!({"node": node.0, "wrong": how.name()})).collect::<Vec<_>>(),
    });
    let step = all.frozen.then(|| "step mode: timers stand still, every message waits".to_owned());
    let wrong = all.wrong.iter().map(|(node, how)| format!("{node} is WRONG on purpose: {how}"));
    let lines: Vec<String> = wrong.chain(step).chain(worded(&all.rules)).collect();
    if lines.is_empty() {
        return Ok(Outcome::done(json).line(Tone::Note, "nothing is in force"));
    }
    Ok(Outcome::done(json).lines(Tone::Result, lines))
}

fn gathered(nodes: &[NodeStatus], mut all: InForce) -> InForce {
    for node in nodes {
        let Ok(reported) = &node.reported else { continue };
        all.frozen |= reported.frozen;
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

/// Rules in words; a cut in both directions is one line.
fn worded(rules: &[LinkRule]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let back = rule.reversed();
        match (rule.drops_all(), rules.iter().position(|other| *other == back)) {
            (true, Some(other)) if other > index => {
                lines.push(format!("the link between {} and {} is cut", end(rule.from), end(rule.to)));
            }
            (true, Some(_)) => {}
            _ => lines.push(words(rule)),
        }
    }
    lines
}

fn words(rule: &LinkRule) -> String {
    let messages = rule.kind.map_or("messages".to_owned(), |kind| format!("messages {kind}"));
    let way = match (rule.from, rule.to) {
        (None, to) => format!("to {}", end(to)),
        (from, to) => format!("from {} to {}", end(from), end(to)),
    };
    match rule.effect {
        Effect::Hold => format!("{messages} {way} are held"),
        Effect::Drop => format!("{messages} {way} are lost"),
        Effect::Delay { millis } => format!("{messages} {way} come {millis} ms late"),
        Effect::Duplicate => format!("{messages} {way} come twice"),
    }
}

fn end(node: Option<NodeId>) -> String {
    node.map_or("any node".to_owned(), |node| node.to_string())
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

/// What `status` says of a lab node besides.
pub fn state_json(reported: &Reported) -> Value {
    json!({
        "rules": reported.rules.iter().map(rule_json).collect::<Vec<_>>(),
        "step": reported.frozen,
        "pending": reported.pending,
        "wrong": reported.wrong.map(Wrong::name),
    })
}

/// What is made to go wrong at a node, in words.
pub fn remarks(id: NodeId, reported: &Reported) -> Vec<String> {
    let wrong = reported.wrong.iter().map(|how| format!("{id}: WRONG on purpose: {how}"));
    let step = reported.frozen.then(|| format!("{id}: step mode, its time stands still"));
    let lab = Lab { rules: reported.rules.clone(), ..Lab::default() };
    let (cut, holds) = (lab.cuts(id), lab.holds());
    let cuts = cut.iter().map(|with| format!("{id}: the link with {with} is cut"));
    let holds = holds.into_iter().map(|kind| format!("{id}: messages held: {}", kind_name(kind)));
    let other = |rule: &&LinkRule| match (rule.effect, rule.from, rule.to) {
        (Effect::Hold, _, _) => false,
        (Effect::Drop, Some(from), Some(to)) if rule.kind.is_none() => {
            !cut.contains(if from == id { &to } else { &from })
        }
        _ => true,
    };
    let rules = reported.rules.iter().filter(other).map(|rule| format!("{id}: {}", words(rule)));
    let waiting = (reported.pending > 0).then(|| format!("{id}: {} messages wait", reported.pending));
    wrong.chain(step).chain(cuts).chain(holds).chain(rules).chain(waiting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(from: u64, to: u64, number: u64) -> MessageId {
        MessageId { from: NodeId(from), to: NodeId(to), number }
    }

    #[test]
    fn a_number_alone_names_a_message_if_no_other_has_it() {
        let waiting = [id(1, 2, 17), id(1, 3, 18), id(2, 1, 18)];
        assert_eq!(chosen(Which::Next, &waiting), Ok(waiting[0]));
        assert_eq!(chosen(Which::Number(17), &waiting), Ok(waiting[0]));
        assert!(chosen(Which::Number(18), &waiting).is_err_and(|why| why.contains("1-3-18 or 2-1-18")));
        assert!(chosen(Which::Number(19), &waiting).is_err());
        assert!(chosen(Which::Next, &[]).is_err());
        assert_eq!(chosen(Which::Number(17), &[id(1, 2, 17), id(1, 2, 17)]), Ok(id(1, 2, 17)), "it waits twice");
    }

    #[test]
    fn a_cut_in_both_directions_is_one_line_and_one_way_is_another() {
        let drop = |from, to, kind| LinkRule::new(Effect::Drop, Some(NodeId(from)), Some(NodeId(to)), kind);
        let ack = Some(MessageKind::Ack);
        let rules = [drop(1, 2, None), drop(2, 1, None), drop(1, 3, None), drop(3, 1, ack)];
        let lines = [
            "the link between n1 and n2 is cut",
            "messages from n1 to n3 are lost",
            "messages ack from n3 to n1 are lost",
        ];
        assert_eq!(worded(&rules), lines);
    }
}
