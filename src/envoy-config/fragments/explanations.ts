/**
 * What each line of Envoy's configuration is for, by the end of its path: the words of `envoy/fragments/`. A test holds that every
 * line has some, of its own or of the member that it is in.
 */

/** One way to write many: from the table below, by paths of member names. */
export const EXPLANATIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    // The connection manager.
    use_remote_address: 'the address is that of the socket, and no header says otherwise',
    generate_request_id: 'every request has an id, which the record of its decision names',
    preserve_external_request_id: "a client's own id is replaced: two requests must not share one",
    forward_client_cert_details:
      'a certificate comes from the handshake alone; what a client writes is dropped',
    server_header_transformation: 'signed answers keep the headers that were signed',
    normalize_path: 'Envoy, verifier and application must read one and the same path',
    merge_slashes: 'the same: //a is /a for everybody',
    path_with_escaped_slashes_action: 'the same: %2F would be a slash for some, and none for others',
    request_headers_timeout: 'a client that never ends its headers holds nothing for long; off by default',
    request_timeout: 'bodies are held until they are judged, so a slow sender holds memory; off by default',
    stream_idle_timeout: 'neither side may fall silent for longer',
    max_request_headers_kb: 'more headers than any request of ours has',
    common_http_protocol_options: 'bounds on what a connection of a client may do',
    'common_http_protocol_options idle_timeout': 'a connection without requests is closed',
    'common_http_protocol_options max_headers_count': 'more than any request of ours has',
    headers_with_underscores_action: 'x_a and x-a are one header for some applications',
    max_requests_per_connection: 'then the connection is renewed',
    http2_protocol_options:
      'bounds what one client can make Envoy hold: streams, and bytes of bodies on their way',
    local_reply_config: 'the words for what Envoy refuses itself, and the mark that says who decided',
    body_format: 'for every status without words of its own',
    access_log: 'one line a request for you; and to the verifier what became of each allow',
    // The filters.
    http_filters: 'in this order: a request goes down the list, its answer up',
    token_bucket: 'a burst of twice the rate, then the rate, filled ten times a second',
    local_rate_limit_per_downstream_connection: 'each connection has a bucket of its own',
    filter_enabled: 'a guard that is not enabled and enforced only counts',
    filter_enforced: 'the same',
    'http_filters status': 'nobody is known yet whose allowance it could be: 503, which producers retry',
    transport_api_version: 'the older one is gone from Envoy',
    grpc_service: 'how the verifier is called',
    cluster_name: 'which of the clusters',
    authority: 'by default the name of the cluster, which may be no host: then the call is reset unread',
    'grpc_service timeout':
      'the longest that the call may take; of a check it is the deadline. Asked once: the nonce would be spent',
    status_on_error:
      'a verifier that cannot be asked is a 503, which producers retry; the default is 403, which is final',
    with_request_body: 'the whole body goes with the check',
    max_request_bytes: "as the verifier's limits.maxBodyBytes; one byte more is a 413",
    allow_partial_message: 'half of a body cannot be judged, and would pass whole',
    include_peer_certificate: 'who calls is who holds the key of this certificate',
    include_tls_session: 'the server name that the client asked for is in the record',
    validate_mutations: 'no header of ours can carry a line break to a client',
    'source_codes answer_guard inline_string':
      'puts a 502 in the place of a success without the mark of the signer',
    source_codes: 'named, and on for the routes alone that name it',
    message_timeout: 'of each message; then the answer is a 504',
    allow_mode_override: 'no message changes what is sent',
    processing_mode:
      'what of a request and its answer the verifier gets; on signed routes more than elsewhere',
    metadata_options: 'the decision goes on as metadata, which no client can write',
    // The routes.
    route_config: 'every request has a route: without one ext_authz is not asked, and nothing names a policy',
    request_headers_to_remove: 'with these a client could speak to Envoy or to a filter',
    virtual_hosts: 'one for all names: the path alone selects the policy',
    domains: 'every authority, so that none is left without a check',
    retry_policy: 'only what the application has not seen is sent again: the nonce is spent by then',
    routes: 'exact paths, then prefixes from the longest, then everything else',
    match: 'the path of the policy, after normalisation',
    'route cluster': 'your application',
    'route timeout': 'how long the application may take, retries included',
    typed_per_filter_config:
      'what is special here: the policy that judges, and on signed routes the signer and the guard behind it',
    'routes response_headers_to_remove': 'the mark of the signer is not for an application to set',
    // The listener.
    listeners: 'TLS for everything that is judged; plain HTTP for one question about health',
    'listeners address': 'where clients connect',
    additional_addresses:
      'further addresses; the pipe is for the question whether there is a certificate to show',
    per_connection_buffer_limit_bytes: 'holds the largest body, and the largest answer that is signed',
    listener_filters: 'before TLS, where a connection is still cheap',
    filter_chains: 'one way in: TLS, then the connection manager',
    transport_socket_connect_timeout: 'a handshake that takes longer is ended',
    require_client_certificate: 'nobody is judged who has shown no certificate',
    disable_stateless_session_resumption: 'a resumed session would outlive the removal of its CA',
    disable_stateful_session_resumption: 'the same',
    tls_params: 'TLS 1.3 and nothing older',
    alpn_protocols: 'HTTP/2, or HTTP/1.1',
    tls_certificate_sds_secret_configs: 'what the gateway shows; renewed from the file without a restart',
    validation_context_sds_secret_config: 'whose certificates are taken; who the client is the pins decide',
    ignore_global_conn_limit: 'health is answered while the gateway is full',
    bypass_overload_manager: 'the same',
    pass_through_mode: 'the question ends here, and reaches no application',
    cluster_min_healthy_percentages: '503 while no verifier serves, or there is no certificate to show',
    mutations: "the name of Envoy's own cluster is nobody's business",
    'http_filters headers': 'GET /healthz is the question; everything else is a 404',
    // The clusters.
    clusters: 'the verifier for checks, signing and access logs, each over connections of its own',
    'clusters type': 'its addresses are known',
    connect_timeout: 'a socket takes a connection at once, or nobody listens',
    dns_lookup_family: 'both families',
    lb_policy: 'a worker that stands still gets no more than its share',
    typed_extension_protocol_options: 'gRPC is HTTP/2',
    explicit_http_config: 'the protocol is said, not guessed',
    'explicit_http_config http2_protocol_options':
      'as many streams as the verifier takes; and resets of many clients must not break the connection of all',
    circuit_breakers: 'the verifier sheds load itself, and says why: Envoy must not cut in before it',
    health_checks: 'by gRPC: a verifier that drains or cannot judge is asked no more',
    common_lb_config: 'what an unhealthy verifier is for Envoy',
    load_assignment: 'one socket of each worker of the verifier',
    'transport_socket common_tls_context': 'only to see that a certificate is shown',
    // The process.
    overload_manager: 'refuse early and in order, rather than be killed',
    resource_monitors: 'what is watched: the heap, and connections of clients',
    max_active_downstream_connections: 'of all listeners that do not say otherwise',
    actions: 'at which share of the heap what is done',
    layers: 'the name of a layer is its own: another with this one stops the start',
    static_layer: 'flags without a place elsewhere',
    'static_layer http.max_requests_per_io_cycle':
      'one request of a connection at a time: a reset in the same read costs no check',
    'static_layer overload.premature_reset_total_stream_count':
      'a connection that resets most of its requests is closed',
    'static_layer envoy.resource_limits.listener.health.connection_limit':
      'the listener for health has a bound of its own',
    // The secrets.
    resources: 'one resource in each file: Envoy takes no second one here',
    tls_certificate: 'the chain, PEM, its own certificate first; and its key',
    validation_context: 'the CA of the clients, PEM; and crl for its revocation list',
  }),
);

/** Lines that say what something is or is called, and no more. */
export const STRUCTURAL: ReadonlySet<string> = new Set([
  '@type',
  'name',
  'stat_prefix',
  'typed_config',
  'static_resources',
]);
