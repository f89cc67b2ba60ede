//! Servers that break HTTP on purpose.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::servers::{ANSWER, listen, read_request};

#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Reads the request and sends nothing, until the client hangs up.
    Hangs,
    /// A byte of the answer's head each second.
    DripsHead,
    /// A byte of the body each second.
    DripsBody,
    /// The connection is reset in the middle of the body.
    Resets,
    /// The connection is closed in the middle of the body.
    Ends,
    /// The connection is closed before the answer.
    EndsAtOnce,
    BadChunks,
    /// The first line is no status line.
    Garbage,
    RedirectsForEver,
    /// A body without a length, which never ends.
    EndlessBody,
    EndlessChunks,
    /// A body of 10 GB, announced by its length.
    TenGigabytes,
    EndlessHeader,
    /// Interim answers, which never end.
    EndlessHints,
    /// Terminal escapes and a script in status text, header and body.
    Escapes,
}

/// A server whose every third connection, starting with the first, meets with the fault. The others
/// get their answer.
pub fn first_of_three(fault: Fault) -> String {
    let place = AtomicUsize::new(0);
    let address = listen(move |mut stream| {
        if place.fetch_add(1, Relaxed).is_multiple_of(3) {
            // The client hangs up.
            let _ = go_wrong(fault, &mut stream);
        } else if read_request(&mut stream) {
            let _ = stream.write_all(ANSWER);
        }
    });
    format!("http://{address}/")
}

/// A server whose every connection meets with the fault.
pub fn always(fault: Fault) -> String {
    let address = listen(move |mut stream| {
        let _ = go_wrong(fault, &mut stream);
    });
    format!("http://{address}/")
}

/// Where a server ends a connection without having announced it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HangUp {
    AfterAnswer,
    /// An interim answer before the answer.
    AfterEarlyHints,
    AfterRedirect,
    /// Reads the second request, and sends nothing.
    AtNextRequest,
    /// Resets the connection when the second request arrives.
    ResetsAtNextRequest,
    AfterNextHead,
    AtFirstRequest,
}

/// A server that ends every connection there, and how many requests it has read.
pub fn hangs_up(place: HangUp) -> (String, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = requests.clone();
    let address = listen(move |mut stream| {
        // Some clients hang up first.
        let _ = answer_once(place, &mut stream, &seen);
    });
    (format!("http://{address}/"), requests)
}

fn answer_once(
    place: HangUp,
    stream: &mut TcpStream,
    requests: &AtomicUsize,
) -> std::io::Result<()> {
    let target = read_target(stream);
    requests.fetch_add(usize::from(target.is_some()), Relaxed);
    let answer: &[u8] = match place {
        HangUp::AtFirstRequest => return Ok(()),
        HangUp::AfterRedirect if target.as_deref() == Some("/") => {
            b"HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n"
        }
        HangUp::AfterEarlyHints => {
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        }
        _ => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    };
    stream.write_all(answer)?;
    match place {
        HangUp::AtNextRequest | HangUp::AfterRedirect | HangUp::AfterNextHead => {
            requests.fetch_add(usize::from(read_request(stream)), Relaxed);
            if place == HangUp::AfterNextHead {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")?;
            }
        }
        // A socket that is closed with unread bytes resets the connection.
        HangUp::ResetsAtNextRequest => {
            requests.fetch_add(stream.peek(&mut [0])?, Relaxed);
        }
        _ => {}
    }
    Ok(())
}

/// Reads a request. Returns the path that it asks for.
fn read_target(stream: &mut TcpStream) -> Option<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    Some(head.first()?.split(' ').nth(1)?.to_string())
}

fn go_wrong(fault: Fault, stream: &mut TcpStream) -> std::io::Result<()> {
    if let Fault::Resets = fault {
        // A socket that is closed with unread bytes resets the connection.
        stream.peek(&mut [0])?;
        return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf");
    }
    read_request(stream);
    match fault {
        Fault::Hangs => {
            stream.read_to_end(&mut Vec::new())?;
        }
        Fault::DripsHead => drip(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?,
        Fault::DripsBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")?;
            drip(stream, &[b'x'; 100])?;
        }
        Fault::Ends => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")?,
        Fault::EndsAtOnce | Fault::Resets => {}
        Fault::BadChunks => stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nwhat\r\n")?,
        Fault::Garbage => stream.write_all(b"\x00\xff garbage, not HTTP\r\n\r\n")?,
        Fault::RedirectsForEver => loop {
            stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")?;
            if !read_request(stream) {
                return Ok(());
            }
        },
        Fault::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            flood(stream, &[b'x'; 65_536])?;
        }
        Fault::EndlessChunks => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            let chunk = [&b"8000\r\n"[..], &[b'x'; 0x8000], b"\r\n"].concat();
            flood(stream, &chunk)?;
        }
        Fault::TenGigabytes => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")?;
            flood(stream, &[b'x'; 65_536])?;
        }
        Fault::EndlessHeader => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
            flood(stream, &[b'x'; 65_536])?;
        }
        Fault::EndlessHints => flood(stream, &b"HTTP/1.1 100 Continue\r\n\r\n".repeat(2_000))?,
        Fault::Escapes => stream.write_all(
            b"HTTP/1.1 400 \x1b[31m<script>alert(1)</script>\r\nx: \x1b[2J<script>\r\ncontent-length: 9\r\n\r\n\x1b[5m<b>\r\n",
        )?,
    }
    Ok(())
}

/// Sends one byte a second, until the client hangs up.
fn drip(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte])?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Sends the same bytes again and again, until the client hangs up.
fn flood(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(bytes)?;
    }
}
