//! The program itself: odd arguments and a corrupt `cluster.json` end with an error text and a code, never with a
//! panic.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output, Stdio};

use bolero::check;
use epoca::cluster::Description;

use crate::spoil::spoil;

/// The exit code of a program that panicked.
const PANICKED: i32 = 101;

fn epoca<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_epoca"));
    command.args(arguments).env_remove("EPOCA_CONNECT").stdin(Stdio::null());
    command.output().expect("it starts")
}

#[track_caller]
fn ends_with_a_word(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().expect("no signal ended it");
    assert!(code != PANICKED && !text.contains("panicked"), "{text}");
    assert!(code == 0 || !text.is_empty() || !output.stdout.is_empty(), "it failed with {code} and no word");
}

#[test]
fn odd_arguments_are_refused_with_a_text() {
    let nowhere = tempfile::tempdir().expect("a temporary folder");
    let data = nowhere.path().as_os_str();
    let no_text = OsString::from_vec(vec![0xff, 0xfe, b'x']);
    let long = OsString::from("9".repeat(100_000));
    let words =
        ["put", "get", "delete", "list", "status", "log", "fault", "inspect", "bench", "node", "verify", "--", "-", ""];
    for word in words {
        for odd in [&no_text, &long, &OsString::from("--node=99999999999999999999"), &OsString::from("\u{202e}'\"\\{}")]
        {
            let arguments = [OsStr::new(word), odd, OsStr::new("--data"), data];
            let output = epoca(&arguments);
            ends_with_a_word(&output);
            assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        }
    }
}

#[test]
fn a_corrupt_description_of_a_cluster_is_refused_with_a_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = r#"{"format":1,"launcher":{"pid":1,"address":"127.0.0.1:1"},
        "cluster":"0123456789abcdef0123456789abcdef","lab":true,"nodes":[
        {"id":1,"address":"127.0.0.1:1","data":"n1"},{"id":2,"address":"127.0.0.1:1","data":"n2"}]}"#;
    let odd = [
        whole.replace("127.0.0.1:1", "\u{0} :: http://[::::]/?"),
        whole.replace("\"id\":2", "\"id\":1"),
        whole.replace("\"id\":1", "\"id\":18446744073709551615"),
        whole.replace("0123456789abcdef", "ééééééééé"),
        whole.replace("127.0.0.1:1", &"1".repeat(100_000)),
        "[".repeat(100_000),
        String::new(),
    ];
    let samples: Vec<Vec<u8>> = odd.iter().map(|text| text.clone().into_bytes()).chain([whole.into()]).collect();
    for sample in &samples {
        fs::write(folder.path().join("cluster.json"), sample).expect("it can be written");
        let output = epoca(&[OsStr::new("status"), OsStr::new("--data"), folder.path().as_os_str()]);
        ends_with_a_word(&output);
    }
    check!().with_iterations(3_000).for_each(|input: &[u8]| {
        fs::write(folder.path().join("cluster.json"), spoil(input, &samples)).expect("it can be written");
        match Description::read(folder.path()) {
            Ok(found) => {
                let found = found.expect("the file is there");
                assert!(found.cluster_bytes().is_none_or(|bytes| bytes.len() == 16));
                assert_eq!(found.addresses().len(), found.nodes.len());
            }
            Err(refusal) => assert!(refusal.contains("cluster.json"), "{refusal}"),
        }
    });
}
