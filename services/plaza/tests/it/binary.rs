//! The real program.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

fn plaza(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plaza"));
    // Variables of whoever runs the tests must not reach the program.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PLAZA_")) {
        command.env_remove(name);
    }
    command.args(words).env_remove("RUST_LOG").kill_on_drop(true).stdin(Stdio::null());
    command
}

async fn ended(words: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        timeout(PATIENCE, plaza(words).output()).await.expect("an end in time").expect("plaza runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// Starts `plaza up` and gives the address of its gRPC port.
async fn up(data_dir: &Path) -> (Child, String) {
    let mut command =
        plaza(&["up", "--grpc-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0", "--log", "error"]);
    command.arg("--data-dir").arg(data_dir).args(["--set", "accounts.insecure_fast_hash=true"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("plaza starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.expect("ready in time").expect("text").expect("a line");
    let address = line.strip_prefix("ready: grpc=").and_then(|rest| rest.split(' ').next()).expect("an address");
    (child, format!("http://{address}"))
}

async fn terminate(mut child: Child) -> Option<i32> {
    let pid = child.id().expect("a running process").to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill").success());
    timeout(Duration::from_secs(10), child.wait()).await.expect("an end within 10 s").expect("a status").code()
}

#[tokio::test]
async fn sigterm_ends_it_with_0_and_operators_and_seeds_reach_it_before() {
    let folder = tempfile::tempdir().unwrap();
    let (child, target) = up(folder.path()).await;
    let data = folder.path().to_str().unwrap();
    let sizes = ["--people", "5", "--posts", "8", "--likes", "4"];
    let (code, told, _) = ended(&[&["seed", "--target", &target], &sizes[..]].concat()).await;
    assert_eq!(code, Some(0));
    assert!(told.starts_with("5 people, ") && told.contains(" 8 posts, 4 likes in "), "{told}");
    let admin = ["--target", &target, "--data-dir", data];
    let (code, told, _) = ended(&[&["projections"], &admin[..]].concat()).await;
    assert_eq!(code, Some(0));
    assert!(told.lines().any(|line| line.starts_with("home-feeds ") && line.ends_with("follows")), "{told}");
    let (code, told, _) = ended(&[&["rebuild", "home-feeds"], &admin[..]].concat()).await;
    assert_eq!((code, told.contains("keys rebuilt")), (Some(0), true), "{told}");
    let (code, told, _) = ended(&[&["audit", "home-feeds"], &admin[..]].concat()).await;
    assert_eq!((code, told.contains(" 0 drifted")), (Some(0), true), "{told}");
    let (code, told, _) = ended(&[&["dlq", "list"], &admin[..]].concat()).await;
    assert_eq!((code, told.as_str()), (Some(0), "0 dead letters\n"));
    let (code, _, told) = ended(&[&["rebuild", "nothing"], &admin[..]].concat()).await;
    assert_eq!((code, told.contains("no such projection")), (Some(1), true), "{told}");
    assert_eq!(terminate(child).await, Some(0));
    let (code, told, _) = ended(&["migrate", "--data-dir", data]).await;
    assert_eq!((code, told.contains("are at version")), (Some(0), true), "{told}");
}

#[tokio::test]
async fn an_operator_without_the_secret_is_refused() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (child, target) = up(folder.path()).await;
    std::fs::write(other.path().join("secret.key"), "ab".repeat(32)).unwrap();
    let words = ["projections", "--target", &target, "--data-dir", other.path().to_str().unwrap()];
    let (code, _, told) = ended(&words).await;
    assert_eq!((code, told.contains("has another secret")), (Some(1), true), "{told}");
    assert_eq!(terminate(child).await, Some(0));
    let (code, _, told) = ended(&words).await;
    assert_eq!((code, told.contains("nobody answers at")), (Some(1), true), "{told}");
}

#[tokio::test]
async fn a_demo_ends_after_its_story() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let ports = ["--grpc-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0"];
    let sizes = ["demo", "--exit", "--people", "20", "--posts", "30", "--ready-file", ready.to_str().unwrap()];
    let start = Instant::now();
    let (code, story, _) = ended(&[&sizes[..], &ports[..]].concat()).await;
    assert_eq!(code, Some(0), "{story}");
    assert!(start.elapsed() < PATIENCE);
    for part in ["20 people, ", "SessionsService/SignIn", "StreamHomeFeed", "CreatePost", "Ready after "] {
        assert!(story.contains(part), "{part}: {story}");
    }
    assert!(std::fs::read_to_string(ready).unwrap().starts_with("ready: grpc=127.0.0.1:"));
}

#[tokio::test]
async fn wrong_settings_and_edge_lists_are_refused_by_name() {
    let (code, _, told) = ended(&["up", "--ephemeral", "--set", "feeds.capp=3"]).await;
    assert_eq!((code, told.contains("did you mean `cap`?")), (Some(2), true), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let edges = folder.path().join("x.edges");
    std::fs::write(&edges, "1 2\n3\n").unwrap();
    let (code, _, told) = ended(&["demo", "--edges", edges.to_str().unwrap()]).await;
    assert_eq!((code, told.contains("x.edges: line 2: `3` is not two whole numbers")), (Some(1), true), "{told}");
}
