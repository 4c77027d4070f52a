//! The scenarios of `tests/load` call methods that there are, with requests that they take.

use std::path::Path;

use plaza_testkit::person::request_id;
use prost_reflect::DynamicMessage;
use serde_json::Value;

#[test]
fn every_scenario_calls_a_method_with_a_request_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("load");
    let pool = plaza_proto::pool();
    let mut calls = 0;
    for entry in std::fs::read_dir(&folder).expect("the scenarios").flatten() {
        if entry.path().extension().is_none_or(|it| it != "json") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a scenario");
        let scenario: Value = serde_json::from_str(&text).expect("JSON");
        let Some(call) = scenario["call"].as_str() else { continue };
        let (service, method) = call.rsplit_once('.').expect("a method");
        let service = pool.get_service_by_name(service).unwrap_or_else(|| panic!("there is no {service}"));
        let method = service.methods().find(|it| it.name() == method).unwrap_or_else(|| panic!("there is no {call}"));
        let data = scenario["data"].to_string().replace("@uuid", &request_id()).replace("@account", "1");
        let request: Value = serde_json::from_str(&data).expect("JSON");
        DynamicMessage::deserialize(method.input(), request).unwrap_or_else(|error| panic!("{call}: {error}"));
        calls += 1;
    }
    assert!(calls >= 4, "there are {calls} scenarios with a call");
}
