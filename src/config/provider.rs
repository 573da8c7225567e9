//! `PasswordProvider`: a hook that is asked for the password, once for each connection.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::config::secret::Secret;
use crate::error::{Error, Kind};

type Answer = Result<Secret, Box<dyn StdError + Send + Sync>>;

/// Where a password comes from that does not last, such as a token of a cloud.
#[derive(Clone)]
pub(crate) struct PasswordProvider(Arc<dyn Fn() -> BoxFuture<'static, Answer> + Send + Sync>);

impl PasswordProvider {
    pub(crate) fn new<F, T, E>(provider: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<String>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Arc::new(move || {
            let answer = provider();
            Box::pin(async move {
                let password = answer.await.map_err(Into::into)?;
                Ok(Secret::new(password.into()))
            })
        }))
    }

    /// Asks for the password. To be called for every physical connection.
    pub(crate) async fn password(&self) -> Result<Secret, Error> {
        (self.0)().await.map_err(|error| {
            let text = "the password provider gave no password";
            Error::new(Kind::Authentication, text).with_source(error).unsent()
        })
    }
}

impl fmt::Debug for PasswordProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordProvider(..)")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_provider_is_asked_each_time() {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let provider = PasswordProvider::new(move || {
            let count = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { Ok::<_, std::io::Error>(format!("token {count}")) }
        });
        for expected in ["token 0", "token 1"] {
            let password = provider.password().now_or_never().unwrap().unwrap();
            assert_eq!(password.expose(), expected);
        }
    }

    #[test]
    fn its_error_is_the_cause() {
        let provider = PasswordProvider::new(|| async { Err::<String, _>("vault is sealed") });
        let error = provider.password().now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Authentication);
        assert_eq!(error.source().unwrap().to_string(), "vault is sealed");
    }
}
