//! All ten requests at once need ten connections.

use std::process::ExitCode;

use exercises::session::{self, new_client};
use reqwest::Client;

async fn two_rounds(in_turn: String, at_once: String) {
    let client = new_client();
    let mut handles = Vec::new();
    for _ in 0..5 {
        handles.push(tokio::spawn(ask(client.clone(), in_turn.clone())));
        handles.push(tokio::spawn(ask(client.clone(), at_once.clone())));
    }
    for handle in handles {
        handle.await.unwrap();
    }
}

/// One request, from its start to the end of the body.
async fn ask(client: Client, url: String) -> String {
    let response = client.get(url).send().await.unwrap();
    response.text().await.unwrap()
}

pub fn main() -> ExitCode {
    session::main(two_rounds)
}
