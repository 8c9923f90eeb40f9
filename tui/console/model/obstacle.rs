//! Why a key has no effect now. The texts are in `words`.

use crate::console::keys::{Action, Binding, Needs};
use crate::console::model::{Model, Presence};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// A recording is shown; there are no nodes.
    Recording,
    /// A past moment is shown.
    Past,
    /// A scenario's own cluster is shown.
    OtherCluster,
    /// Processes cannot be killed or started from here; the reason.
    NoLauncher(String),
    NoNodeAnswers,
    /// A node runs without `--lab`.
    NoLab,
}

impl Model {
    /// Why the binding cannot act now; `None` if it can.
    pub fn obstacle(&self, binding: &Binding) -> Option<Obstacle> {
        if binding.needs == Needs::Nothing {
            return None;
        }
        // A command for the nodes leads back to the present by itself.
        let obstacle = self.tape.obstacle();
        if let Some(obstacle) = obstacle.filter(|obstacle| binding.needs != Needs::Nodes || *obstacle != Obstacle::Past)
        {
            return Some(obstacle);
        }
        // A new scenario leaves the cluster of the last one.
        let is_new_scenario = matches!(binding.action, Action::Scenario | Action::Tour);
        if self.scenario_cluster.is_some() && !is_new_scenario {
            return Some(Obstacle::OtherCluster);
        }
        match binding.needs {
            Needs::Nothing | Needs::Nodes => None,
            Needs::Launcher => self.no_launcher.clone().map(Obstacle::NoLauncher),
            Needs::Lab => self.no_lab(),
        }
    }

    /// Why faults cannot be injected; `None` if they can.
    pub fn no_lab(&self) -> Option<Obstacle> {
        let mut live = self.nodes.values().filter(|node| node.presence == Presence::Live).peekable();
        if live.peek().is_none() {
            return Some(Obstacle::NoNodeAnswers);
        }
        live.any(|node| !node.lab).then_some(Obstacle::NoLab)
    }
}
