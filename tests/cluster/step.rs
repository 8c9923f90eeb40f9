//! Step mode on real processes: time stops, every message is held, and the user delivers them one by one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Cluster, Said, epoca, until};

/// A held message.
#[derive(Clone, Debug)]
struct Waiting {
    id: String,
    ends: (u64, u64),
    kind: String,
    contents: String,
}

fn pending(cluster: &Cluster) -> Vec<Waiting> {
    let text = |value: &Value| value.as_str().expect("it is UTF-8").to_owned();
    let number = |value: &Value| value.as_u64().expect("it is a number");
    let one = |message: &Value| Waiting {
        id: text(&message["id"]),
        ends: (number(&message["from"]), number(&message["to"])),
        kind: text(&message["kind"]),
        contents: text(&message["contents"]),
    };
    cluster.json(0, &["fault", "pending"]).as_array().expect("it is a list").iter().map(one).collect()
}

/// Waits until exactly these messages are held, in any order.
#[track_caller]
fn expect(cluster: &Cluster, wanted: &[(u64, u64, &str, &str)]) -> Vec<Waiting> {
    let mut wanted: Vec<_> = wanted
        .iter()
        .map(|(from, to, kind, contents)| ((*from, *to), kind.to_string(), contents.to_string()))
        .collect();
    wanted.sort();
    let mut found = Vec::new();
    until(&format!("{wanted:?} wait"), || {
        found = pending(cluster);
        let mut seen: Vec<_> =
            found.iter().map(|message| (message.ends, message.kind.clone(), message.contents.clone())).collect();
        seen.sort();
        seen == wanted
    });
    found
}

fn deliver(cluster: &Cluster, messages: &[Waiting], ends: (u64, u64)) {
    let message = messages.iter().find(|message| message.ends == ends).expect("it waits");
    cluster.text(0, &["fault", "deliver", &message.id]);
}

/// Delivers every held message until the condition holds.
#[track_caller]
fn deliver_until(cluster: &Cluster, what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || {
        cluster.epoca(&["fault", "deliver"]);
        condition()
    });
}

fn end(cluster: &Cluster, node: usize, what: &str) -> Value {
    let point = &cluster.status()[node - 1][what];
    json!([point["epoch"], point["offset"]])
}

/// A client's write that is pending while `meanwhile` runs.
fn put(cluster: &Cluster, key: &str, meanwhile: impl FnOnce()) -> Said {
    let data = cluster.data().to_str().expect("it is UTF-8").to_owned();
    let key = key.to_owned();
    let write = std::thread::spawn(move || epoca(["put", &key, "1", "--timeout", "60", "--data", &data]));
    meanwhile();
    write.join().expect("it ends")
}

#[test]
fn a_whole_write_is_walked_message_by_message() {
    let cluster = Cluster::start(&["--lab"]);
    let settled = || (1..=4).all(|node| end(&cluster, node, "applied") == json!([1, 0]));
    until("the opening is final everywhere", settled);
    cluster.text(0, &["fault", "step", "on"]);
    assert!(cluster.text(0, &["fault", "list"]).contains("timers are stopped"));
    // Messages in flight arrive first.
    deliver_until(&cluster, "nothing waits", || pending(&cluster).is_empty());

    let said = put(&cluster, "x", || {
        let push = |to| (1, to, "push", "e1·o1 after e1·o0");
        let pushes = expect(&cluster, &[push(2), push(3), push(4)]);
        deliver(&cluster, &pushes, (1, 2));
        let ack = |from| (from, 1, "ack", "up to e1·o1");
        let waiting = expect(&cluster, &[push(3), push(4), ack(2)]);
        deliver(&cluster, &waiting, (2, 1));
        // Two of four have the entry: not yet a quorum.
        expect(&cluster, &[push(3), push(4)]);
        assert_eq!(end(&cluster, 1, "committed"), json!([1, 0]));
        assert_eq!(end(&cluster, 2, "last"), json!([1, 1]));
        deliver(&cluster, &waiting, (1, 3));
        let waiting = expect(&cluster, &[push(4), ack(3)]);
        deliver(&cluster, &waiting, (3, 1));
        let order = |to| (1, to, "commit-order", "up to e1·o1");
        let waiting = expect(&cluster, &[push(4), order(2), order(3), order(4)]);
        assert_eq!(end(&cluster, 1, "committed"), json!([1, 1]));
        assert_eq!(end(&cluster, 2, "committed"), json!([1, 0]), "nothing is final before the order");
        deliver(&cluster, &waiting, (1, 2));
        until("the order makes it final", || end(&cluster, 2, "applied") == json!([1, 1]));
        assert_eq!(end(&cluster, 3, "applied"), json!([1, 0]));
    });
    assert!(said.out.contains("confirmed e1·o1"), "{said:?}");

    cluster.text(0, &["fault", "clear"]);
    until("the rest comes through", || (1..=4).all(|node| end(&cluster, node, "applied") == json!([1, 1])));
}

#[test]
fn a_discarded_commit_order_is_repeated_when_time_continues() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "step", "on"]);
    let said = put(&cluster, "x", || {
        until("orders wait", || {
            let waiting = pending(&cluster);
            for message in waiting.iter().filter(|message| message.kind == "commit-order") {
                cluster.text(0, &["fault", "discard", &message.id]);
            }
            let orders = waiting.iter().filter(|message| message.kind == "commit-order").count();
            if let Some(next) = waiting.iter().find(|message| message.kind != "commit-order") {
                cluster.text(0, &["fault", "deliver", &next.id]);
            }
            orders > 0 && end(&cluster, 1, "committed") == json!([1, 1])
        });
    });
    assert_eq!(said.code, Some(0), "the leader has confirmed it: {said:?}");
    let order = |message: &Waiting| message.kind == "commit-order" && message.contents == "up to e1·o1";
    let discard = || {
        pending(&cluster).iter().filter(|message| order(message)).for_each(|message| {
            cluster.text(0, &["fault", "discard", &message.id]);
        });
    };
    discard();
    assert_eq!(end(&cluster, 2, "applied"), json!([1, 0]));
    // A commit message younger than a heartbeat is not repeated beside it: the second heartbeat carries it.
    until("the leader repeats the order", || {
        cluster.text(0, &["fault", "tick", "1"]);
        pending(&cluster).iter().any(order)
    });
    assert_eq!(end(&cluster, 2, "applied"), json!([1, 0]));
    deliver_until(&cluster, "the order makes it final", || end(&cluster, 2, "applied") == json!([1, 1]));
}

#[test]
fn a_node_killed_in_step_mode_restarts_frozen_without_its_held_messages() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "step", "on", "--all"]);
    cluster.text(0, &["fault", "tick", "1"]);
    until("a heartbeat to each waits", || {
        (2..=4).all(|to| pending(&cluster).iter().any(|message| message.ends == (1, to)))
    });
    cluster.text(0, &["fault", "kill", "3"]);
    assert!(pending(&cluster).iter().all(|message| message.ends.1 != 3), "they waited in its memory");
    assert!(pending(&cluster).iter().any(|message| message.ends == (1, 2)), "the others' stay");
    cluster.text(0, &["fault", "restart", "3"]);
    let node = &cluster.status()[2];
    assert_eq!(node["lab"], json!({"rules": [], "step": true, "pace": 1, "pending": 0, "wrong": null}), "{node}");
    assert_eq!(node["leader"], Value::Null, "it has heard no leader");
    cluster.text(0, &["fault", "tick", "1"]);
    until("a heartbeat for it waits", || pending(&cluster).iter().any(|message| message.ends == (1, 3)));
    assert_eq!(cluster.status()[2]["leader"], Value::Null, "it has still heard no leader");
    cluster.text(0, &["fault", "step", "off"]);
    until("it follows", || cluster.status()[2]["leader"] == 1);
}

#[test]
fn timers_stand_still_in_step_mode_however_long_it_lasts() {
    let cluster = Cluster::start(&["--lab", "--heartbeat", "50", "--election-timeout", "500"]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "step", "on"]);
    let roles = || cluster.status().iter().map(|node| json!([node["role"], node["epoch"]])).collect::<Vec<_>>();
    let before = roles();
    // Without a heartbeat the first node would campaign after a second at the latest.
    let (begun, most) = (Instant::now(), cluster.launched.scale.of(Duration::from_secs(3)));
    let waiting = pending(&cluster).len();
    while begun.elapsed() < most {
        assert_eq!(roles(), before);
    }
    assert!(pending(&cluster).len() <= waiting + 8, "no heartbeat was sent, only messages in flight arrived");
    cluster.text(0, &["fault", "step", "off"]);
    cluster.json(0, &["put", "y", "2"]);
    assert_eq!(roles(), before, "the leader is the same: no node's time has jumped");
}

#[test]
fn a_person_starts_an_election_in_step_mode_and_walks_it() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "step", "on"]);
    deliver_until(&cluster, "nothing waits", || pending(&cluster).is_empty());
    cluster.text(0, &["fault", "tick", "3"]);
    let ask = |to, kind| (3, to, kind, "for e2, last e1·o1");
    let asked = expect(&cluster, &[ask(1, "pre-vote"), ask(2, "pre-vote"), ask(4, "pre-vote")]);
    deliver(&cluster, &asked, (3, 2));
    deliver(&cluster, &asked, (3, 4));
    let yes = |from, kind| (from, 3, kind, "yes for e2");
    let answers = expect(&cluster, &[ask(1, "pre-vote"), yes(2, "pre-vote-answer"), yes(4, "pre-vote-answer")]);
    deliver(&cluster, &answers, (2, 3));
    deliver(&cluster, &answers, (4, 3));
    deliver_until(&cluster, "n3 leads", || cluster.status()[2]["role"] == "leader");
    cluster.text(0, &["fault", "step", "off"]);
    let written = cluster.json(0, &["put", "y", "2"]);
    assert_eq!(written["epoch"], 2, "{written}");
}

#[test]
fn a_message_can_be_delayed_and_doubled_by_hand_and_is_named_by_its_number() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.text(0, &["fault", "step", "on", "--all"]);
    deliver_until(&cluster, "nothing waits", || pending(&cluster).is_empty());
    cluster.text(0, &["fault", "tick", "1"]);
    until("a heartbeat to each waits", || pending(&cluster).len() == 3);
    let to_2 = pending(&cluster).into_iter().find(|message| message.ends == (1, 2)).expect("it waits");
    let number = to_2.id.rsplit('-').next().expect("it ends with its number").to_owned();
    cluster.text(0, &["fault", "duplicate", &number]);
    assert_eq!(pending(&cluster).iter().filter(|message| message.id == to_2.id).count(), 2);
    cluster.text(0, &["fault", "delay-message", &number, "1"]);
    until("one of the two is delivered automatically and answered", || {
        let waiting = pending(&cluster);
        let left = waiting.iter().filter(|message| message.id == to_2.id).count();
        left == 1 && waiting.iter().any(|message| message.ends == (2, 1))
    });
    assert!(cluster.text(1, &["fault", "deliver", "999999"]).contains("no message #999999 waits"));
    let said = cluster.epoca(&["fault", "discard", "1-2-999999", "--output", "json"]);
    assert_eq!((said.code, said.error().0), (Some(1), "no_such_message".to_owned()));
}

#[test]
fn step_mode_delivers_by_itself_what_changes_nothing_and_keeps_what_does() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    until("every node has it", || (1..=4).all(|node| end(&cluster, node, "applied") == json!([1, 1])));
    cluster.text(0, &["fault", "step", "on"]);
    deliver_until(&cluster, "nothing waits", || pending(&cluster).is_empty());
    cluster.text(0, &["fault", "tick", "1"]);
    // The acks of the heartbeats that confirm the read are delivered automatically, too.
    assert_eq!(cluster.json(0, &["get", "x"])["value"], "1");
    assert!(pending(&cluster).is_empty(), "heartbeats and their answers change nothing");
    // A node that has heard no leader yet follows this one from its first heartbeat on: that heartbeat is held.
    cluster.text(0, &["fault", "restart", "3"]);
    cluster.text(0, &["fault", "tick", "1"]);
    let heartbeat = |message: &Waiting| message.ends == (1, 3) && message.kind == "heartbeat";
    until("the heartbeat for n3 waits", || pending(&cluster).iter().any(heartbeat));
    assert!(pending(&cluster).iter().all(|message| message.ends == (1, 3)), "{:?}", pending(&cluster));
    cluster.text(0, &["fault", "step", "off"]);
}

/// As after a console that was killed: no client is left to deliver, and the nodes notice it only by the deadline.
#[test]
fn what_gets_no_answer_in_step_mode_names_what_ends_it() {
    let cluster = Cluster::start(&["--lab"]);
    cluster.json(0, &["put", "x", "1"]);
    cluster.text(0, &["fault", "step", "on", "--all"]);
    for (words, code) in
        [(&["put", "x", "2"][..], 3), (&["get", "x"], 4), (&["list"], 4), (&["member", "remove", "4"], 3)]
    {
        let addresses = cluster.addresses().join(",");
        let elsewhere = cluster.data().join("elsewhere").into_os_string().into_string().expect("it is UTF-8");
        let hurried = ["--timeout", "2", "--connect", &addresses, "--data", &elsewhere];
        let said = epoca([words, &hurried].concat());
        assert_eq!(said.code, Some(code), "{words:?}: {said:?}");
        assert!(said.err.contains("step mode") && said.err.contains("fault step off"), "{words:?}: {said:?}");
    }
    cluster.text(0, &["fault", "step", "off"]);
    until("reads are answered again", || cluster.epoca(&["get", "x"]).code == Some(0));
}
