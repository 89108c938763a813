//! The program's log: to standard error, filtered, and never with what the proof libraries would write into it.

use crate::ServiceError;
use std::io::IsTerminal;
use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Targets of the proof libraries. Their spans record the arguments of gadgets, at level info: witnesses, that is patients' values. Besides,
/// formatting them makes a proof take hours.
const PROOFS: [&str; 2] = ["gr1cs", "r1cs"];

fn is_fit(metadata: &Metadata<'_>) -> bool {
    !PROOFS.contains(&metadata.target()) && !metadata.target().starts_with("ark_")
}

/// A layer that writes what a filter lets through.
fn layer<S, W>(filter: &str, writer: W, ansi: bool) -> Result<impl Layer<S> + use<S, W>, ServiceError>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).map_err(|e| ServiceError::Log(format!("log.filter: {e}")))?;
    Ok(tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(ansi).with_filter(filter.and(filter_fn(is_fit))))
}

/// Starts the log of this process.
///
/// # Errors
/// The filter is malformed, or there is a log already.
pub fn start(filter: &str) -> Result<(), ServiceError> {
    let layer = layer(filter, std::io::stderr, std::io::stderr().is_terminal())?;
    tracing_subscriber::registry().with(layer).try_init().map_err(|e| ServiceError::Log(format!("the log cannot be set up: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn witnesses_never_reach_the_log_whatever_the_filter_says() {
        for filter in ["info", "trace", "gr1cs=trace,info", "info,[gadget]=trace"] {
            let kept = Kept::default();
            let writer = kept.clone();
            let subscriber = tracing_subscriber::registry().with(layer(filter, move || writer.clone(), false).unwrap());
            tracing::subscriber::with_default(subscriber, || {
                let span = tracing::info_span!(target: "gr1cs", "gadget", witness = 4242);
                let _inside = span.enter();
                tracing::info!(target: "r1cs", witness = 4242, "a gadget");
                tracing::info!("a line of the node");
                assert!(span.is_disabled(), "nothing is even formatted");
            });
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("a line of the node") && !text.contains("4242") && !text.contains("gadget"), "{filter}: {text}");
        }
    }
}
