//! `cargo xtask proto`: the .proto files keep their style and break no client.

use crate::Outcome;
use crate::process::{command, output, run, succeeds};

pub(crate) fn verb(against: Option<&str>) -> Outcome {
    if !succeeds(&mut command("buf", &["--version"])) {
        return Err("buf is not on the PATH: install it with `pip install buf-bin`, or run .ci/run, which does".into());
    }
    println!("buf lint proto");
    run(&mut command("buf", &["lint", "proto"]))?;
    match base(against)? {
        Base::Commit(commit) => {
            println!("buf breaking proto, against {commit}");
            let input = format!("{}#ref={commit},subdir=proto", git(&["rev-parse", "--git-common-dir"])?);
            run(&mut command("buf", &["breaking", "proto", "--against", &input]))
        }
        Base::None(why) => {
            println!("SKIPPED buf breaking: {why}");
            Ok(())
        }
    }
}

/// What the .proto files are compared with.
enum Base {
    Commit(String),
    None(&'static str),
}

/// The ref that was asked for; else the merge base with main; on main itself, the commit before, or with changes not
/// committed yet, the last one.
fn base(against: Option<&str>) -> Outcome<Base> {
    if git(&["rev-parse", "--is-shallow-repository"])? == "true" {
        return Ok(Base::None("the clone is shallow; fetch the history to compare with it"));
    }
    let commit = match against {
        Some(named) => resolve(named).ok_or_else(|| format!("git knows no commit `{named}`"))?,
        None => match merge_base() {
            Some(commit) => commit,
            None => return Ok(Base::None("there is no earlier commit")),
        },
    };
    if !succeeds(&mut command("git", &["cat-file", "-e", &format!("{commit}:proto/plaza")])) {
        return Ok(Base::None("the earlier commit has no .proto files"));
    }
    Ok(Base::Commit(commit))
}

fn merge_base() -> Option<String> {
    let head = resolve("HEAD")?;
    let main = ["origin/main", "main"].into_iter().find_map(resolve);
    let shared = main.and_then(|main| git(&["merge-base", "HEAD", &main]).ok());
    let changed = !succeeds(&mut command("git", &["diff", "--quiet", "HEAD", "--", "proto"]));
    match shared {
        Some(base) if base != head || changed => Some(base),
        _ => resolve("HEAD^"),
    }
}

fn resolve(name: &str) -> Option<String> {
    git(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).ok()
}

fn git(args: &[&str]) -> Outcome<String> {
    output(&mut command("git", args))
}
