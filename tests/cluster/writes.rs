//! `cas`, `batch` and `watch` on the command line.

use serde_json::{Value, json};

use crate::support::{Cluster, epoca_with_input};

#[test]
fn a_compare_and_set_is_done_or_says_what_is_there() {
    let cluster = Cluster::start(&[]);
    let done = cluster.json(0, &["cas", "x", "--absent", "1"]);
    assert_eq!((&done["done"], &done["revision"]), (&json!(true), &json!(1)));
    let not = cluster.json(1, &["cas", "x", "--absent", "2"]);
    assert_eq!(not, json!({"done": false, "found": true, "value": "1", "revision": 1}));
    cluster.json(0, &["cas", "x", "--expect", "1", "2"]);
    let text = cluster.text(1, &["cas", "x", "--expect", "1", "3"]);
    assert!(text.contains("x is 2 (revision 2)"), "{text}");
    assert_eq!(cluster.json(0, &["cas", "x", "--revision", "2", "3"])["revision"], json!(3));
    let nothing = cluster.json(1, &["cas", "y", "--revision", "3", "1"]);
    assert_eq!(nothing, json!({"done": false, "found": false, "value": null, "revision": null}));
    assert_eq!(cluster.json(0, &["get", "x"])["value"], json!("3"));
    // Exactly one expectation is required.
    cluster.json(2, &["cas", "x", "4"]);
    cluster.json(2, &["cas", "x", "--absent", "--expect", "3", "4"]);
}

#[test]
fn a_batch_is_all_or_nothing_from_arguments_or_standard_input() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "old", "1"]);
    let done = cluster.json(0, &["batch", "put a 1", "put 'b c'=2", "delete old"]);
    assert_eq!((&done["changes"], &done["revision"]), (&json!(3), &json!(4)));
    assert_eq!(cluster.json(1, &["get", "old"])["found"], json!(false));
    assert_eq!(cluster.json(0, &["get", "b c"])["value"], json!("2"));
    let refused = cluster.json(2, &["batch", "put a 2", "get a"]);
    assert!(refused["error"]["message"].as_str().is_some_and(|text| text.contains("change 2")), "{refused}");
    assert_eq!(cluster.json(0, &["get", "a"])["value"], json!("1"), "nothing of it was done");

    let data = cluster.data();
    let arguments = ["batch", "-", "--output", "json", "--data", data.to_str().expect("a path")];
    let said = epoca_with_input(arguments, b"put a 3\n\ndelete 'b c'\n");
    assert_eq!((said.code, said.json()["changes"].clone()), (Some(0), json!(2)), "{said:?}");
    assert_eq!(cluster.json(0, &["get", "a"])["value"], json!("3"));
    assert_eq!(cluster.json(1, &["batch", "put a ''", "put '' 1"])["error"]["code"], json!("empty_key"));
}

#[test]
fn a_watch_shows_changes_line_by_line() {
    let cluster = Cluster::start(&[]);
    cluster.json(0, &["put", "a/1", "x"]);
    cluster.json(0, &["put", "b", "y"]);
    cluster.json(0, &["delete", "a/1"]);
    let text = cluster.text(0, &["watch", "--from", "1", "--count", "3"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines, ["revision 1  a/1=x  e1·o1", "revision 2  b=y  e1·o2", "revision 3  delete a/1  e1·o3"]);
    let said = cluster.epoca(&["watch", "a/", "--from", "1", "--count", "2", "--output", "json"]);
    let objects: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let change =
        |revision, value| json!({"revision": revision, "key": "a/1", "value": value, "epoch": 1, "offset": revision});
    assert_eq!(objects, [change(1, json!("x")), change(3, Value::Null)]);
}
