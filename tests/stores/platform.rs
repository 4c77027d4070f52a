//! Journeys, histories and a trace on the real stores, one after the other on the same servers.

use plaza_testkit::{Backends, Sandbox};

use crate::trace::Collector;
use crate::{feeds_model, journeys, trace};

macro_rules! all_on {
    ($($journey:ident),* $(,)?) => {
        async fn all_on(backends: &Backends) {
            $(
                eprintln!("{}", stringify!($journey));
                journeys::$journey(Sandbox::cluster(backends, &[]).await).await;
            )*
        }
    };
}

crate::each_journey!(all_on);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn journeys_histories_and_a_trace_on_the_real_stores() {
    let Some(backends) = Backends::start().await else { return };
    all_on(&backends).await;
    let sandbox = Sandbox::cluster(&backends, feeds_model::SETTINGS).await;
    feeds_model::homes_are_what_the_model_says(sandbox).await;
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let sandbox = Sandbox::cluster(&backends, &[("PLAZA_OTLP_ENDPOINT", &endpoint)]).await;
    trace::a_post_is_one_trace_down_to_the_feeds(collector, sandbox).await;
}
