/**
 * Traces through a real Envoy that traces, too: one trace from Envoy's own spans to the signature, in the order in which one
 * made the other; and a collector that goes away in the middle of it is noticed by nobody.
 */
import { fetchPage } from '../../tools/local-federation/health.js';
import { attribute, OtlpCollector, type TakenSpan } from '../support/audit/otlp-collector.js';
import { until } from '../support/until.js';
import { adjustment } from './support/feedback-answers.js';
import { FRONTS, through, type Front } from './support/front.js';
import { adding, replacing, type Outgoing } from './support/outgoing.js';
import { feedback, telemetry } from './support/requests.js';
import { answering, ScriptedApplication } from './support/scripted-application.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const CALLER = 'b7ad6b7169203331';
const DEAD_SIGNATURE = `${'A'.repeat(86)}==`;

/** What docs/tracing.md#envoy says to add. */
function tracingEnvoy(bootstrap: string, port: number): string {
  const tracing = {
    random_sampling: { value: 100 },
    provider: {
      name: 'envoy.tracers.opentelemetry',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig',
        service_name: 'envoy',
        http_service: {
          http_uri: { uri: `http://127.0.0.1:${port}/v1/traces`, cluster: 'collector', timeout: '1s' },
        },
      },
    },
  };
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }];
  const load_assignment = { cluster_name: 'collector', endpoints };
  const collector = { name: 'collector', type: 'STATIC', connect_timeout: '1s', load_assignment };
  return bootstrap
    .replace(
      /^( *)stat_prefix: ingress$/m,
      (line, indent: string) => `${line}\n${indent}tracing: ${JSON.stringify(tracing)}`,
    )
    .replace(
      /^( *)clusters:$/m,
      (line, indent: string) => `${line}\n${indent}  - ${JSON.stringify(collector)}`,
    );
}

describe.each(FRONTS)('by %s', (front: Front) => {
  let collector: OtlpCollector;
  let application: ScriptedApplication;
  let stage: Stage;
  let world: World;
  let traces = 0;

  beforeAll(async () => {
    [collector, application] = await Promise.all([OtlpCollector.start(), ScriptedApplication.start()]);
    const tracing = { endpoint: `http://127.0.0.1:${collector.port}`, sampleRatio: 0 };
    stage = await Stage.open({
      upstream: application.address,
      patchConfiguration: (document) => ({ ...through(front, document), tracing }),
      patchBootstrap: (bootstrap) => tracingEnvoy(bootstrap, collector.port),
    });
    world = worldOf(stage.federation.credentials);
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await Promise.all([collector.stop(), application.close()]);
  }, 90_000);

  const newTrace = (): string => String(++traces).padStart(32, 'a');
  const within = (outgoing: Outgoing, trace: string, flags = '01'): Outgoing =>
    adding(outgoing, ['traceparent', `00-${trace}-${CALLER}-${flags}`]);
  const spansOf = (trace: string): TakenSpan[] => collector.spans.filter(({ traceId }) => traceId === trace);
  const ours = (trace: string): string[] =>
    spansOf(trace)
      .filter(
        ({ name, attributes }) => attribute(attributes, 'countersign.code') !== undefined || name === 'claim',
      )
      .map(({ name }) => name)
      .sort();
  const metric = async (line: string): Promise<number> => {
    const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/metrics`);
    const found = body.split('\n').find((each) => each.startsWith(`${line} `));
    return Number(found?.split(' ').at(-1) ?? 0);
  };

  it('an answer that is signed is one trace, from the caller to the signature', async () => {
    application.script = answering(200, JSON.stringify([adjustment()]));
    const trace = newTrace();
    const { answer, records } = await stage.exchange('HTTP/2', within(feedback({ by: world.a }), trace));
    expect(answer.status).toBe(200);
    await until('its spans are there', () => ours(trace).length === 3 && spansOf(trace).length > 4);
    expect(ours(trace)).toEqual(['check', 'claim', 'sign']);
    const named = (name: string): TakenSpan => spansOf(trace).find((span) => span.name === name)!;
    const parentOf = ({ parentSpanId }: TakenSpan) =>
      spansOf(trace).find(({ spanId }) => spanId === parentSpanId);
    expect(named('claim').parentSpanId).toBe(named('check').spanId);
    expect(named('sign').parentSpanId).toBe(named('check').spanId);
    // By ext_proc the call's own metadata is not read: the caller's span is the nearest that the request names.
    const envoys = 'async envoy.service.auth.v3.Authorization.Check egress';
    const [nearest, parent] =
      front === 'ext_authz'
        ? [envoys, parentOf(named('check'))?.name]
        : [CALLER, named('check').parentSpanId];
    expect(parent).toBe(nearest);
    expect(named('ingress').parentSpanId).toBe(CALLER);
    expect(records.find(({ code }) => code === 'allow')).toMatchObject({ trace_id: trace });
  });

  it('a refusal of somebody with a forged signature is not traced, whatever flag it carries', async () => {
    const [forged, honest] = [newTrace(), newTrace()];
    const request = replacing(telemetry({ by: world.a }), 'X-Telemetry-Signature', DEAD_SIGNATURE);
    const { answer } = await stage.exchange('HTTP/1.1', within(request, forged));
    expect(answer.status).toBe(401);
    await stage.exchange('HTTP/1.1', within(telemetry({ by: world.a }), newTrace(), '00'));
    await stage.exchange('HTTP/1.1', within(telemetry({ by: world.a }), honest));
    await until('the later one is there', () => ours(honest).length === 2);
    expect(ours(forged)).toEqual([]);
  });

  it('a collector that goes away takes no request with it; its spans are kept, and come', async () => {
    await collector.stop();
    const [first, last] = [newTrace(), newTrace()];
    for (let at = 0; at < 20; at++) {
      const { answer } = await stage.exchange('HTTP/2', within(telemetry({ by: world.a }), first));
      expect(answer.status).toBe(200);
    }
    await until('spans wait', async () => (await metric('countersign_trace_spans_waiting')) >= 40);
    await collector.start();
    const { answer } = await stage.exchange('HTTP/2', within(telemetry({ by: world.a }), last));
    expect(answer.status).toBe(200);
    await until('all are there', () => ours(first).length === 40 && ours(last).length === 2);
    expect(await metric('countersign_trace_spans_total{outcome="full"}')).toBe(0);
  });
});
