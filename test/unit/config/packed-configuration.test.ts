/** A configuration on its way from the thread that judged it to the loop that serves. */
import { configurationChanges } from '../../../src/config/configuration-changes.js';
import {
  packConfiguration,
  unpackConfiguration,
  wipePacked,
} from '../../../src/config/packed-configuration.js';
import { settingsThatNeedRestart } from '../../../src/config/restart-settings.js';
import type { Configuration } from '../../../src/config/settings.js';
import { nodeSigner } from '../../../src/crypto/signing.js';
import { localKey } from '../../support/signing.js';
import { manyIdentities, manyOperators } from '../../e2e/support/many.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  identity,
  loaded,
  type Workspace,
} from './workspace.js';

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

const tenant = '11111111-1111-4111-8111-111111111111';
const ID = 'spiffe://example.org/ns/production/sa/producer';
const names = [
  { uri: ID, authority: 'mesh', issuedFrom: '2026-06-01T00:00:00Z' },
  { dns: 'producer.example.org', authority: 'mesh' },
];
const fileStates = new Map([['/etc/countersign.yaml', '600 abc']]);
const atOnce = (): Promise<void> => Promise.resolve();

/** With something of everything in it. */
function rich(changes: Readonly<Record<string, unknown>> = {}): Configuration {
  const own = { keys: [{ kid: 'fb-own', privateKeyFile: 'keys/fb-own.key' }] };
  const signing = feedback({ tenants: { [tenant]: own } });
  const policies = [
    { name: 'telemetry', profile: 'federation.telemetry', schemaVersions: ['1.0'] },
    { name: 'feedback', profile: 'federation.feedback-query' },
    {
      name: 'own',
      match: { methods: ['POST'], pathPrefix: '/own/' },
      rateLimit: { perMinute: 3 },
      body: { json: { operator: '/operator', topLevel: ['operator', 'more'] } },
    },
  ];
  const identities = [
    identity({ attestations: ['ab'.repeat(32)] }),
    identity({ name: 'all', operators: undefined }),
    identity({ name: 'named', certificates: [], certificateNames: names, meshNames: [{ uri: ID }] }),
  ];
  const more = {
    authorities: {
      mesh: { file: 'certs/ca.crt', trustDomain: 'example.org' },
      own: { file: 'certs/producer-a.pem' },
    },
  };
  const believed = { ...more, forwardedClientCert: 'mesh-identity' };
  return loaded(
    workspace.load(configurationText({ feedback: signing, policies, identities, ...believed, ...changes })),
  );
}

async function handedOver(configuration: Configuration): Promise<Configuration> {
  const parts = packConfiguration(configuration, fileStates);
  const { configuration: next } = await unpackConfiguration(parts, 7, atOnce);
  wipePacked(parts);
  if (next === undefined) throw new Error('nothing was handed over');
  return next;
}

// Fault: reload-large
describe('what is handed over', () => {
  it('is the configuration, under the generation of whoever takes it', async () => {
    const configuration = rich();
    const { snapshot, ...rest } = await handedOver(configuration);
    const { snapshot: before, ...others } = configuration;
    expect(rest).toEqual(others);
    // Authorities hold certificates of OpenSSL, which are no plain values to compare.
    expect({ ...snapshot, authorities: undefined }).toEqual({
      ...before,
      authorities: undefined,
      generation: 7,
    });
  });

  it('has its authorities, which issue what they issued before', async () => {
    const configuration = rich();
    const before = configuration.snapshot.authorities!;
    const after = (await handedOver(configuration)).snapshot.authorities!;
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, { trustDomain, issuers }] of before) {
      const unpacked = after.get(name)!;
      expect(unpacked.trustDomain).toBe(trustDomain);
      const [was, is] = [issuers, unpacked.issuers].map((all) =>
        all.map(({ certificate, ...validity }) => ({ der: certificate.raw.toString('hex'), ...validity })),
      );
      expect(is).toEqual(was);
      for (const { certificate } of issuers) expect(unpacked.issuersOf(certificate)).toHaveLength(1);
    }
  });

  it('has the secrets of its settings, which the parts hold apart and only until they are wiped', async () => {
    const configuration = rich();
    const login = { username: 'countersign', password: () => 'hunter2', tls: { privateKey: () => 'a key' } };
    const settings = { ...configuration.settings, nonces: { store: 'redis', redis: login } };
    const changed = { ...configuration, settings } as unknown as Configuration;
    const parts = packConfiguration(changed, fileStates);
    const bytes = (): string => parts.map((part) => Buffer.from(part.bytes).toString('latin1')).join();
    expect(bytes().split('hunter2')).toHaveLength(2);
    const unpacked = await Promise.all([1, 2].map(() => unpackConfiguration(parts, 2, atOnce)));
    for (const { configuration: next } of unpacked) {
      const { redis } = next!.settings.nonces as unknown as { redis: typeof login };
      expect([redis.username, redis.password(), redis.tls.privateKey()]).toEqual([
        'countersign',
        'hunter2',
        'a key',
      ]);
      expect(JSON.stringify(next!.settings)).not.toContain('hunter2');
      expect(settingsThatNeedRestart(changed, next!)).toEqual([]);
      expect(await configurationChanges(unpacked[0]!.configuration!, next!, atOnce)).toEqual([]);
    }
    const other = { ...settings, nonces: { store: 'redis', redis: { ...login, password: () => 'other' } } };
    expect(settingsThatNeedRestart(changed, { ...changed, settings: other } as never)).toEqual(['nonces']);
    wipePacked(parts);
    expect(bytes()).not.toContain('hunter2');
  });

  it('without a feedback section has none', async () => {
    const { snapshot } = await handedOver(loaded(workspace.load(configurationText())));
    expect(snapshot.feedback).toBeUndefined();
  });

  it('signs after the parts were wiped, and the parts hold no key any more', async () => {
    const configuration = rich();
    const parts = packConfiguration(configuration, fileStates);
    const { configuration: next } = await unpackConfiguration(parts, 2, atOnce);
    wipePacked(parts);
    const message = Buffer.from('an answer');
    const domains = ({ snapshot }: Configuration) => [
      snapshot.feedback!.defaultDomain,
      snapshot.feedback!.tenantDomains.get(tenant)!,
    ];
    for (const [at, { keys }] of domains(configuration).entries())
      for (const [number, key] of keys.entries()) {
        const own = localKey(key);
        const handed = localKey(domains(next!)[at]!.keys[number]);
        expect(handed.sign(nodeSigner, message)).toEqual(own.sign(nodeSigner, message));
        const secret = Buffer.from(own.copySecret());
        expect(parts.some(({ bytes }) => Buffer.from(bytes).includes(secret.subarray(0, 32)))).toBe(false);
      }
  });

  it('can be taken again and again until then', async () => {
    const parts = packConfiguration(rich(), fileStates);
    const [first, second] = [
      await unpackConfiguration(parts, 1, atOnce),
      await unpackConfiguration(parts, 1, atOnce),
    ];
    expect(second.configuration?.snapshot).toEqual(first.configuration?.snapshot);
  });

  it('of a load that was refused is the states of its files', async () => {
    const found = await unpackConfiguration(packConfiguration(undefined, fileStates), 1, atOnce);
    expect(found).toEqual({ configuration: undefined, fileStates });
  });
});

// Fault: reload-large
it('comes in parts of a bounded size, with a pause after each', async () => {
  const [count, most] = [3_000, 300];
  const configuration = rich({
    operators: manyOperators(count, '-'),
    identities: [...manyIdentities(count), identity({ operators: Object.keys(manyOperators(count, '-')) })],
  });
  const many = new Map(Array.from({ length: count }, (_, at) => [`/file-${at}`, 'state']));
  const parts = packConfiguration(configuration, many);
  let pauses = 0;
  const { configuration: next, fileStates: seen } = await unpackConfiguration(parts, 1, () => {
    pauses++;
    return Promise.resolve();
  });
  expect(pauses).toBe(parts.length);
  // Six things an identity, one an operator, and one a file.
  expect(parts.length).toBeGreaterThan((8 * count) / most);
  expect([next?.snapshot.identities.size, next?.snapshot.operators.size, seen.size]).toEqual([
    count + 1,
    count,
    count,
  ]);
});
