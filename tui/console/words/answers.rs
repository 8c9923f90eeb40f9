//! What nodes, launcher and checks say in English, in the screen's language. These answers come over the wire as text,
//! so they are recognised here by their shape; what is not recognised is shown as it came. Sentences that this program
//! makes itself exist in each language and do not pass through here.
//!
//! The English side of each text is the shape: `{node}` stands for anything, `{said}` for something that is said again.

use std::borrow::Cow;

use crate::console::words::{Lang, Text, text};

pub const SHAPES: &[Text] = &[
    // Commands.
    text("{node} killed (pid {pid}); `{line}` starts it again", "{node} morto (pid {pid}); `{line}` o reinicia"),
    text("{node} restarted (pid {pid})", "{node} reiniciado (pid {pid})"),
    text("{node} paused (pid {pid}); `{line}` lets it go on", "{node} pausado (pid {pid}); `{line}` o retoma"),
    text("{node} goes on (pid {pid})", "{node} segue (pid {pid})"),
    text(
        "one bit of {id} is turned on the disk of {node}, and it was started again (pid {pid}): it moves its folder \
         aside and \
         comes back as a learner; `{line}` and `{key}` show it",
        "um bit de {id} foi trocado no disco de {node}, que foi iniciado de novo (pid {pid}): ele põe a pasta de lado \
         e volta \
         como aprendiz; `{line}` e `{key}` o mostram",
    ),
    text(
        "one bit of {id} is turned on the disk of {node}, and it was started again (pid {pid}); only {whole} of \
         {voters} voters \
         run with whole disks where {needed} are a majority, so it may not be taken up again before others are back: \
         `{line}` \
         says what to do",
        "um bit de {id} foi trocado no disco de {node}, que foi iniciado de novo (pid {pid}); só {whole} de {voters} \
         votantes \
         rodam com discos inteiros onde {needed} são a maioria, então talvez não seja aceito antes que outros voltem: \
         `{line}` \
         diz o que fazer",
    ),
    text(
        "{node} has no committed entry in its log yet of which a bit could be turned: write something first",
        "{node} ainda não tem no log uma entrada com commit da qual se possa trocar um bit: escreva algo antes",
    ),
    text(
        "quarantined: {rest} holds what this node had before: {said}",
        "em quarentena: {rest} guarda o que este nó tinha antes: {said}",
    ),
    text(
        "{entry} is damaged in {rest} at byte {number}: {why}",
        "{entry} está danificado em {rest} no byte {number}: {why}",
    ),
    text("the link between {a} and {b} is cut", "o enlace entre {a} e {b} está cortado"),
    text("the link between {a} and {b} is healed", "o enlace entre {a} e {b} foi refeito"),
    text("{node} holds every message that comes to it", "{node} retém toda mensagem que chega"),
    text("{node} holds every {kind} that comes to it", "{node} retém todo {kind} que chega"),
    text("{node} lets everything through", "{node} deixa tudo passar"),
    text("{node} lets every {kind} through", "{node} deixa passar todo {kind}"),
    text("every {kind} from {a} to {b} is lost", "todo {kind} de {a} a {b} se perde"),
    text("every {kind} from {a} to {b} is held", "todo {kind} de {a} a {b} fica retido"),
    text("every {kind} from {a} to {b} comes twice", "todo {kind} de {a} a {b} chega duas vezes"),
    text("every {kind} from {a} to {b} comes {millis} ms late", "todo {kind} de {a} a {b} atrasa {millis} ms"),
    text("nothing is in force any more", "nada mais está em vigor"),
    text(
        "nothing is in force any more; {node} is right again ({said})",
        "nada mais está em vigor; {node} está certo de novo ({said})",
    ),
    text("{node} is right again ({said})", "{node} está certo de novo ({said})"),
    text(
        "{node} is WRONG on purpose from now on: {how}; `{line}` ends it ({said})",
        "{node} está ERRADO de propósito a partir de agora: {how}; `{line}` encerra isso ({said})",
    ),
    text(
        "step mode is on: timers stand still, every message waits",
        "passo a passo ligado: os relógios param, toda mensagem espera",
    ),
    text(
        "step mode is off: timers go on, what waited comes through",
        "passo a passo desligado: os relógios seguem, o que esperava passa",
    ),
    text("{said} ({node} takes it over when it runs)", "{said} ({node} assume isso quando rodar)"),
    text("the timer of {node} has run out: {millis} ms went by", "o relógio de {node} esgotou: passaram {millis} ms"),
    text("{message} is delivered", "{message} foi entregue"),
    text("{message} is thrown away", "{message} foi descartada"),
    text("{message} is there once more", "{message} está lá mais uma vez"),
    text("{message} is delivered in {millis} ms", "{message} será entregue em {millis} ms"),
    text("forged entries are at the end of {rest}", "entradas forjadas estão no fim de {rest}"),
    text(
        "step mode is on at {rest}, every message waits: `{line}` ends it",
        "o modo passo a passo está ligado em {rest}, toda mensagem espera: `{line}` o termina",
    ),
    text("{node} leads already", "{node} já lidera"),
    text("{node} leads", "{node} lidera"),
    text("another node leads", "outro nó lidera"),
    text(
        "{node} has asked to lead: `{line}` shows who leads",
        "{node} pediu para liderar: `{line}` mostra quem lidera",
    ),
    text("{node} stands for election: `{line}` shows who leads", "{node} se candidata: `{line}` mostra quem lidera"),
    text(
        "it is a learner: it gets all data, but counts in no majority and cannot lead; `{line}` makes it a voter",
        "é um aprendiz: recebe todos os dados, mas não conta em nenhuma maioria e não pode liderar; `{line}` o torna \
         votante",
    ),
    text("the leader stepped down with the entry in its log", "o líder renunciou com a entrada no seu log"),
    text("{node} may have taken it, but leads no more", "{node} pode ter recebido o pedido, mas já não lidera"),
    text("{node} may have taken it, but {why}", "{node} pode ter recebido o pedido, mas {why}"),
    text(
        "of {count} nodes only {value} answer, and {quorum} are a majority: nobody can lead before another one runs. \
         Nothing \
         was done: try again then",
        "de {count} nós só {value} respondem, e {quorum} são a maioria: ninguém pode liderar antes que outro rode. \
         Nada foi \
         feito: tente de novo então",
    ),
    text("{value} answer, and none of them knows of a leader", "{value} respondem, e nenhum deles conhece um líder"),
    text("only {node} answers, and it knows of no leader", "só {node} responde, e não conhece um líder"),
    text("{node} is not running; `{line}` starts it", "{node} não está rodando; `{line}` o inicia"),
    text(
        "{node} joins at {address} (pid {pid}), a voter once it has caught up",
        "{node} entra em {address} (pid {pid}), votante quando estiver em dia",
    ),
    text("{node} joins at {address} (pid {pid}), as a learner", "{node} entra em {address} (pid {pid}), como aprendiz"),
    text(
        "{node} is removed and its process has ended; its data stays in {rest}",
        "{node} foi removido e o seu processo terminou; os seus dados ficam em {rest}",
    ),
    // The checks.
    text("committed never changes", "o que tem commit nunca muda"),
    text("final data is equal at equal applied positions", "dados finais iguais em posições aplicadas iguais"),
    text("one leader per epoch", "um líder por época"),
    text("leader append-only", "o líder só acrescenta"),
    text("log matching", "logs que conferem"),
    text("leader completeness", "o líder tem tudo que tem commit"),
    text("committed is on a quorum", "commit só com maioria"),
    text("acked is durable", "o que teve ack está no disco"),
    text("only committed data is readable", "só se lê o que tem commit"),
    text("offsets without gaps", "offsets sem lacunas"),
    text("the promise covers the log", "a promessa cobre o log"),
    text("applied ≤ committed ≤ last", "aplicado ≤ commit ≤ último"),
    text("given up ≤ snapshot ≤ applied", "descartado ≤ snapshot ≤ aplicado"),
    text("one change of members at a time", "uma mudança de membros por vez"),
    text("only voters count", "só votantes contam"),
    text("the last list of the log counts", "vale a última lista do log"),
    text("linearizable", "linearizável"),
];

/// The places that may hold several words; any other holds one.
const MANY_WORDS: [&str; 10] = ["said", "why", "line", "rest", "value", "key", "how", "message", "entry", "time"];

impl Lang {
    /// What was said in English, in this language if it is known.
    pub fn answer(self, english: &str) -> Cow<'_, str> {
        match self {
            Lang::English => Cow::Owned(english.to_owned()),
            _ => Cow::Owned(self.recognised(english).unwrap_or_else(|| english.to_owned())),
        }
    }

    fn recognised(self, english: &str) -> Option<String> {
        if let Some((shape, places)) =
            SHAPES.iter().find_map(|shape| Some((shape, places(shape.to(Lang::English), english)?)))
        {
            let places: Vec<(&str, String)> = places
                .into_iter()
                .map(|(name, words)| {
                    (name, if name == "said" { self.answer(words).into_owned() } else { words.to_owned() })
                })
                .collect();
            let places: Vec<(&str, &dyn std::fmt::Display)> =
                places.iter().map(|(name, words)| (*name, words as &dyn std::fmt::Display)).collect();
            return Some(shape.with(self, &places));
        }
        // A line that was typed, and what it came to.
        let (line, said) = english.split_once(": ")?;
        Some(format!("{line}: {}", self.recognised(said)?))
    }
}

/// What stands in the places of a shape, if the text has that shape. A place ends where the words after it begin first;
/// the last one takes all that is left before its end.
fn places<'a>(shape: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut parts = shape.split('{');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut places = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let (name, words) = part.split_once('}')?;
        let at = match (words, parts.peek()) {
            ("", None) => rest.len(),
            (words, None) => {
                rest.len().checked_sub(words.len()).filter(|at| rest.is_char_boundary(*at) && &rest[*at..] == words)?
            }
            (words, Some(_)) => rest.find(words)?,
        };
        let is_one_word = || !rest[..at].contains(char::is_whitespace);
        if at == 0 || !(MANY_WORDS.contains(&name) || is_one_word()) {
            return None;
        }
        places.push((name, &rest[..at]));
        rest = &rest[at + words.len()..];
    }
    rest.is_empty().then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(english: &str) -> String {
        Lang::Portuguese.answer(english).into_owned()
    }

    #[test]
    fn answers_are_recognised_by_their_shape() {
        assert_eq!(
            said("kill 3: n3 killed (pid 7); `fault restart 3` starts it again"),
            "kill 3: n3 morto (pid 7); `fault restart 3` o reinicia"
        );
        assert_eq!(
            said("nothing is in force any more; n3 is right again (n3 restarted (pid 9))"),
            "nada mais está em vigor; n3 está certo de novo (n3 reiniciado (pid 9))"
        );
        assert_eq!(
            said(
                "of 4 nodes only n1 n2 answer, and 3 are a majority: nobody can lead before another one runs. Nothing \
                 was \
                 done: try again then"
            ),
            "de 4 nós só n1 n2 respondem, e 3 são a maioria: ninguém pode liderar antes que outro rode. Nada foi \
             feito: \
             tente de novo então"
        );
    }

    #[test]
    fn what_is_not_known_stays_as_it_came() {
        for english in ["", "é: {x}", "something new happened", "confirmed", "x: y: z"] {
            assert_eq!(said(english), english);
            assert_eq!(Lang::English.answer(english), english);
        }
    }

    #[test]
    fn every_shape_is_recognised_and_has_the_same_places_in_both_languages() {
        for shape in SHAPES {
            let (mut english, mut portuguese) = (shape.places(Lang::English), shape.places(Lang::Portuguese));
            english.sort_unstable();
            portuguese.sort_unstable();
            assert_eq!(english, portuguese, "{shape:?}");
            let filled = shape.to(Lang::English).replace(['{', '}'], "");
            let first = SHAPES.iter().find(|other| places(other.to(Lang::English), &filled).is_some());
            assert_eq!(first, Some(shape), "{filled:?} is taken for something else");
        }
    }
}
