//! English sentences for completed control requests. The library's errors have their own texts.

use epoca::client::Done;
use epoca::protocol::trace::{Effect, LinkRule, kind_name};
use epoca::protocol::{MessageKind, NodeId};

pub fn done(done: &Done) -> String {
    match done {
        Done::Killed { node, pid } => {
            format!("{node} killed (pid {pid}); `fault restart {}` starts it again", node.0)
        }
        Done::Restarted { node, pid } => restarted(*node, *pid),
        Done::Paused { node, pid } => format!("{node} paused (pid {pid}); `fault resume {}` resumes it", node.0),
        Done::Resumed { node, pid } => format!("{node} resumed (pid {pid})"),
        Done::Damaged { node, pid, last, whole, voters } => {
            let turned =
                format!("one bit of {} is flipped on the disk of {node}, which was restarted (pid {pid})", last.id);
            let needed = voters / 2 + 1;
            if *whole < needed {
                return format!(
                    "{turned}; only {whole} of {voters} voters run with intact disks where {needed} are a majority, so \
                     {node} may not rejoin until others are back: `status` shows the remedy"
                );
            }
            format!("{turned}: it quarantines its folder and rejoins as a learner; `status` and `member list` show it")
        }
        Done::MadeWrong { node, how, pid } => format!(
            "{node} is FAULTY on purpose from now on: {how}; `fault wrong {} off` ends it ({})",
            node.0,
            restarted(*node, *pid)
        ),
        Done::MadeRight { node, pid } => right_again(*node, *pid),
        Done::Joins { node, address, pid, learner } => {
            let kind = if *learner { "as a learner" } else { "a voter once it has caught up" };
            format!("{node} joins at {address} (pid {pid}), {kind}")
        }
        Done::Left { node, folder } => {
            format!("{node} is removed and its process has exited; its data stays in {folder}")
        }
        Done::RuleSet { rule, both_ways, later } => with_later(rule_set(rule, *both_ways), later),
        Done::RuleCleared { rule, later } => with_later(rule_cleared(rule), later),
        Done::LinkCleared { node, peer, later } => {
            with_later(format!("the link between {node} and {peer} is healed"), later)
        }
        Done::AllCleared { later, righted, wrong } => {
            let mut said = with_later("all rules and faults are cleared".to_owned(), later);
            righted.iter().for_each(|(node, pid)| said += &format!("; {}", right_again(*node, *pid)));
            for (node, how) in wrong {
                said += &format!("; {node} is still faulty on purpose ({how}): restart it without --wrong");
            }
            said
        }
        Done::StepOn { every: true, later } => {
            with_later("step mode is on: timers are stopped, every message is held".to_owned(), later)
        }
        Done::StepOn { every: false, later } => {
            let rest = "those that change nothing are delivered automatically";
            with_later(format!("step mode is on: timers are stopped, messages are held; {rest}"), later)
        }
        Done::PaceSet { pace, later } if pace.is_real() => with_later("back to real time".to_owned(), later),
        Done::PaceSet { pace, later } => {
            with_later(format!("slow motion, {pace} of real time: timers, messages and flushes are slowed down"), later)
        }
        Done::StepOff { later } => {
            with_later("step mode is off: timers run, held messages are delivered".to_owned(), later)
        }
        Done::Ticked { node, millis } => format!("the timer of {node} expired: its clock advanced by {millis} ms"),
        Done::Delivered { message } => format!("{message} is delivered"),
        Done::Discarded { message } => format!("{message} is discarded"),
        Done::Delayed { message, millis } => format!("{message} is delivered in {millis} ms"),
        Done::Duplicated { message } => format!("{message} is duplicated"),
        Done::Injected { .. } => "forged entries are appended to the log".to_owned(),
        Done::StandsFirst { .. } => "starts the first election".to_owned(),
        Done::Stands { node } => format!("{node} starts an election: `epoca status` shows the leader"),
        Done::AsksToLead { node } => format!("{node} has asked to lead: `epoca status` shows the leader"),
        Done::LeadsAlready { node } => format!("{node} leads already"),
        Done::Leads { node } => format!("{node} leads"),
        Done::AnotherLeads {} => "another node leads".to_owned(),
    }
}

fn restarted(node: NodeId, pid: u32) -> String {
    format!("{node} restarted (pid {pid})")
}

fn right_again(node: NodeId, pid: u32) -> String {
    format!("{node} is no longer faulty ({})", restarted(node, pid))
}

fn with_later(said: String, later: &[NodeId]) -> String {
    match later {
        [] => said,
        [one] => format!("{said} ({one} applies it once it runs)"),
        some => format!("{said} ({} apply it once they run)", joined(some, " and ")),
    }
}

fn rule_set(rule: &LinkRule, both_ways: bool) -> String {
    let (from, to) = (end(rule.from), end(rule.to));
    match rule.effect {
        Effect::Drop if both_ways && rule.kind.is_none() => format!("the link between {from} and {to} is cut"),
        Effect::Hold => format!("{to} holds every {} sent to it", message(rule.kind)),
        Effect::Drop => format!("every {} from {from} to {to} is lost", message(rule.kind)),
        Effect::Delay { millis } => {
            format!("every {} from {from} to {to} arrives {millis} ms late", message(rule.kind))
        }
        Effect::Duplicate => format!("every {} from {from} to {to} arrives twice", message(rule.kind)),
    }
}

fn rule_cleared(rule: &LinkRule) -> String {
    let (from, to) = (end(rule.from), end(rule.to));
    match (rule.effect, rule.kind) {
        (Effect::Hold, None) => format!("{to} holds no messages any more"),
        (Effect::Hold, kind) => format!("{to} holds no {} any more", message(kind)),
        (_, kind) => format!("every {} from {from} to {to} arrives once and without delay", message(kind)),
    }
}

fn message(kind: Option<MessageKind>) -> &'static str {
    if kind.is_none() { "message" } else { kind_name(kind) }
}

fn end(node: Option<NodeId>) -> String {
    node.map_or("any node".to_owned(), |node| node.to_string())
}

fn joined(nodes: &[NodeId], between: &str) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(between)
}
