//! The responses are kept, and their bodies are not read.

use std::process::ExitCode;

use exercises::session::{self, new_client};
use reqwest::{Client, Response};

async fn two_rounds(in_turn: String, at_once: String) {
    let client = new_client();
    let mut responses = Vec::new();
    for _ in 0..5 {
        responses.push(ask(client.clone(), in_turn.clone()).await);
    }
    let mut handles = Vec::new();
    for _ in 0..5 {
        handles.push(tokio::spawn(ask(client.clone(), at_once.clone())));
    }
    for handle in handles {
        responses.push(handle.await.unwrap());
    }
}

async fn ask(client: Client, url: String) -> Response {
    client.get(url).send().await.unwrap()
}

pub fn main() -> ExitCode {
    session::main(two_rounds)
}
