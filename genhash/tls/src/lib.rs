// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS to servers that are checked: any certificate, any version and any cipher that OpenSSL still knows, because a check
//! asks whether a server works, not whether it is safe. Used by genhash and steadfast-web; the daemon itself links no
//! TLS library.

use std::net::IpAddr;

use openssl::error::ErrorStack;
use openssl::ssl::{HandshakeError, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode};

/// Everything OpenSSL has, however weak.
const CIPHERS: &str = "ALL:@SECLEVEL=0";

/// Servers that cannot renegotiate safely are talked to all the same.
const LEGACY_SERVER_CONNECT: u64 = 0x4;

/// Servers that end without saying so have ended.
const IGNORE_UNEXPECTED_EOF: u64 = 0x80;

/// What all connections have in common.
pub fn context() -> Result<SslContextBuilder, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
    context.set_verify(SslVerifyMode::NONE);
    context.set_min_proto_version(None)?;
    context.set_max_proto_version(None)?;
    context.set_cipher_list(CIPHERS)?;
    // Numbers of OpenSSL's own, which are the same in every version that knows them.
    context.set_options(SslOptions::from_bits_retain(LEGACY_SERVER_CONNECT | IGNORE_UNEXPECTED_EOF));
    Ok(context)
}

/// One connection to be. `name` is the server that is asked for while TLS is set up.
pub fn session(context: &SslContext, name: Option<&str>) -> Result<Ssl, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    // An address is not a name (RFC 6066 section 3).
    if let Some(name) = name.filter(|name| name.parse::<IpAddr>().is_err()) {
        ssl.set_hostname(name)?;
    }
    Ok(ssl)
}

/// An error of TLS in words about the server.
pub fn words(error: &openssl::ssl::Error) -> String {
    if let Some(error) = error.io_error() {
        return error.to_string();
    }
    let Some(stack) = error.ssl_error() else { return "the server closed the connection".to_owned() };
    let reasons: Vec<&str> = stack.errors().iter().filter_map(openssl::error::Error::reason).collect();
    match reasons.first() {
        Some(&("wrong version number" | "http request" | "packet length too long" | "record layer failure")) => {
            "the server does not speak TLS".to_owned()
        }
        Some(&"unexpected eof while reading") => "the server closed the connection".to_owned(),
        Some(reason) => (*reason).to_owned(),
        None => error.to_string(),
    }
}

/// The same, for a handshake that is waited for.
pub fn handshake_words<S>(error: &HandshakeError<S>) -> String {
    match error {
        HandshakeError::SetupFailure(stack) => stack.to_string(),
        HandshakeError::Failure(middle) | HandshakeError::WouldBlock(middle) => words(middle.error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_not_sent_as_a_name() {
        let context = context().unwrap().build();
        for name in [Some("192.0.2.1"), Some("2001:db8::1"), Some("www.example"), None] {
            let ssl = session(&context, name).unwrap();
            assert_eq!(ssl.servername(openssl::ssl::NameType::HOST_NAME).is_some(), name == Some("www.example"));
        }
    }
}
