/**
 * The Envoy of a federation once more, beside it and on ports of its own, with another bootstrap: without some filters, or in
 * front of another server than the verifier.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseDocument } from 'yaml';
import { anyFreePort } from '../e2e/support/free-port.js';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import type { Federation } from '../../tools/local-federation/federation.js';
import { end } from './pinned-process.js';

/** The name of the file, in every federation (tools/local-federation/configuration.ts). */
const VERIFIER_SOCKET = 'verifier.sock';
const READY_TRIES = 100;
const READY_PAUSE_MILLISECONDS = 50;

export interface EnvoyBeside {
  readonly child: ChildProcess;
  readonly url: string;
}

/** @param name of its files; @param change what becomes of the bootstrap. Rejects when Envoy does not become ready. */
export async function startEnvoyBeside(
  { layout, environment }: Federation,
  name: string,
  change: (bootstrap: string) => string,
): Promise<EnvoyBeside> {
  const url = new URL(environment.COUNTERSIGN_URL);
  const admin = new URL(environment.COUNTERSIGN_ENVOY_ADMIN_URL);
  let bootstrap = change(readFileSync(layout.envoyFile, 'utf8'));
  for (const taken of listenerPorts(bootstrap).concat(admin.port)) {
    const port = String(await anyFreePort());
    bootstrap = bootstrap.replace(new RegExp(`\\b${taken}\\b`, 'g'), port);
    for (const place of [url, admin]) if (place.port === taken) place.port = port;
  }
  const file = `${layout.envoyFile}.${name}.json`;
  writeFileSync(file, bootstrap);
  const args = ['-c', file, '--disable-hot-restart', '--concurrency', '2', '-l', 'warning'];
  const child = spawn(await findEnvoy(layout, undefined), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; tries < READY_TRIES && child.exitCode === null; tries++) {
    const ready = await fetch(new URL('/ready', admin)).catch(() => undefined);
    if (ready?.status === 200) return { child, url: url.origin };
    await delay(READY_PAUSE_MILLISECONDS);
  }
  await end(child);
  throw new Error(`the Envoy of ${file} did not become ready`);
}

interface Bootstrap {
  readonly static_resources: {
    readonly listeners: readonly {
      readonly address: { readonly socket_address?: { readonly port_value: number } };
    }[];
  };
}

function listenerPorts(bootstrap: string): string[] {
  const { listeners } = (JSON.parse(bootstrap) as Bootstrap).static_resources;
  return listeners.flatMap(({ address }) => address.socket_address?.port_value ?? []).map(String);
}

/** Takes filters, and what routes say to them, out of a bootstrap. */
export function withoutFilters(bootstrap: string, filters: readonly string[]): string {
  return changed(bootstrap, (value) => {
    if (Array.isArray(value)) return (value as unknown[]).filter((entry) => !isNamed(entry, filters));
    if (isRecord(value))
      return Object.fromEntries(Object.entries(value).filter(([name]) => !filters.includes(name)));
    return value;
  });
}

/** Puts the server of another socket in the verifier's place, which need not answer health checks. */
export function withSocket(bootstrap: string, socketPath: string): string {
  return changed(bootstrap, (value) => {
    if (typeof value === 'string' && value.endsWith(`/${VERIFIER_SOCKET}`)) return socketPath;
    if (!isRecord(value)) return value;
    const { health_checks: checks, ...rest } = value;
    return checks === undefined ? value : rest;
  });
}

/** A bootstrap in YAML, as JSON, with every value in it given to `change`, those within first. */
function changed(bootstrap: string, change: (value: unknown) => unknown): string {
  const plain: unknown = parseDocument(bootstrap).toJS();
  return JSON.stringify(JSON.parse(JSON.stringify(plain), (_key, value: unknown) => change(value)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(entry: unknown, names: readonly string[]): boolean {
  return isRecord(entry) && names.includes(String(entry['name']));
}
