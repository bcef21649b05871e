import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AggregatorRegistry, Registry } from 'prom-client';
import type { Configuration } from '../../../src/config/settings.js';
import type { NonceStore } from '../../../src/nonces/nonce-store.js';
import {
  type CheckStage,
  timedClaims,
  DecisionMetrics,
} from '../../../src/observability/decision-metrics.js';
import { addBuildInfo, createRegistry } from '../../../src/observability/process-metrics.js';
import { StageTimer } from '../../../src/verify/stage-timer.js';
import type { ClaimNonce, ClaimPlan } from '../../../src/verify/effects.js';
import { noFacts } from '../../../src/verify/decision.js';
import type { SignedPolicy } from '../../../src/verify/snapshot.js';
import { refuse, type Refusal } from '../../../src/verify/refusal.js';
import {
  always,
  CERTIFICATE,
  IDENTITY,
  keyEntry,
  makeSnapshot,
  NOW_MS,
  producerKey,
} from '../../support/signed-request.js';

const samples = async (registry: Registry, start: string): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith(start));

describe('decision metrics', () => {
  it('count by policy and code and time every stage', async () => {
    const registry = new Registry();
    const metrics = new DecisionMetrics(registry);
    let now = 0;
    const timer = new StageTimer<CheckStage>(() => now);
    now = 0.04;
    timer.mark('decode');
    now = 2.04;
    timer.mark('signature');
    metrics.decided('p', 'allow', timer);
    metrics.decided(undefined, 'no_policy', timer);
    expect(await samples(registry, 'countersign_decisions_total')).toEqual([
      'countersign_decisions_total{policy="p",code="allow"} 1',
      'countersign_decisions_total{policy="none",code="no_policy"} 1',
    ]);
    const stages = await samples(registry, 'countersign_stage_seconds');
    expect(stages).toEqual(
      expect.arrayContaining([
        'countersign_stage_seconds_bucket{le="0.00005",stage="decode"} 2',
        'countersign_stage_seconds_bucket{le="0.001",stage="signature"} 0',
        'countersign_stage_seconds_bucket{le="0.0025",stage="signature"} 2',
        'countersign_stage_seconds_count{stage="total"} 2',
      ]),
    );
  });

  it('count what identities rest on, of requests whose signature verified and of no other', async () => {
    const registry = new Registry();
    const metrics = new DecisionMetrics(registry);
    const facts = { ...noFacts(), policy: { name: 'p' } as SignedPolicy, kid: 'k1' };
    metrics.proven({ ...facts, assurance: 'name_under_authority' });
    metrics.proven({ ...facts, assurance: 'name_under_authority' });
    metrics.proven({ ...facts, assurance: 'certificate_pin' });
    metrics.proven({ ...facts, kid: undefined, assurance: 'mesh_identity' });
    metrics.proven({ ...facts, policy: undefined, assurance: 'mesh_identity' });
    metrics.proven({ ...facts, assurance: undefined });
    expect(await samples(registry, 'countersign_proven_requests_total')).toEqual([
      'countersign_proven_requests_total{assurance="name_under_authority",policy="p"} 2',
      'countersign_proven_requests_total{assurance="certificate_pin",policy="p"} 1',
    ]);
  });

  it('show how far a clock is off, by requests whose signature verified and by no other', async () => {
    const registry = new Registry();
    const metrics = new DecisionMetrics(registry);
    const policy = { name: 'p' } as SignedPolicy;
    metrics.proven({ ...noFacts(), policy, kid: 'k', skewSeconds: -12 });
    metrics.proven({ ...noFacts(), policy, kid: 'k', skewSeconds: 0 });
    metrics.proven({ ...noFacts(), policy, kid: 'k', skewSeconds: 9 });
    metrics.proven({ ...noFacts(), policy, kid: undefined, skewSeconds: 29 });
    metrics.proven({ ...noFacts(), policy, kid: 'k', skewSeconds: undefined });
    const lines = await samples(registry, 'countersign_timestamp_skew_seconds');
    expect(lines.filter((line) => /le="(?:-20|-10|-1|0|5|10|\+Inf)"|_count|_sum/.test(line))).toEqual([
      'countersign_timestamp_skew_seconds_bucket{le="-20",policy="p"} 0',
      'countersign_timestamp_skew_seconds_bucket{le="-10",policy="p"} 1',
      'countersign_timestamp_skew_seconds_bucket{le="-1",policy="p"} 1',
      'countersign_timestamp_skew_seconds_bucket{le="0",policy="p"} 2',
      'countersign_timestamp_skew_seconds_bucket{le="5",policy="p"} 2',
      'countersign_timestamp_skew_seconds_bucket{le="10",policy="p"} 3',
      'countersign_timestamp_skew_seconds_bucket{le="+Inf",policy="p"} 3',
      'countersign_timestamp_skew_seconds_sum{policy="p"} -3',
      'countersign_timestamp_skew_seconds_count{policy="p"} 3',
    ]);
  });

  it('count lost records', async () => {
    const registry = new Registry();
    const metrics = new DecisionMetrics(registry);
    metrics.recordLost();
    expect(await samples(registry, 'countersign_audit')).toEqual(['countersign_audit_records_lost_total 1']);
  });
});

describe('claim metrics', () => {
  it.each<[string, () => ReturnType<typeof refuse> | Promise<ReturnType<typeof refuse>>]>([
    ['at once', () => refuse('nonce_store_full')],
    ['later', () => Promise.resolve(refuse('nonce_store_full'))],
  ])('time a store that answers %s and change nothing else', async (_how, answer) => {
    const registry = new Registry();
    let now = 0;
    const timed = timedClaims<Parameters<ClaimNonce>, Refusal>(
      () => {
        now += 3;
        return answer();
      },
      { registry, store: 'fake', monotonicMs: () => now },
    );
    expect(await timed({} as ClaimPlan, () => true)).toEqual(refuse('nonce_store_full'));
    expect(await samples(registry, 'countersign_nonce_claim_seconds_sum')).toEqual([
      'countersign_nonce_claim_seconds_sum{store="fake"} 0.003',
    ]);
  });
});

describe('the gauge of ends', () => {
  it('shows of a chain and of a bundle the end of the first that ends', async () => {
    const place = mkdtempSync(join(tmpdir(), 'ends-'));
    const [soon, late] = ['expired.pem', 'producer.pem'].map((name) =>
      readFileSync(`test/unit/config/fixtures/files/${name}`, 'utf8'),
    );
    const files = { certificateFile: join(place, 'chain.pem'), clientCaFile: join(place, 'marked.pem') };
    writeFileSync(files.certificateFile, `${late}# the other\n${soon}`);
    writeFileSync(files.clientCaFile, `${late}${late}`);
    const configuration = {
      snapshot: makeSnapshot({ identity: { pins: [], keys: [] } }),
      settings: { envoy: { tls: files } },
    } as unknown as Configuration;
    const store = {
      name: 'fake',
      status: () => ({ entries: 0, maxEntries: 1, floorSeconds: 0, clockSteps: 0 }),
    } as unknown as NonceStore;
    const registry = createRegistry({ configuration: () => configuration, store, nowMs: () => NOW_MS });
    const ends = [soon, late].map((pem) => Date.parse(new X509Certificate(pem ?? '').validTo) / 1000 + 1);
    expect(await samples(registry, 'countersign_expiry_timestamp_seconds')).toEqual([
      `countersign_expiry_timestamp_seconds{kind="certificate",owner="envoy",name="${files.certificateFile}"} ${ends[0]}`,
      `countersign_expiry_timestamp_seconds{kind="certificate",owner="envoy",name="${files.clientCaFile}"} ${ends[1]}`,
    ]);
    rmSync(place, { recursive: true });
  });
});

describe('process metrics', () => {
  it('show the store, the generation and what is about to end', async () => {
    const faults: string[] = [];
    const store: NonceStore = {
      name: 'fake',
      claim: () => ({ kind: 'claimed' }),
      withdraw: () => undefined,
      noteDeliveries: () => undefined,
      areAwaited: () => [],
      status: () => ({
        entries: 5,
        maxEntries: 9,
        floorSeconds: 7,
        clockSteps: 2,
        ...(faults[0] === undefined ? {} : { unhealthy: faults[0] }),
      }),
      close: () => Promise.resolve(),
    };
    const pins = [
      { kind: 'certificate', sha256: CERTIFICATE.certificateSha256, notBeforeMs: 0, notAfterMs: NOW_MS },
    ] as const;
    const keys = [
      keyEntry('ends', producerKey, { notAfterMs: NOW_MS + 1_000 }),
      keyEntry('endless', producerKey, always),
    ];
    const configuration = {
      snapshot: makeSnapshot({ generation: 4, identity: { pins, keys } }),
      settings: { envoy: undefined },
    } as unknown as Configuration;
    const registry = createRegistry({ configuration: () => configuration, store, nowMs: () => NOW_MS });
    expect(await samples(registry, 'countersign_')).toEqual([
      'countersign_nonce_entries{store="fake"} 5',
      'countersign_nonce_entries_max{store="fake"} 9',
      'countersign_nonce_floor_seconds{store="fake"} 7',
      'countersign_nonce_store_healthy{store="fake"} 1',
      'countersign_clock_steps_total 2',
      'countersign_configuration_generation 4',
      `countersign_expiry_timestamp_seconds{kind="pin",owner="${IDENTITY}",name="${CERTIFICATE.certificateSha256}"} 1764000000.5`,
      `countersign_expiry_timestamp_seconds{kind="key",owner="${IDENTITY}",name="ends"} 1764000001.5`,
    ]);
    faults.push('closed');
    expect(await samples(registry, 'countersign_nonce_store_healthy')).toEqual([
      'countersign_nonce_store_healthy{store="fake"} 0',
    ]);
  });
});

describe('what is about to end', () => {
  const HOUR = 3_600_000;
  const pin = (letter: string, notAfterMs: number, notBeforeMs = 0) =>
    ({ kind: 'certificate', sha256: letter.repeat(64), notBeforeMs, notAfterMs }) as const;

  /** The names in the gauge, once a reload has put `next` in force. */
  function gaugeOf(first: Parameters<typeof makeSnapshot>[0]) {
    const at = { nowMs: NOW_MS, configuration: configured(first) };
    const figures = { entries: 0, maxEntries: 1, floorSeconds: 0, clockSteps: 0 };
    const store = { name: 'fake', status: () => figures } as unknown as NonceStore;
    const registry = createRegistry({
      configuration: () => at.configuration,
      store,
      nowMs: () => at.nowMs,
    });
    const names = async (): Promise<string[]> =>
      (await samples(registry, 'countersign_expiry_timestamp_seconds{')).map(
        (line) => /name="([^"]*)"/.exec(line)?.[1] ?? line,
      );
    return {
      names,
      reload: (next: Parameters<typeof makeSnapshot>[0]) => (at.configuration = configured(next)),
      wait: (milliseconds: number) => (at.nowMs += milliseconds),
    };
  }

  function configured(options: Parameters<typeof makeSnapshot>[0]): Configuration {
    return { snapshot: makeSnapshot(options), settings: { envoy: undefined } } as unknown as Configuration;
  }

  it('leaves out a retired key that another one replaces, from the moment it ends', async () => {
    const keys = [
      keyEntry('old', producerKey, { notAfterMs: NOW_MS + HOUR }),
      keyEntry('new', producerKey, { notAfterMs: NOW_MS + 24 * HOUR }),
    ];
    const pins = [pin('a', NOW_MS + HOUR), pin('b', NOW_MS + 24 * HOUR)];
    const gauge = gaugeOf({ identity: { pins, keys } });
    expect(await gauge.names()).toEqual(['a'.repeat(64), 'b'.repeat(64), 'old', 'new']);
    gauge.wait(HOUR - 1);
    expect(await gauge.names()).toHaveLength(4);
    gauge.wait(1);
    expect(await gauge.names()).toEqual(['b'.repeat(64), 'new']);
    gauge.wait(-HOUR);
    expect(await gauge.names()).toHaveLength(4);
  });

  it('keeps an ended key that nothing replaces yet: its caller is locked out', async () => {
    const keys = [
      keyEntry('ended', producerKey, { notAfterMs: NOW_MS - HOUR }),
      keyEntry('begins', producerKey, { notBeforeMs: NOW_MS + HOUR, notAfterMs: NOW_MS + 24 * HOUR }),
    ];
    const gauge = gaugeOf({ identity: { pins: [pin('a', NOW_MS - HOUR)], keys } });
    expect(await gauge.names()).toEqual(['a'.repeat(64), 'ended', 'begins']);
    gauge.wait(HOUR);
    expect(await gauge.names()).toEqual(['a'.repeat(64), 'begins']);
  });

  it('keeps an ended key while one of its purposes has no other', async () => {
    const other = { ...keyEntry('other', producerKey, always), purposes: ['request'] as const };
    const both = {
      ...keyEntry('both', producerKey, { notAfterMs: NOW_MS }),
      purposes: ['request', 'bundle'] as const,
    };
    const gauge = gaugeOf({ identity: { pins: [], keys: [both, other] } });
    expect(await gauge.names()).toEqual(['both']);
    gauge.reload({ identity: { pins: [], keys: [{ ...both, purposes: ['request'] }, other] } });
    expect(await gauge.names()).toEqual([]);
  });

  it('has nothing any more of what a reload removed, or of an identity that is revoked', async () => {
    const keys = [keyEntry('ends', producerKey, { notAfterMs: NOW_MS + HOUR })];
    const gauge = gaugeOf({ identity: { pins: [pin('a', NOW_MS + HOUR)], keys } });
    expect(await gauge.names()).toEqual(['a'.repeat(64), 'ends']);
    gauge.reload({ identity: { pins: [], keys } });
    expect(await gauge.names()).toEqual(['ends']);
    gauge.reload({ identity: { pins: [], keys, revoked: true } });
    expect(await gauge.names()).toEqual([]);
  });
});

// Fault: reload-large
describe('a configuration as large as they come', () => {
  const COUNT = 20_000;
  const SHOWN = 1_000;

  it('is looked through in slices, and of its ends the soonest are shown', async () => {
    const [one] = makeSnapshot({ identity: { pins: [], keys: [] } }).identities.values();
    if (one === undefined) throw new Error('there is no identity');
    const identities = Array.from({ length: COUNT }, (_, at) => {
      // The last ones end first.
      const keys = [keyEntry('k', producerKey, { notAfterMs: NOW_MS + 1_000 * (COUNT - at) })];
      return [`i${at}`, { ...one, name: `i${at}`, keys }] as const;
    });
    const configuration = {
      snapshot: { ...makeSnapshot(), identities: new Map(identities) },
      settings: { envoy: undefined },
    } as unknown as Configuration;
    const figures = { entries: 0, maxEntries: 1, floorSeconds: 0, clockSteps: 0 };
    const store = { name: 'fake', status: () => figures } as unknown as NonceStore;
    const registry = createRegistry({ configuration: () => configuration, store, nowMs: () => NOW_MS });
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    turn();
    const [shown, sameTime] = await Promise.all(
      [0, 1].map(() => samples(registry, 'countersign_expiry_timestamp_seconds{')),
    );
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(COUNT / 200);
    expect(sameTime).toEqual(shown);
    const owners = (shown ?? []).map((line) => Number(/owner="i(\d+)"/.exec(line)?.[1]));
    expect(owners.sort((left, right) => left - right)).toEqual(
      Array.from({ length: SHOWN }, (_, at) => COUNT - SHOWN + at),
    );
  });
});

test('the build says its version, its Node and its engine, once for all workers', async () => {
  const registries = [new Registry(), new Registry()];
  for (const registry of registries) addBuildInfo(registry, 'node:crypto');
  const merged = AggregatorRegistry.aggregate(
    await Promise.all(registries.map((registry) => registry.getMetricsAsJSON())),
  );
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(await samples(merged as Registry, 'countersign_build_info')).toEqual([
    `countersign_build_info{version="${version}",node_version="${process.versions.node}",engine="node:crypto"} 1`,
  ]);
});
