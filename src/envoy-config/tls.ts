/**
 * TLS towards the clients, the SDS files that hold the names of its keys and certificates, and the question to itself
 * whether there is a certificate to show.
 */
import type { BootstrapOptions, TlsOptions } from './options.js';
import { extension, note, printYaml, type Section } from './yaml-text.js';

const SERVER = 'countersign_server';
const CLIENT_CA = 'countersign_client_ca';

/**
 * The transport socket of the TLS listener: TLS 1.3 and a client certificate, or no connection. Where the certificate
 * is optional a client may show none; one that it shows is validated all the same, and the handshake ends on a bad one.
 * Sessions are not resumed: a resumed one would outlive the removal of its CA, and carry a certificate over.
 */
export function downstreamTls(tls: TlsOptions): Section {
  return extension(
    'envoy.transport_sockets.tls',
    'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    {
      require_client_certificate:
        tls.clientCertificate === 'required'
          ? true
          : note('without one only what is passed through unchecked answers', false),
      disable_stateless_session_resumption: true,
      disable_stateful_session_resumption: true,
      common_tls_context: {
        ...onlyTls13(),
        alpn_protocols: ['h2', 'http/1.1'],
        tls_certificate_sds_secret_configs: [secretSource(SERVER, tls.serverSdsPath, tls)],
        validation_context_sds_secret_config: secretSource(CLIENT_CA, tls.clientCaSdsPath, tls),
      },
    },
  );
}

/** What both ends of a handshake speak. */
function onlyTls13(): Section {
  return { tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' } };
}

function secretSource(name: string, path: string, { watchedDirectory }: TlsOptions): Section {
  return {
    name,
    sds_config: {
      resource_api_version: 'V3',
      path_config_source: { path, watched_directory: { path: watchedDirectory } },
    },
  };
}

/** Files of the server's certificate (chain, PEM) and key; rotated by a move inside `watchedDirectory`. */
interface ServerSdsOptions {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly watchedDirectory: string;
}

/** Beside `DEFAULT_BOOTSTRAP_OPTIONS`; `envoy/sds-server.yaml` is rendered from it. */
export const DEFAULT_SERVER_SDS_OPTIONS: ServerSdsOptions = {
  certificateFile: '/etc/countersign/tls/server.pem',
  privateKeyFile: '/etc/countersign/tls/server.key',
  watchedDirectory: '/etc/countersign/tls',
};

/** The SDS file that `TlsOptions.serverSdsPath` names. */
export function renderServerSds(options: ServerSdsOptions): string {
  return printSecret(SERVER, 'The certificate that the gateway shows.', {
    tls_certificate: {
      certificate_chain: { filename: options.certificateFile },
      private_key: { filename: options.privateKeyFile },
      watched_directory: { path: options.watchedDirectory },
    },
  });
}

/** The CA (PEM) that signs client certificates and, where there is one, its revocation list (PEM). */
interface ClientCaSdsOptions {
  readonly caFile: string;
  readonly revocationListFile?: string | undefined;
  readonly watchedDirectory: string;
  readonly clientCertificate: TlsOptions['clientCertificate'];
}

/** Beside `DEFAULT_BOOTSTRAP_OPTIONS`; `envoy/sds-client-ca.yaml` is rendered from it. */
export const DEFAULT_CLIENT_CA_SDS_OPTIONS: ClientCaSdsOptions = {
  caFile: '/etc/countersign/tls/client-ca.pem',
  watchedDirectory: '/etc/countersign/tls',
  clientCertificate: 'required',
};

/** The SDS file that `TlsOptions.clientCaSdsPath` names. Who the client is, the verifier's pins decide. */
export function renderClientCaSds(options: ClientCaSdsOptions): string {
  const { caFile, revocationListFile, watchedDirectory, clientCertificate } = options;
  return printSecret(CLIENT_CA, 'The CA of the client certificates; the verifier pins each one besides.', {
    validation_context: {
      trusted_ca: { filename: caFile },
      ...(clientCertificate === 'optional' && {
        trust_chain_verification: note('a bad certificate is never taken for none', 'VERIFY_TRUST_CHAIN'),
      }),
      ...(revocationListFile !== undefined && {
        crl: { filename: revocationListFile },
        only_verify_leaf_cert_crl: note('intermediates have a list of their own', true),
      }),
      watched_directory: { path: watchedDirectory },
    },
  });
}

function printSecret(name: string, heading: string, secret: Section): string {
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
  return printYaml(`${heading} Replace it by an atomic move, never in place.`, {
    resources: [{ '@type': type, name, ...secret }],
  });
}

/**
 * Envoy opens its port without a certificate when the SDS files cannot be loaded, and then ends every handshake; no
 * filter can ask for that. So Envoy shakes hands with itself: TLS 1.3 is done for a client once the server has shown
 * its certificate, before it is asked for one of its own. This cluster is healthy once that has been.
 */
export const DOOR_CLUSTER = 'door';

/**
 * Another address of the TLS listener itself: a listener of its own would have its own copy of the secrets, and an
 * update that fails for one leaves the other as it was (Envoy issue 42438). Abstract, so no folder has to be
 * writable; named by the admin address, which two Envoys cannot have at once either.
 */
export function doorAddress({ admin }: Pick<BootstrapOptions, 'admin'>): Section {
  return { pipe: { path: `@countersign-door-${admin.address}-${admin.port}` } };
}

/** The door stays open once it was: Envoy keeps the certificate that it has, so no later failure counts. */
const ONCE = 4_294_967_295;

/** The cluster that knocks. It never has traffic, so that the intervals are those without. */
export function door(options: Pick<BootstrapOptions, 'admin'>): Section {
  return {
    name: DOOR_CLUSTER,
    type: 'STATIC',
    connect_timeout: '1s',
    transport_socket: extension(
      'envoy.transport_sockets.tls',
      'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      { common_tls_context: note('It asks whether there is a certificate, and not which.', onlyTls13()) },
    ),
    health_checks: [
      {
        timeout: '1s',
        interval: '0.2s',
        no_traffic_interval: '0.2s',
        no_traffic_healthy_interval: '3600s',
        unhealthy_threshold: note('a flood must not close what is open', ONCE),
        healthy_threshold: 1,
        tcp_health_check: {},
      },
    ],
    load_assignment: {
      cluster_name: DOOR_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: doorAddress(options) } }] }],
    },
  };
}
