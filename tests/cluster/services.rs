//! What tools expect of a gRPC server: the standard health and reflection services.

use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::Cluster;

async fn first_node(cluster: &Cluster) -> Channel {
    let address = cluster.status()[0]["address"].as_str().expect("it has one").to_owned();
    Channel::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("it answers")
}

#[tokio::test]
async fn a_node_reports_that_it_is_healthy() {
    let cluster = Cluster::start(&[]);
    let mut health = HealthClient::new(first_node(&cluster).await);
    for service in ["", "epoca.v1.Client"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.expect("the service is known").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
}

/// The older reflection version: grpcurl before 1.8.8, grpc_cli and most graphical clients use it.
#[tokio::test]
async fn a_node_describes_its_services_to_a_tool_of_the_earlier_version() {
    use tonic_reflection::pb::v1alpha;
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;

    let cluster = Cluster::start(&["--nodes", "1"]);
    let channel = first_node(&cluster).await;
    let mut reflection = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let asked = ["epoca.v1.Client", "epoca.v1.Control"].map(|symbol| v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(symbol.to_owned())),
    });
    let answers = reflection.server_reflection_info(tokio_stream::iter(asked)).await.expect("it is served");
    let mut answers = answers.into_inner();
    for _ in 0..2 {
        let answer = answers.message().await.expect("it answers").expect("it answers each");
        assert!(matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_node_describes_its_services() {
    let cluster = Cluster::start(&[]);
    let mut reflection = ServerReflectionClient::new(first_node(&cluster).await);
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let asked = tokio_stream::once(ServerReflectionRequest { host: String::new(), message_request });
    let mut answers = reflection.server_reflection_info(asked).await.expect("it is served").into_inner();
    let answer = answers.message().await.expect("it answers").expect("it answers");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("not a list: {answer:?}");
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["epoca.v1.Peer", "epoca.v1.Client", "epoca.v1.Control"] {
        assert!(names.contains(&service), "{service} is not in {names:?}");
    }
}
