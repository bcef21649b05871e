/** What Envoy delivered, and which policy governs it. */
import { changed, header, type PipelineCase } from './case.js';
import { passThroughPolicy, setHeader, TELEMETRY_PATH } from '../signed-request.js';

export const deliveryCases: readonly PipelineCase[] = [
  {
    title: 'a check without the raw header list',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.rawHeaders = false)),
  },
  {
    title: 'a check with its body as text',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.rawBody = false)),
  },
  {
    title: 'a check without a method',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.method = '')),
  },
  {
    title: 'a check without a path',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.path = '')),
  },
  { title: 'a websocket upgrade', code: 'upgrade_refused', parts: header('upgrade', 'websocket') },
  { title: 'an upgrade header without a value', code: 'upgrade_refused', parts: header('upgrade', '') },
  {
    title: 'an upgrade on a pass-through route',
    code: 'upgrade_refused',
    parts: changed((parts) => {
      parts.path = '/public/x';
      parts.method = 'GET';
      setHeader(parts, 'upgrade', 'websocket');
    }),
  },
  {
    title: 'CONNECT',
    code: 'upgrade_refused',
    parts: changed((parts) => void (parts.method = 'CONNECT')),
  },
  {
    title: 'two hosts joined by a comma',
    code: 'authority_ambiguous',
    parts: changed((parts) => void (parts.authority = 'localhost,evil')),
  },
];

export const routeCases: readonly PipelineCase[] = [
  {
    title: 'a path without a policy',
    code: 'no_policy',
    parts: changed((parts) => void (parts.path = '/elsewhere')),
  },
  {
    title: 'a path with a trailing slash',
    code: 'no_policy',
    parts: changed((parts) => void (parts.path += '/')),
  },
  {
    title: 'a path in another case',
    code: 'no_policy',
    parts: changed((parts) => void (parts.path = TELEMETRY_PATH.toUpperCase())),
  },
  {
    title: 'a policy name that nobody declared',
    code: 'no_policy',
    parts: changed((parts) => void (parts.policyName = 'constructor')),
  },
  {
    title: 'an empty policy name',
    code: 'no_policy',
    parts: changed((parts) => void (parts.policyName = '')),
  },
  {
    title: 'a named policy whose path is another',
    code: 'no_policy',
    parts: changed((parts) => void (parts.policyName = passThroughPolicy.name)),
  },
  ...[
    '/public/..;/internal/v1/telemetry',
    '/public/..%3b/internal',
    '/public/..%c0%afinternal',
    '/public/%252e%252e%252finternal',
    '/public//x',
    '/public/%00',
    '/public/caf\u00e9',
  ].map((path): PipelineCase => ({
    title: `the path ${JSON.stringify(path)} on a pass-through`,
    code: 'path_not_normal',
    parts: changed((parts) => {
      parts.path = path;
      parts.method = 'GET';
    }),
  })),
  {
    title: 'another spelling of a signed route on a pass-through',
    code: 'path_not_normal',
    parts: changed((parts) => {
      parts.path = '/public/ADMIN%20';
      parts.method = 'GET';
    }),
    snapshot: {
      policies: [{ ...passThroughPolicy, innerRoutes: [{ kind: 'exact', foldedPath: '/public/admin' }] }],
    },
  },
  ...['/public/tree', '/public/TREE', '/public/tree.'].map((path): PipelineCase => ({
    title: `the bare name ${path} of a signed prefix on a pass-through`,
    code: 'path_not_normal',
    parts: changed((parts) => {
      parts.path = path;
      parts.method = 'GET';
    }),
    snapshot: {
      policies: [{ ...passThroughPolicy, innerRoutes: [{ kind: 'prefix', foldedPath: '/public/tree/' }] }],
    },
  })),
  {
    title: 'a query string on a signed route',
    code: 'query_not_allowed',
    parts: changed((parts) => void (parts.path += '?a=1')),
  },
  {
    title: 'an empty query string on a signed route',
    code: 'query_not_allowed',
    parts: changed((parts) => void (parts.path += '?')),
  },
  {
    title: 'GET on a POST route',
    code: 'method_not_allowed',
    parts: changed((parts) => void (parts.method = 'GET')),
  },
  {
    title: 'a lower-case method',
    code: 'method_not_allowed',
    parts: changed((parts) => void (parts.method = 'post')),
  },
];
