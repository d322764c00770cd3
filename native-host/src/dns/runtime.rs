//! The asynchronous runtime beneath, with a clock that can be handed in.
//!
//! hickory asks a static function for the time. The threads of this runtime therefore each hold
//! the resolver's clock, set before they run anything.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::net::runtime::{RuntimeProvider, Time, TokioHandle, TokioRuntimeProvider, TokioTime};
use tokio::runtime::Runtime;

use crate::clock::{Clock, SystemClock};

thread_local! {
    static CLOCK: RefCell<Arc<dyn Clock>> = RefCell::new(Arc::new(SystemClock));
}

/// Two threads are enough: they wait for the network and check a few signatures.
pub(super) fn start(clock: Arc<dyn Clock>) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("dns")
        .enable_io()
        .enable_time()
        .on_thread_start(move || CLOCK.with_borrow_mut(|held| *held = Arc::clone(&clock)))
        .build()
}

/// tokio's sockets with the clock of the thread.
#[derive(Clone, Default)]
pub(super) struct Provider(TokioRuntimeProvider);

impl RuntimeProvider for Provider {
    type Handle = TokioHandle;
    type Timer = ThreadTime;
    type Udp = <TokioRuntimeProvider as RuntimeProvider>::Udp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        bind: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.0.connect_tcp(server, bind, timeout)
    }

    fn bind_udp(
        &self,
        local: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        self.0.bind_udp(local, server)
    }
}

/// Timers of tokio, time of day from the thread's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadTime;

#[async_trait]
impl Time for ThreadTime {
    async fn delay_for(duration: Duration) {
        TokioTime::delay_for(duration).await;
    }

    async fn timeout<F: 'static + Future + Send>(duration: Duration, future: F) -> io::Result<F::Output> {
        TokioTime::timeout(duration, future).await
    }

    fn current_time() -> u64 {
        CLOCK.with_borrow(|clock| u64::try_from(clock.now().seconds()).unwrap_or(0))
    }
}
