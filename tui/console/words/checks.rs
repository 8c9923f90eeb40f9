//! Texts about the checks.

use crate::console::model::{CheckGroup, Inconclusive};
use crate::lang::{Lang, Text, text};

pub const CHECKS: Text = text("CHECKS", "VERIFICAÇÕES");
pub const LEFT_OUT: Text = text("{count} events skipped by the checks", "{count} eventos não verificados");
pub const LAGGING: Text = text("{count} events behind", "{count} eventos atrás");
pub const EVENTS: Text = text("{count} events checked", "{count} eventos verificados");
pub const EVENTS_IN_ALL: Text =
    text("{count} events checked, including later ones", "{count} eventos verificados, inclusive posteriores");
pub const NOTHING: Text = text(" nothing has been checked yet", " nada foi verificado ainda");
const PLACED_ONE: Text = text("1 operation has an order", "1 operação tem uma ordem");
const PLACED: Text = text("{count} operations have an order", "{count} operações têm uma ordem");
pub const LINEARIZABLE: Text = text("linearizable", "linearizável");
const NOTHING_YET: Text = text("nothing to check yet", "nada a verificar ainda");
const NO_LEADER: Text = text("no leader now", "sem líder agora");

/// The name of a group in the strip.
pub const fn group(group: CheckGroup) -> Text {
    match group {
        CheckGroup::OneLeader => text("one leader", "um líder"),
        CheckGroup::LogMatching => text("log matching", "logs iguais"),
        CheckGroup::Quorum => text("on a quorum", "em quórum"),
        CheckGroup::CommittedStays => text("committed stays", "efetivado fica"),
        CheckGroup::FinalData => text("final data", "dados finais"),
    }
}

impl Lang {
    /// How many operations have an order.
    pub fn placed(self, count: usize) -> String {
        if count == 1 { PLACED_ONE } else { PLACED }.with(self, &[("count", &count)])
    }

    /// Why a check has no result.
    pub fn inconclusive(self, why: &Inconclusive) -> String {
        match why {
            Inconclusive::NothingYet => NOTHING_YET.to(self).to_owned(),
            Inconclusive::NoLeader => NO_LEADER.to(self).to_owned(),
            Inconclusive::Undecided(why) => why.to(self).to_owned(),
        }
    }
}
