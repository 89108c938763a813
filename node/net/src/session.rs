//! From a socket to a connection with a member: handshake, greeting, admission; then its life until the end.

use crate::{
    connection::{Connection, Direction, Link, Made, TcpLink},
    event::Event,
    frame::Kind,
    hello::{Hello, Instance},
    io::{Reader, write_message},
    listen::Ticket,
    meter, quic,
    reason::Reason,
    refused::Refused,
    shared::Shared,
    tcp,
    tls::{NAME, Tls},
    verifier::Verifier,
};
use countersign_messages::MemberId;
use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use rustls::pki_types::CertificateDer;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// What the connection's tasks read from and write to, beside its link.
enum Streams {
    Quic,
    Tcp(Box<TlsStream<TcpStream>>),
}

fn handshake(error: impl std::fmt::Display, verifier: &Verifier) -> Refused {
    match verifier.refusal() {
        Some(refusal) => refusal.into(),
        None => Refused::Handshake(crate::reason::shorten(&error.to_string())),
    }
}

fn quic_member(shared: &Shared, connection: &quinn::Connection) -> Result<MemberId, Refused> {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    if data.and_then(|data| data.protocol).as_deref() != Some(crate::limits::ALPN) {
        return Err(Refused::Protocol);
    }
    let certificates = connection.peer_identity().and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok());
    other(shared, certificates.and_then(|certificates| shared.tls.member(&certificates)))
}

fn other(shared: &Shared, member: Option<MemberId>) -> Result<MemberId, Refused> {
    match member {
        Some(member) if member == shared.me => Err(Refused::Myself),
        member => member.ok_or(Refused::Protocol),
    }
}

fn tcp_member(shared: &Shared, stream: &TlsStream<TcpStream>) -> Result<MemberId, Refused> {
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(crate::limits::ALPN) {
        return Err(Refused::Protocol);
    }
    other(shared, session.peer_certificates().and_then(|certificates| shared.tls.member(certificates)))
}

async fn greet<W: AsyncWrite + Unpin>(shared: &Shared, stream: &mut W) -> Result<(), Reason> {
    write_message(stream, Kind::Hello, Hello { instance: shared.instance }.encode()).await
}

/// Dials over QUIC.
pub(crate) async fn dial_quic(shared: &Arc<Shared>, member: MemberId, address: SocketAddr, patience: Duration) -> Result<(), Refused> {
    let (config, verifier) = shared.tls.client(member).map_err(|e| Refused::Handshake(e.to_string()))?;
    let config = QuicClientConfig::try_from(config).map_err(|e| Refused::Handshake(e.to_string()))?;
    let mut config = quinn::ClientConfig::new(Arc::new(config));
    config.transport_config(shared.transport.clone());
    let connecting = shared.client.connect_with(config, address, NAME).map_err(|e| Refused::Handshake(e.to_string()))?;
    let dial = async {
        let connection = connecting.await.map_err(|error| handshake(error, &verifier))?;
        quic_member(shared, &connection)?;
        let hello = async {
            let (mut send, receive) = connection.open_bi().await.map_err(|error| quic::reason_of(&error))?;
            greet(shared, &mut send).await?;
            Reader::new(receive).hello().await
        };
        // why the other end closed is nearer to the cause than what the stream saw of it
        let hello = hello.await.map_err(|reason| connection.close_reason().map_or(reason, |error| quic::reason_of(&error)))?;
        Ok((connection, hello))
    };
    let (connection, hello) = timeout(patience, dial).await.unwrap_or(Err(Refused::Timeout(patience)))?;
    let link = Link::Quic(connection.clone());
    let made = admit(shared, link, member, hello.instance, Direction::Outbound, address);
    let (made, old) = made.inspect_err(|reason| quic::close(&connection, reason))?;
    start(shared, made, old, Streams::Quic, None);
    Ok(())
}

/// Dials over TCP.
pub(crate) async fn dial_tcp(shared: &Arc<Shared>, member: MemberId, address: SocketAddr, patience: Duration) -> Result<(), Refused> {
    let (config, verifier) = shared.tls.client(member).map_err(|e| Refused::Handshake(e.to_string()))?;
    let dial = async {
        let stream = TcpStream::connect(address).await.map_err(|e| Refused::Handshake(e.to_string()))?;
        // votes are small and must not wait for more
        stream.set_nodelay(true).map_err(|e| Refused::Handshake(e.to_string()))?;
        let connect = TlsConnector::from(Arc::new(config)).connect(Tls::server_name(), stream);
        let mut stream = TlsStream::from(connect.await.map_err(|error| handshake(error, &verifier))?);
        tcp_member(shared, &stream)?;
        greet(shared, &mut stream).await?;
        let mut reader = Reader::new(stream);
        let hello = reader.hello().await?;
        Ok((reader.into_stream(), hello))
    };
    let (mut stream, hello) = Box::pin(timeout(patience, dial)).await.unwrap_or(Err(Refused::Timeout(patience)))?;
    match admit(shared, Link::Tcp(TcpLink::default()), member, hello.instance, Direction::Outbound, address) {
        Ok((made, old)) => start(shared, made, old, Streams::Tcp(Box::new(stream)), None),
        Err(reason) => {
            farewell(&mut stream, &reason).await;
            return Err(reason.into());
        }
    }
    Ok(())
}

/// Takes in a connection over QUIC.
pub(crate) async fn accept_quic(shared: &Arc<Shared>, incoming: quinn::Incoming, mut ticket: Ticket) -> Result<(), Refused> {
    let address = incoming.remote_address();
    let patience = shared.limits.handshake_timeout;
    let (config, verifier) = shared.tls.server().map_err(|e| Refused::Handshake(e.to_string()))?;
    let config = QuicServerConfig::try_from(config).map_err(|e| Refused::Handshake(e.to_string()))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(config));
    config.transport_config(shared.transport.clone());
    let connecting = incoming.accept_with(Arc::new(config)).map_err(|error| handshake(error, &verifier))?;
    let accept = async {
        let connection = connecting.await.map_err(|error| handshake(error, &verifier))?;
        let member = quic_member(shared, &connection)?;
        let hello = async {
            let (send, receive) = connection.accept_bi().await.map_err(|error| quic::reason_of(&error))?;
            Ok((send, Reader::new(receive).hello().await?))
        };
        let (send, hello) = hello.await.inspect_err(|reason| quic::close(&connection, reason))?;
        Ok((connection, member, send, hello))
    };
    let (connection, member, mut send, hello) = timeout(patience, accept).await.unwrap_or(Err(Refused::Timeout(patience)))?;
    ticket.establish()?;
    let link = Link::Quic(connection.clone());
    let made = admit(shared, link, member, hello.instance, Direction::Inbound, address);
    let (made, old) = made.inspect_err(|reason| quic::close(&connection, reason))?;
    if let Err(reason) = greet(shared, &mut send).await {
        made.stop(reason);
    }
    // fails only if the other end is gone, which the connection notices
    let _ = send.finish();
    start(shared, made, old, Streams::Quic, Some(ticket));
    Ok(())
}

/// Takes in a connection over TCP.
pub(crate) async fn accept_tcp(shared: &Arc<Shared>, stream: TcpStream, address: SocketAddr, mut ticket: Ticket) -> Result<(), Refused> {
    let patience = shared.limits.handshake_timeout;
    let (config, verifier) = shared.tls.server().map_err(|e| Refused::Handshake(e.to_string()))?;
    let accept = async {
        stream.set_nodelay(true).map_err(|e| Refused::Handshake(e.to_string()))?;
        let accept = TlsAcceptor::from(Arc::new(config)).accept(stream);
        let stream = TlsStream::from(accept.await.map_err(|error| handshake(error, &verifier))?);
        let member = tcp_member(shared, &stream)?;
        let mut reader = Reader::new(stream);
        let hello = reader.hello().await;
        let mut stream = reader.into_stream();
        match hello {
            Ok(hello) => Ok((stream, member, hello)),
            Err(reason) => {
                farewell(&mut stream, &reason).await;
                Err(reason.into())
            }
        }
    };
    let accepted = Box::pin(timeout(patience, accept)).await.unwrap_or(Err(Refused::Timeout(patience)));
    let (mut stream, member, hello) = accepted?;
    ticket.establish()?;
    match admit(shared, Link::Tcp(TcpLink::default()), member, hello.instance, Direction::Inbound, address) {
        Ok((made, old)) => {
            match timeout(patience, greet(shared, &mut stream)).await {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => made.stop(reason),
                Err(_) => made.stop(Reason::SlowReader),
            }
            start(shared, made, old, Streams::Tcp(Box::new(stream)), Some(ticket));
            Ok(())
        }
        Err(reason) => {
            farewell(&mut stream, &reason).await;
            Err(reason.into())
        }
    }
}

/// Says why over TCP; a peer that does not listen is left.
async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, reason: &Reason) {
    use tokio::io::AsyncWriteExt;
    let say = async {
        if write_message(stream, Kind::Close, reason.farewell().into_bytes()).await.is_ok() {
            // the other end may be gone first
            let _ = stream.shutdown().await;
        }
    };
    let _ = timeout(crate::limits::FAREWELL_TIME_MAX, say).await;
}

type Admitted = (Arc<Connection>, Option<Arc<Connection>>);

fn admit(
    shared: &Shared,
    link: Link,
    member: MemberId,
    instance: Instance,
    direction: Direction,
    address: SocketAddr,
) -> Result<Admitted, Reason> {
    if !shared.members.borrow().contains(&member) {
        return Err(Reason::NotMember);
    }
    let inbox_messages_max = shared.limits.inbox_messages_max;
    let made = Made { member, me: shared.me, instance, direction, address, inbox_messages_max };
    let connection = Arc::new(Connection::new(made, link));
    let old = shared.registry.admit(&connection, Instant::now())?;
    // it may have been removed in between, when its connection was not to be seen yet
    if !shared.members.borrow().contains(&member) {
        connection.stop(Reason::NotMember);
    }
    Ok((connection, old))
}

fn start(shared: &Arc<Shared>, connection: Arc<Connection>, old: Option<Arc<Connection>>, streams: Streams, ticket: Option<Ticket>) {
    let shared = shared.clone();
    tokio::spawn(async move {
        live(&shared, &connection, old, streams).await;
        drop(ticket);
    });
}

/// The life of a connection. Its predecessor has ended before the program hears of it.
async fn live(shared: &Arc<Shared>, connection: &Arc<Connection>, old: Option<Arc<Connection>>, streams: Streams) {
    if let Some(old) = old {
        old.gone().await;
    }
    let (member, carrier) = (connection.member, connection.carrier());
    let heard = !connection.is_stopped();
    if heard {
        tracing::info!(%member, address = %connection.address, carrier = carrier.name(), direction = ?connection.direction, "connected");
        meter::connections(carrier, 1.0);
        shared.emit(Event::Connected(member), None).await;
    }
    let reason = match (streams, &connection.link) {
        (Streams::Tcp(stream), Link::Tcp(link)) => {
            let (reader, writer) = tokio::io::split(*stream);
            Box::pin(tcp::run(shared, connection, link, reader, writer)).await
        }
        (_, Link::Quic(connected)) => quic::run(shared, connection, connected).await,
        // streams and link are made together
        (Streams::Quic, Link::Tcp(_)) => Reason::Broken("no stream".into()),
    };
    connection.stop(reason.clone());
    shared.registry.leave(connection, &reason);
    if heard {
        if reason.is_fault() {
            tracing::warn!(%member, address = %connection.address, %reason, "connection closed");
        } else {
            tracing::info!(%member, address = %connection.address, %reason, "connection ended");
        }
        meter::connections(carrier, -1.0);
        meter::ended(&reason);
        shared.emit(Event::Disconnected { member, reason }, None).await;
    }
    connection.set_gone();
}
