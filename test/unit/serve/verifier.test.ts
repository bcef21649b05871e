import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Client, credentials } from '@grpc/grpc-js';
import type { Configuration } from '../../../src/config/settings.js';
import { startVerifier } from '../../../src/serve/verifier.js';
import { anyFreePort } from '../../e2e/support/free-port.js';
import { checkMessage, readResponse, type ReadResponse } from '../../support/check-messages.js';
import { makeSnapshot, profilePolicy, rawPolicy, telemetryParts } from '../../support/signed-request.js';

const instant = (
  [
    'federation.telemetry',
    'federation.execution-graph',
    'federation.feedback-query',
    'federation.verify',
  ] as const
).map((name) => profilePolicy(name, { freshness: { pastSkewSeconds: 30, futureSkewSeconds: 0 } }));
const raw = { ...rawPolicy, freshness: { pastSkewSeconds: 30, futureSkewSeconds: 0 } };
const logger = pino({ level: 'silent' });
/** Nothing is reloaded here. */
const options = {
  files: { load: () => Promise.resolve({ problems: ['none'], parts: undefined }) },
  fileStates: new Map<string, string>(),
  lostLogLines: () => 0,
};
let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'verifier-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function occupy(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function configurationFor(port: number, metricsPort?: number): Configuration {
  return {
    file: 'countersign.yaml',
    // No future skew: a memory store then has to wait out no more than the second in which it started.
    snapshot: makeSnapshot({ policies: [...instant, raw] }),
    warnings: [],
    filesRead: [],
    settings: {
      listen: { extProcVerify: false, socketPath: join(folder, 'run/verifier.sock') },
      workers: 1,
      admin: { host: '127.0.0.1', port, allowedHosts: [] },
      metrics:
        metricsPort === undefined ? undefined : { host: '127.0.0.1', port: metricsPort, allowedHosts: [] },
      nonces: { store: 'memory', maxEntries: 1_000, maxEntriesPerIdentity: 1_000 },
      audit: {
        sink: { kind: 'file', path: join(folder, 'audit.ndjson') },
        log: undefined,
        otlp: undefined,
        onFailure: 'refuse',
        durability: 'process',
      },
      limits: {
        maxBodyBytes: 4_096,
        maxConcurrentChecks: 10,
        claimMarginMilliseconds: 10,
        checkTimeoutMilliseconds: 10_000,
        drainMilliseconds: 1_000,
        drainDelayMilliseconds: 0,
      },
      keys: { sources: [] },
      log: { level: 'info' },
      envoy: undefined,
    },
  };
}

function call(message: Buffer): Promise<ReadResponse> {
  const client = new Client(`unix:${join(folder, 'run/verifier.sock')}`, credentials.createInsecure());
  const identity = (bytes: Buffer): Buffer => bytes;
  const path = '/envoy.service.auth.v3.Authorization/Check';
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, identity, identity, message, (error, response) => {
      client.close();
      if (error !== null || response === undefined) reject(error ?? new Error('no response'));
      else resolve(readResponse(response));
    });
  });
}

describe('a verifier', () => {
  it('serves, shows itself on the admin port, and leaves nothing behind when it stops', async () => {
    const port = await anyFreePort();
    const verifier = await startVerifier(configurationFor(port), logger, options);
    const admin = async (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    while ((await admin('/readyz')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await (await admin('/status')).json()).toMatchObject({
      configuration: { file: 'countersign.yaml', generation: 1 },
      nonces: { store: 'memory', entries: 0 },
    });
    const refused = await call(checkMessage({ ...telemetryParts(), peerCertificate: 'missing' }, ''));
    expect(refused.httpStatus).toBe(401);
    const metrics = await (await admin('/metrics')).text();
    expect(metrics).toContain(
      'countersign_decisions_total{policy="federation.telemetry",code="certificate_missing"} 1',
    );
    expect(metrics).toContain('countersign_serving 1\n');
    expect(metrics).toMatch(/countersign_stage_seconds_count\{stage="total"\} 1/);
    await verifier.stop();
    expect(readFileSync(join(folder, 'audit.ndjson'), 'utf8')).toContain('"code":"certificate_missing"');
    expect(existsSync(join(folder, 'run/verifier.sock'))).toBe(false);
    await expect(admin('/livez')).rejects.toThrow();
  });

  it('shows its metrics on a port of their own where there is one, and has both ports or none', async () => {
    const [port, metricsPort] = [await anyFreePort(), await anyFreePort()];
    const taken = await occupy(metricsPort);
    const configuration = configurationFor(port, metricsPort);
    await expect(startVerifier(configuration, logger, options)).rejects.toThrow(/metrics\.port/);
    await new Promise((resolve) => taken.close(resolve));
    const verifier = await startVerifier(configuration, logger, options);
    const pages = ['metrics', 'status'].map((path) => fetch(`http://127.0.0.1:${metricsPort}/${path}`));
    const [shown, hidden] = await Promise.all(pages);
    expect(await shown!.text()).toContain('countersign_build_info{');
    expect(hidden!.status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
    await verifier.stop();
    await expect(fetch(`http://127.0.0.1:${metricsPort}/metrics`)).rejects.toThrow();
  });

  it('stops what had started when a part of it cannot start', async () => {
    const port = await anyFreePort();
    const taken = await occupy(port);
    await expect(startVerifier(configurationFor(port), logger, options)).rejects.toThrow(/admin\.port/);
    await new Promise((resolve) => taken.close(resolve));
    const verifier = await startVerifier(configurationFor(port), logger, options);
    await verifier.stop();
  });
});
