//! The names of the invariants, in each language. The checks name them in English.

use crate::lang::{Lang, Text, text};

const NAMES: [Text; 17] = [
    text("committed never changes", "o que foi efetivado nunca muda"),
    text("final data is equal at equal applied positions", "dados finais iguais em posições aplicadas iguais"),
    text("one leader per epoch", "um líder por época"),
    text("leader append-only", "o líder só acrescenta"),
    text("log matching", "logs que conferem"),
    text("leader completeness", "o líder tem tudo que foi efetivado"),
    text("committed is on a quorum", "só se efetiva com maioria"),
    text("acked is durable", "o que teve ack está no disco"),
    text("only committed data is readable", "só se lê o que foi efetivado"),
    text("offsets without gaps", "offsets sem lacunas"),
    text("the promise covers the log", "a promessa cobre o log"),
    text("applied ≤ committed ≤ last", "aplicado ≤ commit ≤ último"),
    text("given up ≤ snapshot ≤ applied", "descartado ≤ snapshot ≤ aplicado"),
    text("one change of members at a time", "uma mudança de membros por vez"),
    text("only voters count", "só votantes contam"),
    text("the last list of the log counts", "vale a última lista do log"),
    text("linearizable", "linearizável"),
];

/// The name of an invariant. A name that is not listed here stays as it is.
pub fn invariant(lang: Lang, name: &str) -> &str {
    let known = NAMES.iter().find(|text| text.to(Lang::English) == name);
    known.map_or(name, |text| text.to(lang))
}

#[cfg(test)]
mod tests {
    use epoca::verify::invariants::Watch;

    use super::*;

    #[test]
    fn every_invariant_has_a_name_in_portuguese() {
        for name in Watch::new().names().into_iter().chain(["linearizable"]) {
            assert_ne!(invariant(Lang::Portuguese, name), name);
        }
    }
}
