import { readFileSync, writeFileSync } from 'node:fs';
import { MAX_STREAMS } from '../../../src/grpc/server.js';
import { CONNECTION_LOG, OTHER_REQUEST_LOG, REQUEST_LOG } from '../../../src/envoy/access-log/delivery.js';
import { QUEUE } from '../../../src/keys/guarded-key.js';
import { parse } from 'yaml';
import { renderBootstrap } from '../../../src/envoy-config/bootstrap.js';
import {
  DEFAULT_BOOTSTRAP_OPTIONS,
  type BootstrapOptions,
  type RouteOptions,
} from '../../../src/envoy-config/options.js';
import {
  DEFAULT_CLIENT_CA_SDS_OPTIONS,
  DEFAULT_SERVER_SDS_OPTIONS,
  renderClientCaSds,
  renderServerSds,
} from '../../../src/envoy-config/tls.js';

/** The rendered file as plain data, with what the options change. */
function rendered(changes: Partial<BootstrapOptions> = {}): unknown {
  return parse(renderBootstrap({ ...DEFAULT_BOOTSTRAP_OPTIONS, ...changes }));
}

/** Follows member names and list positions; undefined where there is nothing. */
function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], value);
}

const listener = ['static_resources', 'listeners', 0] as const;
const manager = [...listener, 'filter_chains', 0, 'filters', 0, 'typed_config'] as const;
const names = (list: unknown) => (list as { name: string }[]).map((item) => item.name);
const filters = (root: unknown) =>
  at(root, ...manager, 'http_filters') as { name: string; typed_config: Record<string, unknown> }[];
const virtualHost = (root: unknown) => at(root, ...manager, 'route_config', 'virtual_hosts', 0);
const policyOf = (route: unknown) =>
  at(
    route,
    'typed_per_filter_config',
    'envoy.filters.http.ext_authz',
    'check_settings',
    'context_extensions',
    'countersign_policy',
  );

/** The signer's mode where a route does not turn it on. */
const OFF = {
  request_header_mode: 'SKIP',
  response_header_mode: 'SKIP',
  request_body_mode: 'NONE',
  response_body_mode: 'NONE',
  request_trailer_mode: 'SKIP',
  response_trailer_mode: 'SKIP',
};

describe('the files in envoy/', () => {
  it.each([
    ['envoy/bootstrap.yaml', renderBootstrap(DEFAULT_BOOTSTRAP_OPTIONS)],
    ['envoy/sds-server.yaml', renderServerSds(DEFAULT_SERVER_SDS_OPTIONS)],
    ['envoy/sds-client-ca.yaml', renderClientCaSds(DEFAULT_CLIENT_CA_SDS_OPTIONS)],
  ])(
    '%s is what the renderer makes of the defaults (`UPDATE=1 npm run -s jest -- test/unit/envoy-config/bootstrap` writes it)',
    (file, text) => {
      if (process.env['UPDATE'] === '1') writeFileSync(file, text);
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );
});

describe('the gateway', () => {
  const root = rendered();
  const tls = [...listener, 'filter_chains', 0, 'transport_socket', 'typed_config'] as const;
  const verifierFilter = filters(root).find((filter) => filter.name === 'envoy.filters.http.ext_authz');

  it.each([
    ['demands a client certificate', [...tls, 'require_client_certificate'], true],
    [
      'speaks TLS 1.3 and nothing older',
      [...tls, 'common_tls_context', 'tls_params', 'tls_minimum_protocol_version'],
      'TLSv1_3',
    ],
    ['resumes no session by ticket', [...tls, 'disable_stateless_session_resumption'], true],
    ['resumes no session by id', [...tls, 'disable_stateful_session_resumption'], true],
    ['takes the address of the socket, not of a header', [...manager, 'use_remote_address'], true],
    ['makes its own request ids', [...manager, 'preserve_external_request_id'], false],
    ['drops a forwarded client certificate', [...manager, 'forward_client_cert_details'], 'SANITIZE'],
    ['normalises paths', [...manager, 'normalize_path'], true],
    ['merges slashes', [...manager, 'merge_slashes'], true],
    ['refuses escaped slashes', [...manager, 'path_with_escaped_slashes_action'], 'REJECT_REQUEST'],
    [
      'refuses underscores in header names',
      [...manager, 'common_http_protocol_options', 'headers_with_underscores_action'],
      'REJECT_REQUEST',
    ],
    ['allows no upgrade', [...manager, 'upgrade_configs'], undefined],
    ['allows no extended CONNECT', [...manager, 'http2_protocol_options', 'allow_connect'], undefined],
    [
      'passes on one request of a connection at a time, so that those that are reset at once are not',
      ['layered_runtime', 'layers', 0, 'static_layer', 'http.max_requests_per_io_cycle'],
      1,
    ],
    ['keeps its admin endpoint on loopback', ['admin', 'address', 'socket_address', 'address'], '127.0.0.1'],
  ])('%s', (_title, path, value) => {
    expect(at(root, ...path)).toEqual(value);
  });

  it('asks for a client certificate, and validates one that is shown, where it may be left out', () => {
    const { tls: options } = DEFAULT_BOOTSTRAP_OPTIONS;
    const optional = rendered({ tls: { ...options, clientCertificate: 'optional' } });
    expect(at(optional, ...tls, 'require_client_certificate')).toBe(false);
    expect(at(optional, ...tls, 'disable_stateless_session_resumption')).toBe(true);
    expect(at(optional, ...tls, 'disable_stateful_session_resumption')).toBe(true);
    const source = [...tls, 'common_tls_context', 'validation_context_sds_secret_config'];
    expect(at(optional, ...source)).toEqual(at(root, ...source));
    const secret = renderClientCaSds({ ...DEFAULT_CLIENT_CA_SDS_OPTIONS, clientCertificate: 'optional' });
    expect(at(parse(secret), 'resources', 0, 'validation_context')).toEqual({
      trusted_ca: { filename: DEFAULT_CLIENT_CA_SDS_OPTIONS.caFile },
      trust_chain_verification: 'VERIFY_TRUST_CHAIN',
      watched_directory: { path: DEFAULT_CLIENT_CA_SDS_OPTIONS.watchedDirectory },
    });
  });

  it('never breaks the connection of all checks because many clients reset theirs', () => {
    const [verifier] = at(root, 'static_resources', 'clusters') as Record<string, unknown>[];
    const protocol = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    const path = ['typed_extension_protocol_options', protocol, 'explicit_http_config'];
    expect(at(verifier, ...path, 'http2_protocol_options')).toEqual({
      max_concurrent_streams: MAX_STREAMS,
      max_outbound_control_frames: 100_000,
    });
  });

  it('says an authority on every way to the verifier, as the name of a cluster may be no host', () => {
    const text = renderBootstrap(DEFAULT_BOOTSTRAP_OPTIONS);
    const ways = text.match(
      /cluster_name: (?:verifier|signer|(?:other-)?access-log)\n *authority: countersign\n|grpc_health_check:\n *authority: countersign\n/g,
    );
    expect(ways).toHaveLength(7);
    expect(text.match(/envoy_grpc:|grpc_health_check:/g)).toHaveLength(7);
  });

  it('reaches checks and answers by connections of their own, on the same sockets', () => {
    const [verifier, signer] = at(root, 'static_resources', 'clusters') as Record<string, unknown>[];
    expect([verifier?.['name'], signer?.['name']]).toEqual(['verifier', 'signer']);
    const text = JSON.stringify(verifier).replaceAll('"verifier"', '"signer"');
    expect(JSON.parse(text)).toEqual(signer);
    const unsigned = rendered({ routes: [{ policy: 'a', kind: 'exact', path: '/a', methods: ['POST'] }] });
    const names = at(unsigned, 'static_resources', 'clusters') as { name: string }[];
    expect(names.map(({ name }) => name)).not.toContain('signer');
  });

  it('takes nobody for internal: an empty list would mean loopback and private networks', () => {
    const ranges = at(root, ...manager, 'internal_address_config', 'cidr_ranges');
    expect(ranges).toEqual([{ address_prefix: '255.255.255.255', prefix_len: 32 }]);
  });

  it('asks the verifier for every request, fails closed and asks only once', () => {
    expect(verifierFilter?.typed_config).toMatchObject({
      transport_api_version: 'V3',
      failure_mode_allow: false,
      status_on_error: { code: 'ServiceUnavailable' },
      with_request_body: { max_request_bytes: 1_048_576, allow_partial_message: false, pack_as_bytes: true },
      include_peer_certificate: true,
      include_tls_session: true,
      encode_raw_headers: true,
      validate_mutations: true,
      clear_route_cache: false,
      grpc_service: { envoy_grpc: { cluster_name: 'verifier' }, timeout: '1s' },
    });
    expect(verifierFilter?.typed_config['filter_enabled']).toBeUndefined();
    expect(at(verifierFilter, 'typed_config', 'grpc_service', 'retry_policy')).toBeUndefined();
  });

  it('has nothing between the verifier and the router but the signer', () => {
    expect(filters(root).map((filter) => filter.name)).toEqual([
      'envoy.filters.http.local_ratelimit.connection',
      'envoy.filters.http.local_ratelimit.listener',
      'envoy.filters.http.ext_authz',
      'envoy.filters.http.lua',
      'envoy.filters.http.ext_proc',
      'envoy.filters.http.router',
    ]);
  });

  it('waits for the signer, fails closed and lets nobody change that', () => {
    const signer = filters(root).find((filter) => filter.name === 'envoy.filters.http.ext_proc');
    expect(signer?.typed_config).toMatchObject({
      grpc_service: { envoy_grpc: { cluster_name: 'signer' } },
      failure_mode_allow: false,
      status_on_error: { code: 'ServiceUnavailable' },
      message_timeout: '1.5s',
      allow_mode_override: false,
      mutation_rules: { disallow_is_error: true },
      metadata_options: { forwarding_namespaces: { untyped: ['envoy.filters.http.ext_authz'] } },
      response_attributes: ['response.code_details', 'request.id'],
    });
    expect(at(signer, 'typed_config', 'metadata_options', 'receiving_namespaces')).toBeUndefined();
    expect(at(signer, 'typed_config', 'observability_mode')).toBeUndefined();
    expect(at(signer, 'typed_config', 'processing_mode')).toEqual(OFF);
  });

  it.each(['ext_authz', 'ext_proc'] as const)(
    'waits for the slowest source and its queue on the front %s: the verifier says 503 before Envoy says 504',
    (front) => {
      const asks = filters(rendered({ front })).find(({ name }) => name === 'envoy.filters.http.ext_proc');
      const wait = parseFloat(at(asks, 'typed_config', 'message_timeout') as string) * 1000;
      const { checkTimeoutMilliseconds } = DEFAULT_BOOTSTRAP_OPTIONS;
      expect(wait).toBeGreaterThan(checkTimeoutMilliseconds + QUEUE.milliseconds);
    },
  );

  it('never asks an unhealthy verifier', () => {
    const lb = at(root, 'static_resources', 'clusters', 0, 'common_lb_config');
    expect(lb).toEqual({ update_merge_window: '0s', healthy_panic_threshold: { value: 0 } });
  });

  it('balances over the sockets of all workers by what they have not answered yet', () => {
    const verifierSocketPaths = ['/run/v-0.sock', '/run/v-1.sock'];
    const cluster = at(rendered({ verifierSocketPaths }), 'static_resources', 'clusters', 0);
    expect(at(cluster, 'lb_policy')).toBe('LEAST_REQUEST');
    expect(at(cluster, 'load_assignment', 'endpoints')).toEqual([
      { lb_endpoints: verifierSocketPaths.map((path) => ({ endpoint: { address: { pipe: { path } } } })) },
    ]);
    expect(at(root, 'static_resources', 'clusters', 0, 'lb_policy')).toBeUndefined();
  });

  it('asks another of several verifiers only where the first cannot have begun to judge, and no sooner than the time is up', () => {
    const several = rendered({ verifierSocketPaths: ['/run/v-0.sock', '/run/v-1.sock'] });
    for (const [name, timeout] of [
      ['envoy.filters.http.ext_authz', '1s'],
      ['envoy.filters.http.ext_proc', '15s'],
    ]) {
      const filter = filters(several).find((candidate) => candidate.name === name);
      expect(at(filter, 'typed_config', 'grpc_service')).toMatchObject({
        timeout,
        retry_policy: {
          retry_on: 'connect-failure,refused-stream',
          num_retries: 2,
          retry_back_off: { base_interval: '0.005s', max_interval: timeout },
          retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }],
        },
      });
    }
  });

  it('keeps the refusals of the verifier and words its own, each with its own code', () => {
    const mappers = at(root, ...manager, 'local_reply_config', 'mappers') as unknown[];
    const codes = mappers.map((mapper) =>
      at(mapper, 'body_format_override', 'json_format', 'errors', 0, 'code'),
    );
    const verbatim = mappers.filter((mapper) => at(mapper, 'body_format_override', 'text_format_source'));
    expect(
      verbatim.map((mapper) => at(mapper, 'body_format_override', 'text_format_source', 'inline_string')),
    ).toEqual(['%LOCAL_REPLY_BODY%', '%LOCAL_REPLY_BODY%']);
    const worded = codes.filter((code) => code !== undefined);
    expect(new Set(worded).size).toBe(mappers.length - verbatim.length);
  });
});

describe('signed answers', () => {
  const signed: RouteOptions = {
    policy: 'q',
    kind: 'exact',
    path: '/q',
    methods: ['POST'],
    answer: 'signed_feedback',
  };
  const plain: RouteOptions = { policy: 'p', kind: 'exact', path: '/p', methods: ['POST'] };
  const routes = (root: unknown) => at(virtualHost(root), 'routes') as unknown[];
  const mode = (route: unknown) =>
    at(route, 'typed_per_filter_config', 'envoy.filters.http.ext_proc', 'overrides', 'processing_mode');

  it('pass the signer whole, and only they', () => {
    const [first, second, rest] = routes(rendered({ routes: [signed, plain] }));
    expect(mode(first)).toEqual({ ...OFF, response_header_mode: 'SEND', response_body_mode: 'BUFFERED' });
    expect([mode(second), mode(rest)]).toEqual([undefined, undefined]);
  });

  it('do not leave as a success without the signer’s mark, which no upstream can set, and only they', () => {
    const root = rendered({ routes: [signed, plain] });
    const guards = routes(root).map((route) => [
      at(route, 'response_headers_to_remove'),
      at(route, 'typed_per_filter_config', 'envoy.filters.http.lua', 'name'),
    ]);
    const none = [undefined, undefined];
    expect(guards).toEqual([[['x-countersign-answer'], 'answer_guard'], none, none]);
    const lua = filters(root).find((filter) => filter.name === 'envoy.filters.http.lua');
    expect(at(lua, 'typed_config', 'default_source_code')).toBeUndefined();
    expect(at(lua, 'typed_config', 'source_codes', 'answer_guard', 'inline_string')).toContain(
      '"x-countersign-answer"',
    );
  });

  it('are asked for uncompressed, and only they', () => {
    const removed = routes(rendered({ routes: [signed, plain] })).map((route) =>
      at(route, 'request_headers_to_remove'),
    );
    expect(removed).toEqual([['accept-encoding'], undefined, undefined]);
  });

  it.each([
    ['of the largest size, whatever a request may have', 1024, 4_000_000, 4_065_536],
    ['of any size below what a retried request needs', 4_000_000, 1024, 8_000_000],
  ])('can be %s', (_title, maxBodyBytes, maxAnswerBytes, limit) => {
    const root = rendered({ routes: [signed], maxBodyBytes, maxAnswerBytes });
    expect(at(routes(root)[0], 'request_body_buffer_limit')).toBe(limit);
    expect(at(root, ...listener, 'per_connection_buffer_limit_bytes')).toBeGreaterThanOrEqual(maxAnswerBytes);
  });

  it('need no signer where there are none', () => {
    const root = rendered({ routes: [plain] });
    expect(names(filters(root))).not.toContain('envoy.filters.http.ext_proc');
    expect(JSON.stringify(root)).not.toContain('countersign_refused');
  });
});

describe('routes', () => {
  const route = (policy: string, kind: RouteOptions['kind'], path: string, methods = ['POST']) => ({
    policy,
    kind,
    path,
    methods,
  });
  const table = (routes: RouteOptions[]) =>
    (at(virtualHost(rendered({ routes })), 'routes') as unknown[]).map((item) => [
      policyOf(item),
      at(item, 'match'),
    ]);

  it('end in one without a policy, which the verifier refuses', () => {
    expect(table([])).toEqual([[undefined, { prefix: '/' }]]);
  });

  it('are exact paths first, then prefixes from the longest', () => {
    const routes = [
      route('p', 'prefix', '/a/'),
      route('q', 'prefix', '/a/b/'),
      route('e', 'exact', '/a/b/c'),
    ];
    expect(table(routes).map(([policy]) => policy)).toEqual(['e', 'q', 'p', undefined]);
  });

  it('of one path are told apart by method, and the last takes every other method', () => {
    const routes = [route('get', 'exact', '/a', ['GET', 'HEAD']), route('post', 'exact', '/a')];
    const methods = [{ name: ':method', string_match: { safe_regex: { regex: 'GET|HEAD' } } }];
    expect(table(routes).slice(0, 2)).toEqual([
      ['get', { path: '/a', headers: methods }],
      ['post', { path: '/a' }],
    ]);
  });

  it('keep a path with YAML in it as text', () => {
    const path = '/a: {b} #c \'%"*&!|>';
    expect(table([route('x', 'exact', path)])[0]).toEqual(['x', { path }]);
  });

  it('retry only what was never sent, with room for a body of the largest size twice', () => {
    expect(virtualHost(rendered())).toMatchObject({
      request_body_buffer_limit: 2_097_152,
      retry_policy: { retry_on: 'connect-failure,refused-stream,reset-before-request', num_retries: 12 },
    });
  });
});

describe('what can be turned off', () => {
  it('is the flood guard, limit by limit', () => {
    const flood = {
      requestsPerSecondPerConnection: 0,
      requestsPerSecond: 0,
      connectionsPerSecond: 0,
    };
    const root = rendered({ flood });
    expect(names(filters(root))).toEqual([
      'envoy.filters.http.ext_authz',
      'envoy.filters.http.lua',
      'envoy.filters.http.ext_proc',
      'envoy.filters.http.router',
    ]);
    expect(at(root, ...listener, 'listener_filters')).toBeUndefined();
    expect(at(root, ...manager, 'common_http_protocol_options')).toMatchObject({
      max_requests_per_connection: 100_000,
    });
  });

  it('is the health listener', () => {
    expect(names(at(rendered({ healthListener: undefined }), 'static_resources', 'listeners'))).toEqual([
      'ingress',
    ]);
  });
});

describe('a port', () => {
  it.each([
    ['by default', {}],
    ['with one address', { listener: { address: '127.0.0.1', port: 8443 } }],
  ] as const)('is shared with no other Envoy, by no listener, %s', (_title, changes) => {
    const all = at(rendered(changes), 'static_resources', 'listeners') as { enable_reuse_port?: boolean }[];
    expect(all.map((each) => each.enable_reuse_port)).toEqual([false, false]);
  });
});

describe('the flood guard', () => {
  it.each([1, 3, 10, 15, 120, 999, 10_000])('lets %i requests a second through, and no more', (rate) => {
    const flood = { ...DEFAULT_BOOTSTRAP_OPTIONS.flood, requestsPerSecond: rate };
    const bucket = at(filters(rendered({ flood }))[1], 'typed_config', 'token_bucket');
    const interval = String(at(bucket, 'fill_interval'));
    expect(interval).toMatch(/^[0-9.]+s$/);
    const perSecond = Number(at(bucket, 'tokens_per_fill')) / Number(interval.slice(0, -1));
    expect(Math.abs(perSecond / rate - 1)).toBeLessThan(0.02);
    expect(Number(interval.slice(0, -1))).toBeGreaterThanOrEqual(0.05);
  });
});

describe('the access log', () => {
  const log = (accessLogPath: string) => at(rendered({ accessLogPath }), ...manager, 'access_log', 0);

  it('goes to a file', () => {
    const file = log('audit/access.ndjson');
    expect(file).toMatchObject({ name: 'envoy.access_loggers.file' });
    expect(at(file, 'typed_config', 'path')).toBe('audit/access.ndjson');
  });

  it('goes to standard output without opening a device', () => {
    expect(log('/dev/stdout')).toMatchObject({ name: 'envoy.access_loggers.stdout' });
  });

  it('holds the decision and no query', () => {
    expect(at(log('x'), 'typed_config', 'log_format', 'json_format')).toMatchObject({
      decision_id: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:decision_id)%',
      code: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:code)%',
      path: '%PATH(NQ)%',
    });
  });
});

describe('what the verifier is told of requests and connections', () => {
  const root = rendered();
  const requests = at(root, ...manager, 'access_log', 1, 'typed_config', 'common_config');
  const others = at(root, ...manager, 'access_log', 2, 'typed_config', 'common_config');
  const connections = at(root, ...listener, 'access_log', 0, 'typed_config', 'common_config');

  it.each([
    ['allows', requests, REQUEST_LOG, 'access-log'],
    ['other requests', others, OTHER_REQUEST_LOG, 'other-access-log'],
    ['connections', connections, CONNECTION_LOG, 'other-access-log'],
  ])('%s go over streams of their own, at once', (_name, config, logName, cluster) => {
    expect(config).toEqual({
      log_name: logName,
      transport_api_version: 'V3',
      grpc_service: { envoy_grpc: { cluster_name: cluster, authority: 'countersign' } },
      buffer_flush_interval: '0.02s',
      buffer_size_bytes: 65_536,
    });
  });

  // The rule by which a nonce is given back rests on it (src/envoy/access-log/delivery.ts).
  it('has the name that vouches for retries of nothing but what was not sent', () => {
    const { retry_policy: policy } = at(root, ...manager, 'route_config', 'virtual_hosts', 0) as {
      retry_policy: { retry_on: string };
    };
    expect(policy.retry_on.split(',')).toEqual(['connect-failure', 'refused-stream', 'reset-before-request']);
    const text = renderBootstrap(DEFAULT_BOOTSTRAP_OPTIONS);
    expect(text).not.toMatch(/request_mirror_policies|hedge_policy|internal_redirect_policy/);
    const [, , upstream] = at(root, 'static_resources', 'clusters') as unknown[];
    expect(JSON.stringify(upstream)).toContain('"explicit_http_config":{"http_protocol_options":{}}');
  });
});

describe('clusters', () => {
  const upstream = (address: string) =>
    at(rendered({ upstream: { address, port: 9000 } }), 'static_resources', 'clusters', 2, 'type');

  it.each([
    ['127.0.0.1', 'STATIC'],
    ['::1', 'STATIC'],
    ['app.internal', 'STRICT_DNS'],
  ])('an upstream at %s is %s', (address, type) => {
    expect(upstream(address)).toBe(type);
  });
});

describe('the client CA file', () => {
  it('names a revocation list where there is one', () => {
    const options = { ...DEFAULT_CLIENT_CA_SDS_OPTIONS, revocationListFile: '/etc/crl.pem' };
    const context = at(parse(renderClientCaSds(options)), 'resources', 0, 'validation_context');
    expect(context).toMatchObject({ crl: { filename: '/etc/crl.pem' }, only_verify_leaf_cert_crl: true });
  });
});
