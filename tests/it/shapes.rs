//! Journeys, histories and a trace, against one process and against five.

use plaza_testkit::{Sandbox, Shape};

use crate::trace::Collector;
use crate::{feeds_model, journeys, trace};

macro_rules! in_both_shapes {
    ($($journey:ident),* $(,)?) => {
        mod one_process {
            use super::*;
            $(#[tokio::test] async fn $journey() {
                journeys::$journey(Sandbox::start(Shape::OneProcess).await).await;
            })*
        }
        mod a_process_each {
            use super::*;
            $(#[tokio::test] async fn $journey() {
                journeys::$journey(Sandbox::start(Shape::ProcessEach).await).await;
            })*
        }
    };
}

crate::each_journey!(in_both_shapes);

async fn homes_are_what_the_model_says(shape: Shape) {
    feeds_model::homes_are_what_the_model_says(Sandbox::start_with(shape, feeds_model::SETTINGS).await).await;
}

#[tokio::test]
async fn homes_are_what_the_model_says_in_one_process() {
    homes_are_what_the_model_says(Shape::OneProcess).await;
}

#[tokio::test]
async fn homes_are_what_the_model_says_in_a_process_each() {
    homes_are_what_the_model_says(Shape::ProcessEach).await;
}

async fn a_post_is_one_trace(shape: Shape) {
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let sandbox = Sandbox::start_with(shape, &[("PLAZA_OTLP_ENDPOINT", &endpoint)]).await;
    trace::a_post_is_one_trace_down_to_the_feeds(collector, sandbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_one_trace_in_one_process() {
    a_post_is_one_trace(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_one_trace_in_a_process_each() {
    a_post_is_one_trace(Shape::ProcessEach).await;
}
