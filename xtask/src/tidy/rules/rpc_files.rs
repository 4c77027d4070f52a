//! Each RPC of a service has a file of its name, and a test of its name.

use crate::tidy::Violation;
use crate::tidy::source::{functions, is_word};
use crate::tidy::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for service in tree.services() {
        let protos = || tree.under(&format!("proto/plaza/{service}/v1"));
        let all: Vec<String> = protos().flat_map(rpcs).map(|(_, rpc)| rpc).collect();
        for proto in protos() {
            for (line, rpc) in rpcs(proto) {
                let handler = format!("services/{service}/src/api/{rpc}.rs");
                if tree.get(&handler).is_none() {
                    let remedy = format!("write its handler in {handler}");
                    found.push(Violation::new(&proto.path, line, format!("RPC {rpc} has no file"), remedy));
                }
                if !is_tested(tree, service, &rpc, &all) {
                    let remedy = format!("name a test or a test file after it in services/{service}/tests/it");
                    found.push(Violation::new(&proto.path, line, format!("RPC {rpc} has no test"), remedy));
                }
            }
        }
    }
    found
}

/// The RPCs of a .proto file with their lines, in snake case.
fn rpcs(proto: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in proto.text.lines().enumerate() {
        if let Some(rest) = line.trim_start().strip_prefix("rpc ") {
            let name: String = rest.trim_start().chars().take_while(|c| is_word(*c)).collect();
            found.push((at + 1, snake(&name)));
        }
    }
    found
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    // Runs of capitals are one word: GetJWKS is get_jwks.
    let parts: Vec<&str> = snake.split('_').collect();
    let mut joined = String::new();
    for (at, part) in parts.iter().enumerate() {
        let in_run = at > 0 && part.len() == 1 && parts[at - 1].len() == 1;
        if at > 0 && !in_run {
            joined.push('_');
        }
        joined.push_str(part);
    }
    joined
}

fn is_tested(tree: &Tree, service: &str, rpc: &str, all: &[String]) -> bool {
    let handler = format!("services/{service}/src/api/{rpc}.rs");
    let in_tests = |file: &File| functions(&file.code).iter().any(|f| f.is_test && names(&f.name, rpc, all));
    let mut tests = tree.under(&format!("services/{service}/tests/it")).filter(|file| file.is_rust());
    tests.any(|file| names(file.name(), rpc, all) || in_tests(file)) || tree.get(&handler).is_some_and(in_tests)
}

/// Whether a name has the RPC's in it, and not only as a part of another's: `unfollow_twice` does not name `follow`.
fn names(name: &str, rpc: &str, all: &[String]) -> bool {
    let longer = all.iter().filter(|other| other.len() > rpc.len() && other.contains(rpc));
    longer.fold(name.to_owned(), |name, other| name.replace(other.as_str(), "")).contains(rpc)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: (&str, &str) = (
        "proto/plaza/posts/v1/posts.proto",
        "service PostsService {\n  rpc CreatePost(CreatePostRequest) returns (CreatePostResponse);\n}\n",
    );
    const HANDLER: (&str, &str) = ("services/posts/src/api/create_post.rs", "async fn create_post() {}\n");

    #[test]
    fn a_test_of_its_name_may_stand_in_three_places() {
        let tests = [
            ("services/posts/tests/it/create_post.rs", "#[test]\nfn works() {}\n"),
            ("services/posts/tests/it/posts.rs", "#[tokio::test]\nasync fn create_post_works() {}\n"),
        ];
        for test in tests {
            assert_eq!(check(&Tree::of(&[PROTO, HANDLER, test])), [], "{test:?}");
        }
        let inside = (HANDLER.0, "fn create_post() {}\n#[test]\nfn create_post_refuses() {}\n");
        assert_eq!(check(&Tree::of(&[PROTO, inside])), []);
    }

    #[test]
    fn a_missing_file_and_a_missing_test_are_found() {
        let helper = ("services/posts/tests/it/support.rs", "fn create_post() {}\n");
        assert_eq!(check(&Tree::of(&[PROTO, HANDLER, helper])).len(), 1);
        assert_eq!(check(&Tree::of(&[PROTO, helper])).len(), 2);
    }

    #[test]
    fn the_test_of_a_longer_name_is_not_enough() {
        let all = ["follow", "unfollow", "list_followers"].map(str::to_owned);
        assert!(!names("unfollow_twice", "follow", &all) && !names("list_followers_pages", "follow", &all));
        assert!(names("unfollow_after_follow", "follow", &all));
    }

    #[test]
    fn names_turn_into_snake_case() {
        for (name, expected) in [("CreatePost", "create_post"), ("GetJWKS", "get_jwks"), ("Get", "get")] {
            assert_eq!(snake(name), expected);
        }
    }
}
