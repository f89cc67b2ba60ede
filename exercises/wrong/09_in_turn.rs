//! The second round is one after the other, too.

use std::process::ExitCode;

use exercises::session::{self, new_client};
use reqwest::Client;

async fn two_rounds(in_turn: String, at_once: String) {
    let client = new_client();
    for _ in 0..5 {
        ask(client.clone(), in_turn.clone()).await;
    }
    for _ in 0..5 {
        ask(client.clone(), at_once.clone()).await;
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
