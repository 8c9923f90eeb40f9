//! Why a key has no effect, and why a node cannot be selected.

use crate::console::model::{NotSelectable, Obstacle};
use crate::console::words::{scenario, screen, tape};
use crate::lang::{Lang, Text};

impl Lang {
    pub fn obstacle(self, obstacle: &Obstacle) -> &str {
        match obstacle {
            Obstacle::NoLauncher(why) => why,
            Obstacle::Recording => tape::IS_RECORDING.to(self),
            Obstacle::Past => tape::IS_PAST.to(self),
            Obstacle::OtherCluster => scenario::OTHER_CLUSTER.to(self),
            Obstacle::NoNodeAnswers => screen::NO_NODE_ANSWERS.to(self),
            Obstacle::NoLab => screen::WITHOUT_LAB.to(self),
        }
    }
}

pub const fn unfit(unfit: NotSelectable) -> Text {
    match unfit {
        NotSelectable::AlreadyChosen => screen::O_CHOSEN,
        NotSelectable::AlreadyDown => screen::O_DOWN_ALREADY,
        NotSelectable::Running => screen::O_RUNS,
        NotSelectable::Down => screen::O_DOWN,
        NotSelectable::Leader => screen::O_LEADS,
    }
}
