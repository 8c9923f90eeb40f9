//! `member list`, `add`, `remove` and `promote`: the members of the cluster.

use epoca::client::{Client, ClientError, DisksLost, NodeStatus, Refusal, Written};
use epoca::protocol::{FeatureLevel, Listed, Member as ListedMember, MemberKind, NodeId};
use serde_json::{Value, json};

use super::execute::answered;
use super::grammar::Member;
use super::messages;
use super::outcome::{Outcome, Tone};
use super::table::Table;
use crate::lang::{Lang, Localized};
use crate::words;

pub async fn run(member: &Member, client: &Client) -> Result<Outcome, ClientError> {
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
            Ok(changed(messages::member_added(node, *learner), node, written))
        }
        Member::Add { address: None, learner } => Ok(answered(&client.grow(*learner).await?)),
        Member::Remove { node } => match client.shrink(node.0).await? {
            Some(done) => Ok(answered(&done)),
            None => {
                let written = client.remove_member(node.0).await?;
                Ok(changed(messages::member_removed(node.0), node.0, written))
            }
        },
        Member::Promote { node } => {
            let written = client.promote_member(node.0).await?;
            Ok(changed(messages::member_promoted(node.0), node.0, written))
        }
    }
}

/// A change of the member list, with the entry of the new list if there is one.
fn changed(change: Localized, node: NodeId, written: Option<Written>) -> Outcome {
    let json = json!({
        "message": change.to(Lang::English),
        "id": node.0,
        "epoch": written.map(|written| written.id.epoch.0),
        "offset": written.map(|written| written.id.offset.0),
        "position": written.map(|written| written.position.0),
    });
    let text = match written {
        Some(written) => messages::since(&change, written.id, written.position),
        None => messages::as_before(&change),
    };
    Outcome::done(json).line(Tone::Result, text)
}

/// Whether a node runs with the data folder in the list. `None`: it does not answer.
fn has_its_folder(member: &ListedMember, nodes: &[NodeStatus]) -> Option<bool> {
    let reported = nodes.iter().find(|node| node.id == member.id)?.reported.as_ref().ok()?;
    Some(reported.incarnation? == member.incarnation)
}

/// The highest feature level that a node supports. `None` if it does not answer.
fn level_max(member: &ListedMember, nodes: &[NodeStatus]) -> Option<u32> {
    Some(nodes.iter().find(|node| node.id == member.id)?.reported.as_ref().ok()?.level_max.0)
}

fn list(listed: &Listed, reported_by: NodeId, nodes: &[NodeStatus], lost: Option<DisksLost>) -> Outcome {
    let members = &listed.membership.members;
    let since = json!({"epoch": listed.id.epoch.0, "offset": listed.id.offset.0, "position": listed.position.0});
    let member_json = |member: &ListedMember| {
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
    let json: Value = members.iter().map(member_json).collect();
    let heads = [messages::NODE, messages::ADDRESS, messages::KIND, messages::INCARNATION];
    let table = Table::with_heads(&heads).rows(members.iter().map(|member| {
        let kind = messages::member_kind(member.kind.name());
        [member.id.to_string().into(), member.address.as_str().into(), kind, member.incarnation.to_string().into()]
    }));
    let voters = members.iter().filter(|member| member.kind == MemberKind::Voter).count();
    let others = members.iter().filter(|member| has_its_folder(member, nodes) == Some(false));
    let older = members.iter().filter_map(|member| {
        let level = level_max(member, nodes).filter(|level| *level < FeatureLevel::NEWEST.0)?;
        Some(messages::older_version(member.id, level))
    });
    Outcome::done(json)
        .table(&table)
        .line(Tone::Note, messages::majority_of(voters, listed.membership.level, listed.id, reported_by))
        .lines(Tone::Note, others.map(|member| messages::other_folder(member.id)))
        .lines(Tone::Note, older)
        .lines(Tone::Error, lost.map(|lost| words::disks_lost(&lost)))
}

#[cfg(test)]
mod tests {
    use epoca::protocol::{EntryId, Incarnation, Membership, Position};

    use super::*;

    #[test]
    fn the_list_has_the_kind_of_each_member_and_since_when_it_holds() {
        let voter = |id| ListedMember::voter(NodeId(id), format!("127.0.0.1:710{id}"), Incarnation([id as u8; 16]));
        let mut membership = Membership::founding(vec![voter(1), voter(2), voter(3)]);
        membership.members[2].kind = MemberKind::Joining;
        let outcome = list(&Listed { id: EntryId::new(2, 5), position: Position(9), membership }, NodeId(1), &[], None);
        assert_eq!(outcome.json[2]["kind"], "joining");
        assert_eq!(outcome.json[0]["since"], json!({"epoch": 2, "offset": 5, "position": 9}));
        let texts = |lang| outcome.lines.iter().map(|line| line.text.to(lang)).collect::<Vec<_>>();
        let english = texts(Lang::English);
        assert!(english[3].contains("127.0.0.1:7103") && english[3].contains("joining"), "{english:?}");
        assert_eq!(english[4], "voters: 2, majority: 2; feature level 2; since e2·o5, according to n1");
        let portuguese = texts(Lang::Portuguese);
        assert!(portuguese[0].starts_with("nó  endereço") && portuguese[3].contains("entrando"), "{portuguese:?}");
    }
}
