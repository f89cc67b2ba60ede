//! The activity, GET one URL, with one client and two ways to wait: [`AsyncClient`] yields to other
//! tasks, [`Client`] blocks its thread.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Chain, Context, Result, anyhow};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpInfo};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Response, StatusCode, Url, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::yield_now;
use tokio::task_local;
use tower::util::MapFutureLayer;

use crate::http::permit::Permit;
use crate::http::target::{Failure, MAX_BODY, Target, chain, is_hang_up};
use crate::os::clock::now_ms;
use crate::report::Task;

/// What both ways to wait share.
struct Settings {
    target: Target,
    tls: ClientConfig,
}

impl Settings {
    fn new(target: &Target) -> Result<Arc<Settings>> {
        install_tls_provider();
        let tls = match target.url.scheme() {
            "https" => trust_system().context("cannot read the system's certificates")?,
            // Reading the certificates takes longer than the rest of a worker's start.
            _ if target.ip().is_some_and(|ip| ip.is_loopback()) => trust_nobody(),
            // It may redirect to https.
            _ => trust_system().unwrap_or_else(|_| trust_nobody()),
        };
        Ok(Arc::new(Settings { target: target.clone(), tls }))
    }

    /// A client without any connections.
    fn build(
        &self,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<reqwest::Client> {
        let Target { timeout, .. } = self.target;
        let mut settings = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .user_agent(user_agent())
            .dns_resolver(Arc::new(DetachedResolver))
            .tls_backend_preconfigured(self.tls.clone())
            .connector_layer(MapFutureLayer::new(noting_connection))
            .redirect(redirect::Policy::custom(|attempt| {
                // The next hop may reuse the connection.
                note_connection(None);
                let hop = attempt.url().origin().ascii_serialization();
                let hop = attempt.url().has_host().then_some(hop);
                let _ = NOTES.try_with(|notes| notes.redirected.replace(hop));
                redirect::Policy::default().redirect(attempt)
            }));
        if self.target.is_loopback() {
            // A proxy that the environment names cannot reach our own loopback.
            settings = settings.no_proxy();
        }
        let client = change(settings).build();
        client.map_err(|error| anyhow!(chain(&error))).context("cannot set up a client")
    }
}

/// What is noted of the request under way.
#[derive(Default)]
struct Notes {
    /// Our end of the connection that it made. It may still use another, which became idle meanwhile.
    made: Cell<Option<SocketAddr>>,
    /// Where the server sent it.
    redirected: RefCell<Option<String>>,
}

task_local! {
    static NOTES: Notes;
}

/// Does nothing outside of a request, where a connection is completed that its request needs no more.
fn note_connection(end: Option<SocketAddr>) {
    let _ = NOTES.try_with(|notes| notes.made.set(end));
}

async fn noting_connection<C: Connection, E>(
    connecting: impl Future<Output = Result<C, E>>,
) -> Result<C, E> {
    let connection = connecting.await?;
    note_connection(our_end(&connection.connected()));
    Ok(connection)
}

fn our_end(connection: &Connected) -> Option<SocketAddr> {
    let mut extras = Default::default();
    connection.get_extras(&mut extras);
    extras.get::<HttpInfo>().map(HttpInfo::local_addr)
}

/// Whether this error struck on another connection than the one that the request made.
fn struck_elsewhere(error: &reqwest::Error, made: Option<SocketAddr>) -> bool {
    let mut causes = Chain::new(error).filter_map(|cause| cause.downcast_ref());
    let used =
        causes.find_map(|error: &hyper_util::client::legacy::Error| our_end(error.connect_info()?));
    used.is_some() && used != made
}

/// This program's name and version. Many sites refuse requests without.
pub fn user_agent() -> String {
    let name = std::env::args_os().next().map(PathBuf::from);
    let name = name.as_deref().and_then(Path::file_stem).map(|name| name.to_string_lossy());
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let name: String = name.as_deref().unwrap_or("demo").chars().filter(is_plain).collect();
    format!("{name}/{}", env!("CARGO_PKG_VERSION"))
}

/// Looks up host names on threads that nothing waits for: with tokio's, a program could not end before
/// a silent name server had answered.
struct DetachedResolver;

impl Resolve for DetachedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = lookup(name.as_str().to_string()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Names that are looked up at the same time: each takes a thread.
static LOOKUPS: Semaphore = Semaphore::const_new(100);

/// The addresses of a host. Their port is 0, which stands for the URL's.
///
/// # Errors
/// The host is unknown, or the OS refuses a thread.
pub async fn lookup(host: String) -> io::Result<Vec<SocketAddr>> {
    let permit = LOOKUPS.acquire().await;
    let (send, receive) = oneshot::channel();
    let look_up = move || {
        let _permit = permit;
        let addresses = (host.as_str(), 0).to_socket_addrs();
        let _ = send.send(addresses.map(Iterator::collect));
    };
    thread::Builder::new().name("resolver".into()).spawn(look_up)?;
    receive.await.unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")))
}

/// Makes ring the process's TLS provider, which reqwest is built without. A second call does nothing.
pub fn install_tls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn trust_system() -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder().with_platform_verifier()?.with_no_client_auth())
}

fn trust_nobody() -> ClientConfig {
    ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}

/// GETs one URL; other tasks run while it waits. Clones share their connections.
#[derive(Clone)]
pub struct AsyncClient {
    client: reqwest::Client,
    url: Url,
    settings: Arc<Settings>,
}

impl AsyncClient {
    /// # Errors
    /// The URL is https and the system's certificates cannot be read.
    pub fn new(target: &Target) -> Result<AsyncClient> {
        let settings = Settings::new(target)?;
        Ok(AsyncClient { client: settings.build(|same| same)?, url: target.url.clone(), settings })
    }

    /// The same client for another URL.
    pub fn at(&self, url: Url) -> AsyncClient {
        AsyncClient { url, ..self.clone() }
    }

    /// Runs task `id`.
    pub async fn get(&self, id: usize) -> Task {
        // A connection, and its other end in the embedded server.
        let target = &self.settings.target;
        let _permit = Permit::acquire(1 + u32::from(target.embedded)).await;
        self.get_now(id).await
    }

    async fn get_now(&self, id: usize) -> Task {
        let start_ms = now_ms();
        let answer = self.ask().await;
        self.settings.target.task(id, start_ms, answer)
    }

    async fn ask(&self) -> Result<StatusCode, Failure> {
        let mut response = self.send().await?;
        let mut length = 0;
        while let Some(chunk) = response.chunk().await? {
            length += chunk.len() as u64;
            if length > MAX_BODY {
                return Err(Failure::TooLong);
            }
        }
        Ok(response.status())
    }

    /// A server may close an idle connection just when a request reuses it. Then, like a browser, this
    /// sends the request once more, on a new connection (RFC 9110, section 9.2.2).
    async fn send(&self) -> Result<Response, Failure> {
        let start = Instant::now();
        let first = async {
            let answer = self.client.get(self.url.clone()).send().await;
            (answer, NOTES.with(|notes| (notes.made.get(), notes.redirected.take())))
        };
        match NOTES.scope(Notes::default(), first).await {
            (Err(error), (made, _)) if is_hang_up(&error) && struck_elsewhere(&error, made) => {
                // Other idle connections may be dead, too.
                let fresh = self.settings.build(|same| same.pool_max_idle_per_host(0));
                let fresh = fresh.map_err(|error| Failure::Broken(error.into()))?;
                let rest = self.settings.target.timeout.saturating_sub(start.elapsed());
                Ok(fresh.get(self.url.clone()).timeout(rest).send().await?)
            }
            (answer, (_, redirected)) => {
                answer.map_err(|error| self.settings.target.failure(error, redirected))
            }
        }
    }
}

/// GETs one URL; its thread waits in the kernel meanwhile. Each thread has its own connections.
#[derive(Clone)]
pub struct Client {
    url: Url,
    settings: Arc<Settings>,
}

thread_local! {
    /// This thread's connections, for the client that it used last.
    static CONNECTIONS: RefCell<Option<Connections>> = const { RefCell::new(None) };
}

/// The async client, and an event loop that runs on the thread that waits.
struct Connections {
    client: AsyncClient,
    event_loop: Option<Runtime>,
    /// `None` on the main thread, for which descriptors are reserved: if it waited for a permit, or
    /// kept one while it joins other threads, all could wait for ever.
    _permit: Option<Permit>,
}

/// What a thread's connections need: its event loop has four descriptors.
const EVENT_LOOP: u32 = 4;

impl Client {
    /// # Errors
    /// The URL is https and the system's certificates cannot be read.
    pub fn new(target: &Target) -> Result<Client> {
        Ok(Client { url: target.url.clone(), settings: Settings::new(target)? })
    }

    /// The same client for another URL.
    pub fn at(&self, url: Url) -> Client {
        Client { url, ..self.clone() }
    }

    /// Runs task `id`, and blocks this thread until it is over.
    ///
    /// # Panics
    /// In async code, whose thread must not block.
    pub fn get(&self, id: usize) -> Task {
        CONNECTIONS.with_borrow_mut(|connections| {
            let mine = |old: &Connections| Arc::ptr_eq(&old.client.settings, &self.settings);
            if !connections.as_ref().is_some_and(mine) {
                *connections = None; // Closes those of another client first.
                match Connections::new(&self.settings) {
                    Ok(new) => *connections = Some(new),
                    Err(error) => return Task::refused(id, error),
                }
            }
            match connections {
                Some(Connections { client, event_loop: Some(event_loop), .. }) => {
                    event_loop.block_on(async {
                        // Notices connections that the server closed while this thread was away.
                        yield_now().await;
                        client.at(self.url.clone()).get_now(id).await
                    })
                }
                _ => unreachable!(),
            }
        })
    }
}

impl Connections {
    fn new(settings: &Arc<Settings>) -> Result<Connections> {
        let descriptors = EVENT_LOOP + 1 + u32::from(settings.target.embedded);
        let is_main = thread::current().name() == Some("main");
        let _permit = (!is_main).then(|| Permit::acquire_blocking(descriptors)).transpose()?;
        let event_loop = Builder::new_current_thread().enable_all().build();
        let event_loop = event_loop.context("cannot start an event loop")?;
        let (settings, url) = (settings.clone(), settings.target.url.clone());
        let client = AsyncClient { client: settings.build(|same| same)?, url, settings };
        Ok(Connections { client, event_loop: Some(event_loop), _permit })
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        if let Some(event_loop) = self.event_loop.take() {
            // Dropping it would wait for a thread that looks up a name.
            event_loop.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::Ordering::SeqCst;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::http::server::Server;
    use crate::http::target::parse_url;
    use crate::progress::Show;
    use crate::report::Outcome;

    fn server() -> Server {
        Server::start(Ipv4Addr::LOCALHOST.into(), 0).unwrap()
    }

    fn target(server: &Server, path: &str) -> Target {
        let url = parse_url(&server.url(path)).unwrap();
        let (timeout, show) = (Duration::from_secs(60), Show::Nothing);
        Target { url, timeout, show, embedded: true }
    }

    #[test]
    fn thread_reuses_its_connection() {
        let server = server();
        let client = Client::new(&target(&server, "/delay/1")).unwrap();
        let done = |task: Task| assert_eq!(task.outcome, Outcome::Done, "{task:?}");
        (0..3).for_each(|id| done(client.get(id)));
        assert_eq!(server.counters().connections.load(SeqCst), 1);
        let other = client.clone();
        thread::spawn(move || done(other.get(3))).join().unwrap();
        assert_eq!(server.counters().connections.load(SeqCst), 2, "each thread has its own");
        done(Client::new(&target(&server, "/delay/1")).unwrap().get(4));
        assert_eq!(server.counters().connections.load(SeqCst), 3, "and so has each client");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn connections_keep_to_their_descriptors() {
        // In a process of its own, because other tests open files meanwhile.
        let this = std::env::current_exe().unwrap();
        let name = "http::client::tests::descriptors_of_one_thread";
        let mut command = std::process::Command::new(this);
        let output = command.args([name, "--exact", "--ignored", "--test-threads=1"]).output();
        assert!(output.as_ref().is_ok_and(|output| output.status.success()), "{output:?}");
    }

    #[test]
    #[ignore = "run by connections_keep_to_their_descriptors"]
    #[cfg(target_os = "linux")]
    fn descriptors_of_one_thread() {
        use crate::os::usage::os_threads;
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let server = server();
        let client = Client::new(&target(&server, "/delay/1")).unwrap();
        let (descriptors, threads) = (count(), os_threads());
        assert_eq!(client.get(0).outcome, Outcome::Done);
        let more = count() - descriptors;
        assert_eq!(more, EVENT_LOOP as usize + 2);
        assert_eq!(os_threads(), threads, "the calling thread waits itself");
    }
}
