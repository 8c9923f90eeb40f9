//! `member list`, `add`, `remove` and `promote`: who belongs to the cluster.

use epoca::client::{Client, ClientError, DisksLost, NodeStatus, Refusal, Written};
use epoca::protocol::{FeatureLevel, Listed, MemberKind, NodeId};
use serde_json::{Value, json};

use super::execute::done_so;
use super::grammar::Member;
use super::outcome::{Outcome, Tone};
use super::text::table;

pub async fn carry_out(member: &Member, client: &Client) -> Result<Outcome, ClientError> {
    match member {
        Member::List => {
            let listed = client.members().await;
            let nodes = client.status().await?;
            let lost = nodes.iter().find_map(|node| node.reported.as_ref().ok()?.disks_lost.clone());
            match (listed, lost) {
                (Ok((listed, node)), lost) => Ok(list(&listed, node, &nodes, lost)),
                (Err(_), Some(lost)) => Err(Refusal::from(lost).into()),
                (Err(error), None) => Err(error),
            }
        }
        Member::Add { address: Some(address), learner } => {
            let (node, written) = client.add_member(address, *learner).await?;
            let later = if *learner { "" } else { "; it becomes a voter once it has caught up" };
            Ok(changed(format!("{node} is a member, as a learner{later}"), node, written))
        }
        Member::Add { address: None, learner } => Ok(done_so(&client.grow(*learner).await?)),
        Member::Remove { node } => match client.shrink(node.0).await? {
            Some(done) => Ok(done_so(&done)),
            None => {
                let written = client.remove_member(node.0).await?;
                Ok(changed(format!("{} is no member any more", node.0), node.0, written))
            }
        },
        Member::Promote { node } => {
            let written = client.promote_member(node.0).await?;
            Ok(changed(format!("{} is a voter", node.0), node.0, written))
        }
    }
}

/// With the entry of the new list, if it is known.
fn changed(message: String, node: NodeId, written: Option<Written>) -> Outcome {
    let json = json!({
        "message": message,
        "id": node.0,
        "epoch": written.map(|written| written.id.epoch.0),
        "offset": written.map(|written| written.id.offset.0),
        "position": written.map(|written| written.position.0),
    });
    let text = match written {
        Some(written) => format!("{message} (since {}, position {})", written.id, written.position),
        None => format!("{message}, as it was before"),
    };
    Outcome::done(json).line(Tone::Result, text)
}

/// Whether a node works with the data folder that the list names; `None`: it does not answer.
fn has_its_folder(member: &epoca::protocol::Member, nodes: &[NodeStatus]) -> Option<bool> {
    let reported = nodes.iter().find(|node| node.id == member.id)?.reported.as_ref().ok()?;
    Some(reported.incarnation? == member.incarnation)
}

/// The greatest feature level that a node supports; `None`: it does not answer.
fn level_max(member: &epoca::protocol::Member, nodes: &[NodeStatus]) -> Option<u32> {
    Some(nodes.iter().find(|node| node.id == member.id)?.reported.as_ref().ok()?.level_max.0)
}

fn list(listed: &Listed, said: NodeId, nodes: &[NodeStatus], lost: Option<DisksLost>) -> Outcome {
    let members = &listed.membership.members;
    let since = json!({"epoch": listed.id.epoch.0, "offset": listed.id.offset.0, "position": listed.position.0});
    let row = |member: &epoca::protocol::Member| {
        json!({
            "id": member.id.0,
            "address": member.address,
            "kind": member.kind.name(),
            "incarnation": member.incarnation.to_string(),
            "folder": has_its_folder(member, nodes).map(|own| if own { "own" } else { "another" }),
            "since": since,
            "feature_level_max": level_max(member, nodes),
            "feature_level": listed.membership.level.0,
        })
    };
    let json: Value = members.iter().map(row).collect();
    let mut rows = vec![["node", "address", "kind", "incarnation"].map(str::to_owned).to_vec()];
    rows.extend(members.iter().map(|member| {
        let (incarnation, kind) = (member.incarnation.to_string(), member.kind.name().to_owned());
        vec![member.id.to_string(), member.address.clone(), kind, incarnation]
    }));
    let voters = members.iter().filter(|member| member.kind == MemberKind::Voter).count();
    let text = format!(
        "{voters} voters, {} of them are a majority; feature level {}; since {}, says {said}",
        voters / 2 + 1,
        listed.membership.level,
        listed.id
    );
    let older = |member: &&epoca::protocol::Member| {
        level_max(member, nodes).is_some_and(|level| level < FeatureLevel::NEWEST.0)
    };
    let older = members.iter().filter(older).map(|member| {
        let level = level_max(member, nodes).unwrap_or_default();
        format!("{} supports feature levels up to {level}: it runs an older version", member.id)
    });
    let mut lines = table(&rows).into_iter();
    let outcome = Outcome::done(json).lines(Tone::Heading, lines.next());
    let others = members.iter().filter(|member| has_its_folder(member, nodes) == Some(false));
    let others =
        others.map(|member| format!("{} runs with another data folder than this: it counts for nothing", member.id));
    outcome
        .lines(Tone::Result, lines)
        .line(Tone::Note, text)
        .lines(Tone::Note, others)
        .lines(Tone::Note, older)
        .lines(Tone::Error, lost.map(|lost| lost.to_string()))
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{EntryId, Incarnation, Member, Membership, Position};

    use super::*;

    #[test]
    fn the_list_says_what_each_member_is_and_since_when() {
        let voter = |id| Member::voter(NodeId(id), format!("127.0.0.1:710{id}"), Incarnation([id as u8; 16]));
        let mut membership = Membership::founding(vec![voter(1), voter(2), voter(3)]);
        membership.members[2].kind = MemberKind::Joining;
        let outcome = list(&Listed { id: EntryId::new(2, 5), position: Position(9), membership }, NodeId(1), &[], None);
        assert_eq!(outcome.json[2]["kind"], "joining");
        assert_eq!(outcome.json[0]["since"], json!({"epoch": 2, "offset": 5, "position": 9}));
        let texts: Vec<&str> = outcome.lines.iter().map(|line| &line.text[..]).collect();
        assert!(texts[3].contains("127.0.0.1:7103") && texts[3].contains("joining"), "{texts:?}");
        assert_eq!(texts[4], "2 voters, 2 of them are a majority; feature level 2; since e2·o5, says n1");
    }
}
