//! Where a publication is: a folder, or a URL that the client of downloads reads.

use crate::exit::Failure;
use crate::network::{USER_AGENT, proxies};
use rapsheet_fetch::{Client, ClientOptions, RemoteFile, RemoteFolder, RemoteProblem};
use rapsheet_ship::{Folder, Opened, Origin, Unavailable, Wish};
use std::path::PathBuf;
use std::time::Duration;

/// How long a connection, a silence and a file may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const STALL_TIME: Duration = Duration::from_secs(30);
const MAX_TIME: Duration = Duration::from_secs(1800);

/// A client for URLs.
pub(super) fn client() -> Result<Client, Failure> {
    Client::new(ClientOptions {
        user_agent: USER_AGENT.to_owned(),
        connect_timeout: CONNECT_TIMEOUT,
        stall_time: STALL_TIME,
        max_time: MAX_TIME,
        proxies: proxies(),
    })
    .map_err(Failure::usage)
}

/// The origin that an argument names.
pub(super) fn origin<'c>(from: &str, client: &'c Client) -> Result<Box<dyn Origin + 'c>, Failure> {
    match from.contains("://") {
        true => {
            let folder = RemoteFolder::new(client, from)
                .map_err(|why| Failure::usage(format_args!("--from: {why}")))?;
            Ok(Box::new(OverHttp(folder)))
        }
        false => Ok(Box::new(Folder(PathBuf::from(from)))),
    }
}

struct OverHttp<'c>(RemoteFolder<'c>);

impl Origin for OverHttp<'_> {
    fn open(&self, path: &str, wish: &Wish<'_>) -> Result<Opened<'_>, Unavailable> {
        let unavailable = |RemoteProblem { text, may_pass }| Unavailable::new(text, may_pass);
        Ok(match self.0.open(path, wish.from, wish.unless).map_err(unavailable)? {
            RemoteFile::Unchanged => Opened::Unchanged,
            RemoteFile::Bytes { reader, from, validator } => Opened::Bytes { reader, from, validator },
        })
    }

    fn name(&self) -> String {
        self.0.name()
    }
}
