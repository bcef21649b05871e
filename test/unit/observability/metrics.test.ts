import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import type { Configuration } from '../../../src/config/settings.js';
import type { NonceStore } from '../../../src/nonces/nonce-store.js';
import { timedClaims } from '../../../src/observability/claim-metrics.js';
import { DecisionMetrics } from '../../../src/observability/decision-metrics.js';
import { createRegistry } from '../../../src/observability/process-metrics.js';
import { StageTimer } from '../../../src/envoy/stage-timer.js';
import type { ClaimPlan } from '../../../src/verify/effects.js';
import { refuse } from '../../../src/verify/refusal.js';
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
    const timer = new StageTimer(() => now);
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
    const timed = timedClaims(
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
    const registry = createRegistry({ configuration: () => configuration, store });
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
    const registry = createRegistry({ configuration: () => configuration, store });
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
