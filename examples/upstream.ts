/**
 * An application behind Countersign: believes the verified headers alone, and answers feedback queries in plain JSON, which is
 * signed on its way out. In place of the reference application:
 *
 *   npm run build && node dist/examples/upstream.js 9000
 *   make local-federation-up UPSTREAM=http://127.0.0.1:9000
 */
import { createServer, type IncomingMessage } from 'node:http';

/** Graphs by tenant. Countersign let each of them in once, so none is here twice. */
const graphs = new Map<string, object[]>();

/** A header that came once; of one that came twice nobody knows who set it. */
function verified(message: IncomingMessage, name: string): string | undefined {
  const values = message.headersDistinct[`x-countersign-${name}`];
  return values?.length === 1 ? values[0] : undefined;
}

interface Graph {
  readonly execution_fingerprint: string;
  readonly graph: { readonly target_urn: string; readonly nodes: readonly unknown[] };
}

function adjustment({ execution_fingerprint, graph }: Graph, tenant: string, attestation: string): object {
  return {
    tenant_id: tenant,
    execution_fingerprint,
    target_urn: graph.target_urn,
    action: graph.nodes.length >= 8 ? 'tighten' : 'observe',
    confidence: 0.9,
    rationale: `${graph.nodes.length} nodes`,
    control: 'log-only',
    ttl_seconds: 3600,
    timestamp: Math.floor(Date.now() / 1000),
    schema_version: 'feedback.adjustment.v1',
    attestation_measurement_hash: attestation,
  };
}

function answerTo(message: IncomingMessage, body: Buffer): [status: number, answer: object] {
  const [tenant, attestation] = [verified(message, 'tenant'), verified(message, 'attestation')];
  if (tenant === undefined) return [403, { error: 'not past the verifier' }];
  const kept = graphs.get(tenant) ?? [];
  if (message.url?.endsWith('/feedback/adjustments/query')) return [200, { data: kept.slice(-10) }];
  if (message.url?.endsWith('/execution-graph') && attestation !== undefined) {
    const graph = JSON.parse(body.toString()) as Graph;
    graphs.set(tenant, [...kept.slice(-99), adjustment(graph, tenant, attestation)]);
  }
  return [202, { request_id: verified(message, 'request-id'), status: 'accepted', errors: [] }];
}

const port = Number(process.argv[2] ?? 9000);
createServer((message, response) => {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => {
    const [status, answer] = answerTo(message, Buffer.concat(chunks));
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
}).listen(port, '127.0.0.1', () => console.log(`listens at http://127.0.0.1:${port}`)); // Only Envoy can get here.
