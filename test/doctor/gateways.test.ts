/** What others' control planes make of our manifests, as it is and with one thing made wrong: translations that are checked in. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { TRANSLATED_FILE } from '../e2e/support/envoy-gateway/static-bootstrap.js';
import { loadMinimal } from './support/configured.js';
import { idsOf, verdictOn } from './support/judged.js';
import { items, tree, type Tree } from './support/document.js';

/** The parts of the translation that a gateway's owner can get wrong. */
interface Parts {
  readonly listener: Tree;
  readonly manager: Tree;
  readonly processor: Tree;
  readonly tls: Tree;
  readonly host: Tree;
  readonly route: Tree;
}

function translated(): { document: Tree; parts: Parts } {
  const document = parse(readFileSync(TRANSLATED_FILE, 'utf8')) as Tree;
  const configs = items(Object.values(document['xds']!)[0]!['configs']);
  const listeners = configs.flatMap((section) => items(section['dynamicListeners'] ?? tree([])));
  const listener = listeners
    .map((entry) => entry['activeState']!['listener']!)
    .find((each) => JSON.stringify(each).includes('ExternalProcessor'))!;
  const chain = items(listener['filterChains'])[0]!;
  const manager = items(chain['filters'])[0]!['typedConfig']!;
  const tables = configs.flatMap((section) => items(section['dynamicRouteConfigs'] ?? tree([])));
  const [host] = tables.flatMap((entry) => items(entry['routeConfig']!['virtualHosts']));
  const parts = {
    listener,
    manager,
    processor: items(manager['httpFilters'])[0]!,
    tls: chain['transportSocket']!['typedConfig']!,
    host: host!,
    route: items(host!['routes'])[0]!,
  };
  return { document, parts };
}

function changed(change: (parts: Parts) => void): Tree {
  const { document, parts } = translated();
  change(parts);
  return document;
}

/** What is known of a Gateway that has everything its API can say. */
const LEFT = new Set(idsOf(verdictOn(translated().document)));

type Mode = Record<string, string>;
const mode = (change: Mode) => (parts: Parts) =>
  void Object.assign(parts.processor['typedConfig']!['processingMode']!, change);

describe('Envoy Gateway', () => {
  it('leaves no error in what our manifests come to', () => {
    const { findings } = verdictOn(translated().document);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it.each<[title: string, rule: string, change: (parts: Parts) => void]>([
    [
      'a route to which the EnvoyExtensionPolicy is not attached',
      'CSD401',
      ({ route }) => delete route['typedPerFilterConfig'],
    ],
    [
      'a second route without it',
      'CSD401',
      ({ host, route }) => {
        const open: Tree = { ...route, name: tree('open'), match: tree({ prefix: '/open' }) };
        delete open['typedPerFilterConfig'];
        host['routes'] = tree([route, open]);
      },
    ],
    ['failOpen', 'CSD101', ({ processor }) => (processor['typedConfig']!['failureModeAllow'] = tree(true))],
    [
      'no attribute of the certificate',
      'CSD205',
      ({ processor }) => delete processor['typedConfig']!['requestAttributes'],
    ],
    [
      'no attribute that tells whose answer it is',
      'CSD211',
      ({ processor }) => delete processor['typedConfig']!['responseAttributes'],
    ],
    ['Streamed', 'CSD203', mode({ requestBodyMode: 'STREAMED' })],
    ['BufferedPartial', 'CSD203', mode({ requestBodyMode: 'BUFFERED_PARTIAL' })],
    ['no body', 'CSD204', mode({ requestBodyMode: 'NONE' })],
    ['no headers of answers', 'CSD212', mode({ responseHeaderMode: 'SKIP' })],
    [
      'allowModeOverride',
      'CSD202',
      ({ processor }) => (processor['typedConfig']!['allowModeOverride'] = tree(true)),
    ],
    ['no statusOnError', 'CSD121', ({ processor }) => delete processor['typedConfig']!['statusOnError']],
    ['no messageTimeout', 'CSD130', ({ processor }) => delete processor['typedConfig']!['messageTimeout']],
    [
      'no writable namespace',
      'CSD216',
      ({ processor }) => delete processor['typedConfig']!['metadataOptions'],
    ],
    [
      'the name of a cluster as authority',
      'CSD134',
      ({ processor }) => delete processor['typedConfig']!['grpcService']!['envoyGrpc']!['authority'],
    ],
    ['an optional client certificate', 'CSD602', ({ tls }) => delete tls['requireClientCertificate']],
    [
      'AllowInsecureFallback',
      'CSD603',
      ({ tls }) => {
        const common = tls['commonTlsContext']!;
        common['combinedValidationContext'] = tree({
          defaultValidationContext: { trustChainVerification: 'ACCEPT_UNTRUSTED' },
          validationContextSdsSecretConfig: common['validationContextSdsSecretConfig'],
        });
        delete common['validationContextSdsSecretConfig'];
      },
    ],
    [
      'a route that takes websockets',
      'CSD410',
      ({ route }) => (route['route']!['upgradeConfigs'] = tree([{ upgradeType: 'websocket' }])),
    ],
    [
      'a listener that takes websockets',
      'CSD410',
      ({ manager }) => (manager['upgradeConfigs'] = tree([{ upgradeType: 'websocket' }])),
    ],
    [
      'retries',
      'CSD411',
      ({ route }) => (route['route']!['retryPolicy'] = tree({ retryOn: 'connect-failure,5xx' })),
    ],
    [
      'XFCC that is forwarded',
      'CSD503',
      ({ manager }) => (manager['forwardClientCertDetails'] = tree('APPEND_FORWARD')),
    ],
  ])('with %s breaks %s', (_title, rule, change) => {
    const { findings } = verdictOn(changed(change));
    const before = verdictOn(translated().document).findings;
    const isNew = findings.some(
      ({ rule: { id }, where, severity }) =>
        id === rule &&
        !before.some((old) => old.rule.id === id && old.where === where && old.severity === severity),
    );
    expect(isNew || (LEFT.has(rule) && findings.some(({ rule: { id } }) => id === rule))).toBe(true);
  });

  it('with a small buffer refuses bodies that the configuration takes', () => {
    const document = changed(({ listener }) => (listener['perConnectionBufferLimitBytes'] = tree(32_768)));
    expect(idsOf(verdictOn(document, { configuration: loadMinimal() }))).toContain('CSD217');
    expect(idsOf(verdictOn(translated().document, { configuration: loadMinimal() }))).not.toContain('CSD217');
  });

  it('without a policy on any route leads past the verifier, and says so as an error', () => {
    const { findings } = verdictOn(changed(({ route }) => delete route['typedPerFilterConfig']));
    expect(findings.find(({ rule }) => rule.id === 'CSD401')?.severity).toBe('error');
  });
});
