/** Which build runs: for dashboards, and to see a roll-out that stopped half-way. */
import { Gauge, type Registry } from 'prom-client';
import { packageVersion } from './package-version.js';

/** `countersign_build_info`, 1; `engine` is the name of the one that verifies signatures. */
export function addBuildInfo(registry: Registry, engine: string): void {
  new Gauge({
    name: 'countersign_build_info',
    help: '1; the labels say which version runs on which Node, and what verifies signatures.',
    labelNames: ['version', 'node_version', 'engine'],
    registers: [registry],
    aggregator: 'max',
  }).set({ version: packageVersion(), node_version: process.versions.node, engine }, 1);
}
