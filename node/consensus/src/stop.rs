//! The word to stop.

use tokio::sync::watch;

/// Waits until it is given, or nobody is left who could give it.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // a guard of the channel must not live on in the caller's future
    let _ = stop.wait_for(|stop| *stop).await.map(drop);
}
