//! The model gateway in an emulator: what a test asks of it without a socket.

use offhook_sim::serve::{Emulator, EmulatorOptions};
use serde_json::{Value, json};

#[test]
fn an_emulator_makes_users_of_the_gateway_and_places_calls_to_them() {
    let emulator = Emulator::start(EmulatorOptions::default()).unwrap();
    let (user, password) = emulator.add_gateway_user("alice", Some("pw")).unwrap();
    assert_eq!((&*user, &*password), ("alice@example.com", "pw"));
    let (other, drawn) = emulator.add_gateway_user("bob@lab.test", None).unwrap();
    assert!(other == "bob@lab.test" && drawn.len() >= 8, "{other}, {drawn}");
    let users = emulator.control("GET", "ribbon/users", &Value::Null).unwrap();
    assert_eq!(users.as_array().unwrap().len(), 2);
    // Nobody is there to be called.
    let call = emulator.control("POST", "ribbon/calls", &json!({"to": user})).unwrap();
    assert_eq!((&call["state"], &call["reason"]["statusCode"]), (&json!("ended"), &json!(480)));
    let id = call["id"].as_str().unwrap();
    let media = emulator.control("GET", &format!("ribbon/calls/{id}/media"), &Value::Null).unwrap();
    assert_eq!(media["connectionState"], "new");
    assert!(emulator.far_end(id).is_some());
    assert_eq!(emulator.add_gateway_user(&"x".repeat(300), None), None, "no such name");
    emulator.shutdown();
}
