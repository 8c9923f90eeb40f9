//! Which part of the model belongs to a moment of the tape, and which part to the user interface.

use epoca::protocol::trace::Preview;

use crate::console::model::Model;

/// Lines of the timeline and rows of the space-time diagram that a keyframe keeps.
const FRAME_LINES: usize = 1_000;

/// Approximate size of a keyframe without logs, events and operations.
const FRAME_BYTES: usize = 16 << 10;

impl Model {
    /// Makes a keyframe: the part of the model that records determine, and its approximate size in bytes.
    pub fn frame(&mut self) -> (Box<Model>, usize) {
        let tape = std::mem::take(&mut self.tape);
        let prompt = std::mem::take(&mut self.prompt);
        let checks = std::mem::take(&mut self.checks);
        let (scenarios, scenario_cluster) = (std::mem::take(&mut self.scenarios), self.scenario_cluster.take());
        let grades = std::mem::take(&mut self.grades);
        let timeline = std::mem::take(&mut self.timeline);
        let mut frame = Box::new(self.clone());
        (self.tape, self.prompt, self.checks) = (tape, prompt, checks);
        (self.scenarios, self.scenario_cluster, self.grades) = (scenarios, scenario_cluster, grades);
        frame.timeline = timeline.without(timeline.lines().len().saturating_sub(FRAME_LINES));
        frame.space_time.keep(FRAME_LINES);
        self.timeline = timeline;
        let tails: usize = frame.nodes.values().map(|node| node.state.tail.len()).sum();
        let keys: usize = frame.nodes.values().map(|node| node.final_db.keys().len()).sum();
        let answers: usize = frame.operations.lines() * 100;
        let lines =
            (frame.timeline.lines().len() + frame.space_time.rows().len() + frame.narration.lines().len()) * 300;
        (frame, FRAME_BYTES + tails * size_of::<Preview>() + keys * 200 + answers + lines)
    }

    /// Takes over the state of the user interface, which does not change with the moment that is shown. The list is
    /// exhaustive: a new field must be assigned to one side or the other.
    pub fn take_ui_state_of(&mut self, other: &mut Model) {
        let Model {
            now: _,
            size,
            phase: _,
            mode,
            lang,
            pane,
            dialog,
            is_presenting,
            is_plain,
            is_zoomed,
            first_moment,
            nodes: _,
            window,
            timeline: _,
            narration,
            space_time,
            step_mode,
            pace_asked,
            latency: _,
            focus,
            operations: _,
            reads: _,
            answer,
            last_line,
            follow_up,
            cleaning,
            prompt,
            notice,
            scrolled,
            filter,
            no_launcher: _,
            owns_nodes,
            quit_asked,
            interrupted,
            burst,
            revision,
            tape,
            checks,
            verdict: _,
            scenarios,
            grades,
            scenario_cluster,
            is_scenario_cluster: _,
        } = other;
        (self.size, self.mode, self.pane, self.dialog) = (*size, *mode, *pane, dialog.take());
        (self.window, self.notice, self.scrolled) = (*window, notice.take(), *scrolled);
        (self.lang, self.focus, self.pace_asked) = (*lang, *focus, *pace_asked);
        (self.is_presenting, self.is_plain, self.is_zoomed) = (*is_presenting, *is_plain, *is_zoomed);
        self.first_moment = *first_moment;
        (self.narration.selected, self.space_time.selected) = (narration.selected, space_time.selected);
        self.step_mode = std::mem::take(step_mode);
        self.filter = filter.take();
        self.checks = checks.take();
        self.grades = std::mem::take(grades);
        (self.scenarios, self.scenario_cluster) = (std::mem::take(scenarios), scenario_cluster.take());
        (self.prompt, self.tape) = (std::mem::take(prompt), std::mem::take(tape));
        (self.answer, self.last_line) = (*answer, last_line.take());
        (self.follow_up, self.cleaning) = (follow_up.take(), *cleaning);
        (self.owns_nodes, self.quit_asked) = (*owns_nodes, *quit_asked);
        (self.interrupted, self.burst, self.revision) = (*interrupted, *burst, *revision + 1);
    }
}
