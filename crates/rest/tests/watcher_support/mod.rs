//! Runs a table of scenarios against a server in this process.

mod expectation;
mod http_client;
mod world;

use watchbell_json::Json;

use self::expectation::mismatch;
pub(crate) use self::world::World;

/// Runs every scenario of a table; all are run before the first failure is told.
pub(crate) fn run_table(name: &str, text: &str) {
    let table = Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{name}.json: {error}"));
    let scenarios = table.as_list().expect("a table is a list");
    assert!(!scenarios.is_empty(), "{name}.json is empty");
    let failures: Vec<String> = scenarios.iter().filter_map(|scenario| run_scenario(scenario).err()).collect();
    assert!(failures.is_empty(), "{name}.json, {} of {} scenarios:\n\n{}", failures.len(), scenarios.len(), failures.join("\n\n"));
}

fn run_scenario(scenario: &Json) -> Result<(), String> {
    let name = scenario.get("name").and_then(Json::as_str).expect("a scenario has a name");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(scenario).await;
        let steps = scenario.get("steps").and_then(Json::as_list).expect("a scenario has steps");
        for (at, step) in steps.iter().enumerate() {
            run_step(&world, step).await.map_err(|reason| format!("{name}, step {}: {step}\n{reason}", at + 1))?;
        }
        Ok(())
    })
}

async fn run_step(world: &World, step: &Json) -> Result<(), String> {
    if let Some(seconds) = step.get("advance_seconds") {
        world.advance(u64::try_from(seconds.as_i64().expect("whole seconds")).unwrap()).await;
        return Ok(());
    }
    if let Some(expected) = step.get("sent") {
        return mismatch(expected, &world.sent()).map_or(Ok(()), Err);
    }
    let answer = world.request(step).await;
    let mut wrong = Vec::new();
    let status = step.get("status").and_then(Json::as_i64).expect("a request says its status");
    if i64::from(answer.status) != status {
        wrong.push(format!("status {} instead of {status}", answer.status));
    }
    if let Some(expected) = step.get("answer") {
        wrong.extend(mismatch(expected, &answer.json()));
    }
    if let Some(Json::Map(headers)) = step.get("answer_headers") {
        for (name, expected) in headers.iter() {
            let found: Json = answer.headers(name).into_iter().collect();
            wrong.extend(mismatch(expected, &found).map(|reason| format!("header {name}: {reason}")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\nanswer: {}", wrong.join("\n"), answer.text())) }
}
