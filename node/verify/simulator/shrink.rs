//! Makes a failing plan smaller by leaving out what the failure does not need.
//!
//! Faults and calls are left out in ever smaller portions (delta debugging, Zeller and Hildebrandt 2002). A smaller
//! plan is accepted if it breaks the same invariant. Everything after the failure is left out first.

use crate::verify::simulator::plan::Plan;
use crate::verify::simulator::{Failure, play};

/// A smaller plan with the failure that it leads to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest plan that was found.
    pub plan: Plan,
    /// Its failure.
    pub failure: Failure,
    /// How many plans were tried.
    pub tried: usize,
}

/// Tries at most `tries` plans.
pub fn shrink(plan: &Plan, failure: &Failure, tries: usize) -> Shrunk {
    let mut search = Search { best: plan.clone(), failure: failure.clone(), tried: 0, tries };
    let end = failure.at;
    let early = Plan {
        options: plan.options.clone(),
        faults: plan.faults.iter().filter(|fault| fault.at <= end).cloned().collect(),
        calls: plan.calls.iter().filter(|call| call.at <= end).copied().collect(),
    };
    search.try_plan(early);
    loop {
        let before = (search.best.faults.len(), search.best.calls.len());
        search.drop_faults();
        search.drop_calls();
        let after = (search.best.faults.len(), search.best.calls.len());
        if after == before || search.tried >= search.tries {
            break;
        }
    }
    let Search { best: plan, failure, tried, .. } = search;
    Shrunk { plan, failure, tried }
}

struct Search {
    best: Plan,
    failure: Failure,
    tried: usize,
    tries: usize,
}

impl Search {
    /// Plays a plan. If it fails in the same way, it becomes the best one.
    fn try_plan(&mut self, plan: Plan) -> bool {
        if self.tried >= self.tries {
            return false;
        }
        self.tried += 1;
        match play(&plan, false).failure {
            Some(found) if found.violation.invariant == self.failure.violation.invariant => {
                self.failure = found;
                self.best = plan;
                true
            }
            _ => false,
        }
    }

    fn drop_faults(&mut self) {
        let without = |plan: &Plan, from: usize, to: usize| {
            let mut plan = plan.clone();
            plan.faults.drain(from..to);
            plan
        };
        self.drop_parts(|plan| plan.faults.len(), without);
    }

    fn drop_calls(&mut self) {
        let without = |plan: &Plan, from: usize, to: usize| {
            let mut plan = plan.clone();
            plan.calls.drain(from..to);
            plan
        };
        self.drop_parts(|plan| plan.calls.len(), without);
    }

    /// Leaves out halves, then quarters, and so on down to single items.
    fn drop_parts(&mut self, count: impl Fn(&Plan) -> usize, without: impl Fn(&Plan, usize, usize) -> Plan) {
        let mut part = count(&self.best).div_ceil(2);
        while part > 0 && self.tried < self.tries {
            let mut from = 0;
            while from < count(&self.best) {
                let to = (from + part).min(count(&self.best));
                let smaller = without(&self.best, from, to);
                if !self.try_plan(smaller) {
                    from = to;
                }
            }
            part /= 2;
        }
    }
}
