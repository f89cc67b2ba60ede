//! 09 session: ten requests on five connections.
//!
//! Five requests one after the other, then five at once. To open a connection takes as long
//! as a request, or longer with https, and here each request opens one.
//!
//! Send the same requests on five connections in all.

use std::process::ExitCode;

use exercises::session::{self, new_client};
use reqwest::Client;

async fn two_rounds(in_turn: String, at_once: String) {
    for _ in 0..5 {
        ask(new_client(), in_turn.clone()).await;
    }
    let mut handles = Vec::new();
    for _ in 0..5 {
        handles.push(tokio::spawn(ask(new_client(), at_once.clone())));
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
