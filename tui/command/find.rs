//! The cluster that a command is for: `--connect`, else `EPOCA_CONNECT`, else `cluster.json` in the data folder.

use std::path::Path;

use epoca::client::{Client, ClientError, Options};
use epoca::cluster::Description;
use epoca::protocol::NodeId;

use super::grammar::address;
use super::messages::shell;
use super::options::{CONNECT_VARIABLE, Global, TargetSource};
use super::outcome::{Exit, Outcome};

/// A cluster that may be running.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    pub addresses: Vec<String>,
    /// The cluster that must answer. Known only from the data folder.
    pub cluster: Option<Vec<u8>>,
    /// The address of the launcher, if it is known.
    pub launcher: Option<String>,
}

/// Determines the cluster that is meant. It connects to no node.
pub fn find(global: &Global) -> Result<Target, Outcome> {
    if global.source == TargetSource::Environment
        && let Some((bad, why)) = global.connect.iter().find_map(|text| Some((text, address(text).err()?)))
    {
        let message = shell::bad_variable(CONNECT_VARIABLE, bad, &why.into());
        return Err(Outcome::error(Exit::Usage, "usage", message));
    }
    if !global.connect.is_empty() {
        return Ok(Target { addresses: global.connect.clone(), cluster: None, launcher: None });
    }
    match described(&global.data)? {
        Some(description) => Ok(Target {
            addresses: description.addresses(),
            cluster: description.cluster_bytes(),
            launcher: Some(description.launcher.address),
        }),
        None => {
            let message = shell::no_cluster(&global.data);
            Err(Outcome::error(Exit::Unreachable, "no_cluster", message))
        }
    }
}

/// Connects to the cluster; returns once a node has answered. If the cluster was named by address and is the one that
/// was started on the data folder, the client also gets the launcher's address from there.
pub async fn connect(target: &Target, global: &Global) -> Result<Client, ClientError> {
    let Target { addresses, cluster, launcher } = target.clone();
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

/// A client of a cluster without a running node, if its launcher answers: the launcher can start the nodes.
pub async fn connect_to_launcher(target: &Target, global: &Global) -> Option<Client> {
    target.launcher.as_ref()?;
    let local = described(&global.data).ok().flatten()?;
    let nodes: Vec<_> = local.nodes.into_iter().map(|node| (NodeId(node.id), node.address)).collect();
    let Target { cluster, launcher, .. } = target.clone();
    let options = Options { timeout: global.timeout, launcher, cluster, ..Options::default() };
    let client = Client::of_nodes(&nodes, options).ok()?;
    let processes = client.processes().await.ok().flatten()?;
    (processes.launcher_pid == local.launcher.pid).then_some(client)
}

fn described(data: &Path) -> Result<Option<Description>, Outcome> {
    Description::read(data).map_err(|message| Outcome::error(Exit::NotDone, "unreadable", message))
}
