//! What the demo says to try.

use std::fmt;
use std::path::Path;

use crate::config::Service;
use crate::load::{Filled, Target};
use crate::people::{PASSWORD, Plan, person};

/// A short story with commands to copy.
pub(super) struct Story {
    target: Target,
    counts: [u64; 4],
    /// Who to sign in as: the first person.
    me: String,
    following: usize,
    followers: u32,
    /// Somebody that `me` does not follow.
    other: Option<(String, i64)>,
}

impl Story {
    /// The story of a platform at `target` that was filled by `plan`.
    pub(super) fn new(plan: &Plan, filled: &Filled, target: &Target) -> Self {
        let follows = plan.follows();
        let followers = follows.follower_counts();
        let me = 0;
        let stranger = |n: &u32| *n != me && follows.of(me).binary_search(n).is_err();
        let other = (0..follows.people()).filter(stranger).max_by_key(|n| followers[*n as usize]);
        let account = |n: u32| filled.actors.get(n as usize).map(|actor| (person(n).handle, actor.account.get()));
        Self {
            target: target.clone(),
            counts: [u64::from(follows.people()), follows.count(), plan.posts(), plan.likes()],
            me: person(me).handle,
            following: follows.of(me).len(),
            followers: followers.get(me as usize).copied().unwrap_or_default(),
            other: other.and_then(account),
        }
    }

    fn call(&self, data: &str, service: Service, method: &str) -> String {
        let (address, name) = (self.target.host(service), service.full_name());
        format!("grpcurl -plaintext -H \"authorization: Bearer $TOKEN\" -d '{data}' {address} {name}/{method}")
    }
}

/// A shell function that makes a new UUID with what every system of the kind has.
fn uuid_function() -> &'static str {
    const KERNEL: &str = "/proc/sys/kernel/random/uuid";
    if Path::new(KERNEL).exists() { "uuid() { cat /proc/sys/kernel/random/uuid; }" } else { "uuid() { uuidgen; }" }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, me, .. } = self;
        let [people, follows, posts, likes] = self.counts;
        writeln!(f, "\n{people} people, {follows} follows, {posts} posts and {likes} likes are on Plaza at {target}.")?;
        writeln!(f, "You are {me}, who follows {} and has {} followers.", self.following, self.followers)?;
        writeln!(f, "Everybody's password is {PASSWORD}; the people are made up. Copy, paste, look:\n")?;
        writeln!(f, "# Sign in. The token is good for 10 minutes; each new request has a UUID of its own.")?;
        writeln!(f, "{}", uuid_function())?;
        writeln!(
            f,
            "TOKEN=$(grpcurl -plaintext -d '{{\"request_id\": \"'$(uuid)'\", \"login\": \"{me}\", \"password\": \
             \"{PASSWORD}\"}}' {} plaza.sessions.v1.SessionsService/SignIn | sed -n 's/.*\"accessToken\": \
             \"\\(.*\\)\".*/\\1/p')\n",
            target.host(Service::Sessions)
        )?;
        writeln!(f, "# Read your home feed.")?;
        writeln!(f, "{}\n", self.call("{\"page_size\": 3}", Service::Feeds, "GetHomeFeed"))?;
        writeln!(f, "# Watch it live, in another terminal (set TOKEN there too).")?;
        writeln!(f, "{}\n", self.call("{}", Service::Feeds, "StreamHomeFeed"))?;
        writeln!(f, "# Publish a post.")?;
        let post = "{\"request_id\": \"'$(uuid)'\", \"text\": \"Hello, #plaza\"}";
        writeln!(f, "{}\n", self.call(post, Service::Posts, "CreatePost"))?;
        if let Some((handle, id)) = &self.other {
            writeln!(f, "# Follow {handle}, then read your home feed again.")?;
            let follow = format!("{{\"request_id\": \"'$(uuid)'\", \"account_id\": \"{id}\"}}");
            writeln!(f, "{}\n", self.call(&follow, Service::Graph, "Follow"))?;
        }
        writeln!(f, "# Get it wrong, and see which fields are to blame.")?;
        writeln!(f, "{}\n", self.call("{\"request_id\": \"1\"}", Service::Posts, "CreatePost"))?;
        writeln!(f, "# What else there is.")?;
        writeln!(f, "grpcurl -plaintext {} list\n", target.host(Service::Feeds))
    }
}
