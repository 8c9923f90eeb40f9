//! How faults are described in a failed plan, and named in the summary.

use std::fmt;

use crate::verify::simulator::plan::{Fault, FaultKind, MemberRequest, Target};

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |micros: u64| micros as f64 / 1_000_000.0;
        write!(f, "{:>9.4} s to {:>9.4} s  {}", seconds(self.at), seconds(self.until), self.kind)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(id) => write!(f, "{id}"),
            Target::Leader => write!(f, "the leader"),
            Target::Replica(index) => write!(f, "replica {index}"),
            Target::Outsider(index) => write!(f, "outsider {index}"),
            Target::Learner(index) => write!(f, "learner {index}"),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torn = |torn: &bool| if *torn { ", the last of it torn" } else { "" };
        match self {
            FaultKind::PowerCut { target, kept_percent, torn: tears } => {
                write!(f, "power cut of {target}, which keeps {kept_percent} % of what was not flushed{}", torn(tears))
            }
            FaultKind::PowerCutOfAll { kept_percent, torn: tears } => {
                write!(f, "power cut of all, which keep {kept_percent} % of what was not flushed{}", torn(tears))
            }
            FaultKind::Kill { target } => write!(f, "{target} is killed"),
            FaultKind::Pause { target } => write!(f, "{target} is paused"),
            FaultKind::Cut { links } => {
                write!(f, "links are cut:")?;
                links.iter().try_for_each(|(from, to)| write!(f, " n{from}→n{to}"))
            }
            FaultKind::Isolate { target, sends: false, receives: false } => write!(f, "{target} is cut off"),
            FaultKind::Isolate { target, sends, .. } => {
                write!(
                    f,
                    "{}",
                    if *sends {
                        format!("{target} receives nothing")
                    } else {
                        format!("nothing from {target} arrives")
                    }
                )
            }
            FaultKind::Noise { lost_in, doubled_in, late_in } => {
                write!(f, "one in {lost_in} messages is lost, {doubled_in} duplicated, {late_in} late")
            }
            FaultKind::Echo { one_in, after_micros } => {
                write!(f, "one in {one_in} messages is repeated {} ms later", after_micros / 1_000)
            }
            FaultKind::SlowDisk { target, flush_micros } => {
                write!(f, "a flush of {target} takes {} ms", flush_micros / 1_000)
            }
            FaultKind::FailingDisk { target } => write!(f, "the next flush of {target} fails"),
            FaultKind::SlowApply { target, apply_micros } => {
                write!(f, "{target} takes {} ms to apply", apply_micros / 1_000)
            }
            FaultKind::Clock { target, step_micros, rate_ppm } => {
                write!(
                    f,
                    "the clock of {target} jumps by {} ms, its rate is off by {rate_ppm} ppm",
                    step_micros / 1_000
                )
            }
            FaultKind::HoldOrders { target } => write!(f, "commit orders to {target} are held"),
            FaultKind::Transfer { target, to: Some(to) } => write!(f, "{target} is asked to make {to} the leader"),
            FaultKind::Transfer { target, to: None } => write!(f, "{target} is asked to transfer its leadership"),
            FaultKind::Inject { target, count, epochs_below, copied } => {
                let what = if *copied { "copies of the leader's entries" } else { "forged entries" };
                write!(f, "{count} {what} are appended to the log of {target}")?;
                epochs_below.map_or(Ok(()), |below| write!(f, ", {below} epochs below its promise"))
            }
            FaultKind::FlippedBit { target, stopped: true } => {
                write!(f, "power cut of {target}, and a bit of its disk flips")
            }
            FaultKind::FlippedBit { target, .. } => write!(f, "a bit of the disk of {target} flips"),
            FaultKind::Wipe { target } => write!(f, "the data folder of {target} is emptied"),
            FaultKind::Members { target, request } => match request {
                MemberRequest::Join => write!(f, "{target} is to join"),
                MemberRequest::Learn => write!(f, "{target} is to join as a learner"),
                MemberRequest::Move => write!(f, "{target} is to listen elsewhere"),
                MemberRequest::Promote => write!(f, "{target} is to be promoted"),
                MemberRequest::Remove => write!(f, "{target} is to be removed"),
            },
        }
    }
}

impl FaultKind {
    /// As the summary counts it.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::PowerCut { .. } => "power cut of one node",
            FaultKind::PowerCutOfAll { .. } => "power cut of all nodes",
            FaultKind::Kill { .. } => "kill",
            FaultKind::Pause { .. } => "pause",
            FaultKind::Cut { .. } => "links cut",
            FaultKind::Isolate { .. } => "node cut off",
            FaultKind::Noise { .. } => "noise on all links",
            FaultKind::Echo { .. } => "late echoes on all links",
            FaultKind::SlowDisk { .. } => "slow disk",
            FaultKind::FailingDisk { .. } => "failing disk",
            FaultKind::SlowApply { .. } => "slow apply",
            FaultKind::Clock { .. } => "clock step and rate",
            FaultKind::HoldOrders { .. } => "commit orders held",
            FaultKind::Transfer { .. } => "leadership transferred",
            FaultKind::Inject { .. } => "forged entries",
            FaultKind::FlippedBit { .. } => "flipped bit",
            FaultKind::Wipe { .. } => "wiped disk",
            FaultKind::Members { request, .. } => match request {
                MemberRequest::Join => "join asked",
                MemberRequest::Learn => "learner asked",
                MemberRequest::Move => "move asked",
                MemberRequest::Promote => "promotion asked",
                MemberRequest::Remove => "removal asked",
            },
        }
    }
}
