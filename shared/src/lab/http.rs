//! Clients and the embedded server, for lessons whose tasks are HTTP requests.

use std::any::Any;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, anyhow};

use crate::exit::ExitError;
use crate::http::client::{AsyncClient, Client};
use crate::http::server::Server;
use crate::http::target::{self, Target};
use crate::lab::{CounterSource, Lab, Requests};
use crate::progress::Show;

impl CounterSource for Server {
    fn url(&self, path: &str) -> String {
        self.url(path)
    }

    fn reset_counters(&self) -> Result<()> {
        self.reset_counters();
        Ok(())
    }

    fn peak_and_connections(&self) -> Result<(usize, usize)> {
        let counters = self.counters();
        Ok((counters.peak_in_flight.load(Relaxed), counters.connections.load(Relaxed)))
    }
}

/// Starts the embedded server.
pub(crate) fn start_server() -> Result<Rc<dyn CounterSource>> {
    Ok(Rc::new(Server::start(std::net::Ipv4Addr::LOCALHOST.into(), 0)?))
}

impl Lab {
    /// A blocking client with connections of its own.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.target()?)
    }

    /// An async client with connections of its own.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn async_client(&self) -> Result<AsyncClient> {
        AsyncClient::new(&self.target()?)
    }

    /// Where requests go.
    ///
    /// # Errors
    /// The demo's tasks are no HTTP requests.
    pub fn target(&self) -> Result<Target> {
        let requests = self.requests()?;
        let url = target::parse_url(&requests.url).map_err(ExitError::Usage)?;
        let embedded = self.server().is_ok();
        let target = Target { url, timeout: requests.timeout, show: self.show, embedded };
        self.looks_up_names.set(target.is_named());
        Ok(target)
    }

    /// The embedded server at another path.
    ///
    /// # Errors
    /// Requests go elsewhere: the lesson [uses](crate::Lesson::uses) `url`.
    pub fn target_at(&self, path: &str) -> Result<Target> {
        let url = target::parse_url(&self.server()?.url(path)).map_err(|why| anyhow!(why))?;
        Ok(Target { url, show: Show::Nothing, ..self.target()? })
    }

    /// The embedded server, for a lesson that reads its counters.
    ///
    /// # Errors
    /// Like [`Lab::target_at`].
    pub fn server(&self) -> Result<&Server> {
        let server: Option<&dyn Any> = match &self.requests()?.server {
            Some(server) => Some(&**server),
            None => None,
        };
        let server = server.and_then(|server| server.downcast_ref());
        server.context("this lesson needs the embedded server")
    }

    fn requests(&self) -> Result<&Requests> {
        self.requests.as_ref().context("this demo makes no HTTP requests")
    }
}
