//! Answers and remarks about faults and waiting messages.

use epoca::protocol::NodeId;
use epoca::protocol::trace::{Effect, LinkRule, MessageId, Pace, Wrong};

use crate::lang::{Localized, decimal, localized, text};

pub fn no_message_waits() -> Localized {
    localized!("no message waits", "nenhuma mensagem espera")
}

pub fn no_such_message(number: u64) -> Localized {
    localized!(
        "no message #{number} waits: `fault pending` lists the waiting ones",
        "nenhuma mensagem #{number} espera: `fault pending` lista as que esperam"
    )
}

pub fn ambiguous_message(count: usize, number: u64, ids: &[String]) -> Localized {
    let (english, portuguese) = (ids.join(" or "), ids.join(" ou "));
    Localized::new(
        format!("{count} messages have the number {number}: type {english}"),
        format!("{count} mensagens têm o número {number}: digite {portuguese}"),
    )
}

/// `1-2-17`: a message as it is typed.
pub fn typed(id: MessageId) -> String {
    format!("{}-{}-{}", id.from.0, id.to.0, id.number)
}

/// How long a message has waited, and when it is due.
pub fn held_for(waited_micros: u64, due_micros: Option<u64>) -> Localized {
    let seconds = |micros: u64| decimal(micros as f64 / 1e6, 1);
    let waited = seconds(waited_micros);
    match due_micros.map(seconds) {
        None => localized!("{waited} s", "{waited} s", with waited),
        Some(due) => localized!("{waited} s, due in {due} s", "{waited} s, entrega em {due} s", with waited, due),
    }
}

pub fn nothing_in_force() -> Localized {
    localized!("no rules or faults are in force", "nada está em vigor")
}

pub fn step_mode_is_on() -> Localized {
    localized!(
        "step mode: timers are stopped, messages are held",
        "modo passo a passo: os temporizadores param, as mensagens esperam"
    )
}

pub fn time_is_slow(pace: Pace) -> Localized {
    localized!(
        "slow motion, {pace} of real time: timers, messages and flushes are slowed down",
        "câmera lenta, {pace} do tempo real: temporizadores, mensagens e flushes são esticados"
    )
}

pub fn breaks_a_rule(how: Wrong) -> Localized {
    localized!("FAULTY on purpose: {how}", "ERRADO de propósito: {how}")
}

pub fn link_is_cut(a: Option<NodeId>, b: Option<NodeId>) -> Localized {
    let (a, b) = (any_node(a), any_node(b));
    localized!("the link between {a} and {b} is cut", "o enlace entre {a} e {b} está cortado", with a, b)
}

pub fn link_with_is_cut(node: NodeId) -> Localized {
    localized!("the link with {node} is cut", "o enlace com {node} está cortado")
}

pub fn kind_is_held(kind: &str) -> Localized {
    localized!("messages held: {kind}", "mensagens retidas: {kind}")
}

pub fn messages_wait(count: u64) -> Localized {
    localized!("{count} messages wait", "{count} mensagens esperam")
}

/// An active rule.
pub fn rule(rule: &LinkRule) -> Localized {
    let messages = match rule.kind {
        None => text("messages", "mensagens").into(),
        Some(kind) => localized!("messages {kind}", "mensagens {kind}"),
    };
    let (from, to) = (any_node(rule.from), any_node(rule.to));
    let way = match rule.from {
        None => localized!("{messages} to {to}", "{messages} para {to}", with messages, to),
        Some(_) => {
            localized!("{messages} from {from} to {to}", "{messages} de {from} para {to}", with messages, from, to)
        }
    };
    match rule.effect {
        Effect::Hold => localized!("{way} are held", "{way} ficam retidas", with way),
        Effect::Drop => localized!("{way} are lost", "{way} se perdem", with way),
        Effect::Delay { millis } => {
            localized!("{way} arrive {millis} ms late", "{way} chegam {millis} ms atrasadas", with way)
        }
        Effect::Duplicate => localized!("{way} arrive twice", "{way} são duplicadas", with way),
    }
}

fn any_node(node: Option<NodeId>) -> Localized {
    node.map_or_else(|| text("any node", "qualquer nó").into(), |node| node.to_string().into())
}
