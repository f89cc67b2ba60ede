//! The notebook's cell "asyncio", as one writes it in Rust.
//! `cargo run -p async-demo --example cell -- URL`

use std::{env, time::Instant};

use anyhow::Result;
use reqwest::Client;
use tokio::task::JoinSet;

async fn async_http(url: String) -> Result<()> {
    let session = Client::new();
    let resp = session.get(url).send().await?;
    println!("Status: {}", resp.status().as_u16());
    Ok(())
}

#[tokio::main(flavor = "current_thread")] // asyncio's event loop is one thread, too.
async fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default(); // For https.
    let url = env::args().nth(1).unwrap_or("https://yandex.ru".into());
    let start = Instant::now();
    let mut tasks = JoinSet::new(); // asyncio.gather
    for _ in 0..10 {
        tasks.spawn(async_http(url.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??; // It panicked, or its request failed.
    }
    println!("Time: {} seconds", start.elapsed().as_secs_f64());
    Ok(())
}
