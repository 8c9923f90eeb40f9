//! Finding the cluster that a command is for: `--connect`, else `cluster.json` in the data folder.

use std::path::Path;

use epoca::client::{Client, ClientError, Options};
use epoca::cluster::Description;
use epoca::protocol::NodeId;

use super::grammar::address;
use super::outcome::{Exit, Outcome};
use super::options::{CONNECT_VARIABLE, Global, Named};

/// A cluster that may run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub addresses: Vec<String>,
    /// The cluster that must answer; known from the data folder only.
    pub cluster: Option<Vec<u8>>,
    /// Whoever started the nodes, if that is known.
    pub launcher: Option<String>,
}

/// Where the cluster should be. Nobody was asked yet.
pub fn find(global: &Global) -> Result<Found, Outcome> {
    if global.named == Named::Environment
        && let Some((bad, why)) = global.connect.iter().find_map(|text| Some((text, address(text).err()?)))
    {
        let message = format!("{CONNECT_VARIABLE} holds {bad:?}: {why}");
        return Err(Outcome::error(Exit::Usage, "usage", message));
    }
    if !global.connect.is_empty() {
        return Ok(Found { addresses: global.connect.clone(), cluster: None, launcher: None });
    }
    match described(&global.data)? {
        Some(description) => Ok(Found {
            addresses: description.addresses(),
            cluster: description.cluster_bytes(),
            launcher: Some(description.launcher.address),
        }),
        None => {
            let folder = global.data.display();
            let message = format!(
                "no cluster runs on {folder}: `epoca cluster` starts one there, --connect names one that runs elsewhere"
            );
            Err(Outcome::error(Exit::Nobody, "no_cluster", message))
        }
    }
}

/// A client of the cluster, once a node has answered. A cluster that was named by address has its launcher's address
/// in the data folder, if it is the one that was started there.
pub async fn connect(found: &Found, global: &Global) -> Result<Client, ClientError> {
    let Found { addresses, cluster, launcher } = found.clone();
    let options = Options { timeout: global.timeout, launcher, cluster, ..Options::default() };
    let client = Client::connect(addresses.as_slice(), options.clone()).await?;
    if options.launcher.is_some() {
        return Ok(client);
    }
    let local = described(&global.data).ok().flatten();
    match local.filter(|local| local.cluster.is_some() && local.cluster_bytes() == client.cluster()) {
        Some(local) => {
            let options = Options { launcher: Some(local.launcher.address), ..options };
            Client::connect(addresses.as_slice(), options).await
        }
        None => Ok(client),
    }
}

/// A client of a cluster none of whose nodes answers, if the launcher that has described it does: it can start them
/// again.
pub async fn launched(found: &Found, global: &Global) -> Option<Client> {
    found.launcher.as_ref()?;
    let local = described(&global.data).ok().flatten()?;
    let nodes: Vec<_> = local.nodes.into_iter().map(|node| (NodeId(node.id), node.address)).collect();
    let Found { cluster, launcher, .. } = found.clone();
    let options = Options { timeout: global.timeout, launcher, cluster, ..Options::default() };
    let client = Client::of_nodes(&nodes, options).ok()?;
    let processes = client.processes().await.ok().flatten()?;
    (processes.launcher_pid == local.launcher.pid).then_some(client)
}

fn described(data: &Path) -> Result<Option<Description>, Outcome> {
    Description::read(data).map_err(|message| Outcome::error(Exit::Not, "unreadable", message))
}
