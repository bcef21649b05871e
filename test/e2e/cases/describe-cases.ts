/** Turns the tables into tests: one for each case and protocol. */
import { expectAllowed, expectRefusal, expectRefusedUnasked } from '../support/expectations.js';
import { PROTOCOLS, type Protocol } from '../support/outgoing.js';
import type { Front } from '../support/front.js';
import { feedback } from '../support/requests.js';
import type { Stage } from '../support/stage.js';
import { worldOf } from '../support/world.js';
import { ACCEPTED_CASES } from './accepted.js';
import type { AllowCase, PassThroughCase, RefusalCase, UnaskedCase } from './case.js';
import { describeWhatIsLearnt } from './learnt.js';
import { HIGH_BYTES, PASS_THROUGH_CASES, PATH_CASES } from './paths.js';
import { REFUSAL_TABLES } from './refused.js';
import { describeRewrittenPaths } from './rewritten-paths.js';
import { NORMALISED_CASES, ROUTE_CASES, UNASKED_CASES } from './routes.js';

const of = <Case extends { readonly on?: Protocol }>(cases: readonly Case[], protocol: Protocol): Case[] =>
  cases.filter(({ on }) => on === undefined || on === protocol);

function describeRefusals(
  title: string,
  cases: readonly RefusalCase[],
  protocol: Protocol,
  stage: () => Stage,
): void {
  describe(title, () => {
    test.each(of(cases, protocol))('$title', async ({ make, refused }) => {
      const outgoing = make(worldOf(stage().federation.credentials));
      const seen = await stage().exchange(protocol, outgoing);
      // A HEAD has no body to look at (RFC 9110, section 9.3.2).
      if (outgoing.method !== 'HEAD') expectRefusal(seen, refused);
      else
        expect([seen.answer.status, seen.records[0]?.code, seen.arrivals]).toEqual([
          refused.status,
          refused.audit,
          [],
        ]);
    });
  });
}

function describeUnasked(
  cases: readonly UnaskedCase[],
  { protocol, stage, front }: Readonly<{ protocol: Protocol; stage: () => Stage; front: Front }>,
): void {
  describe('what Envoy refuses by itself', () => {
    test.each(of(cases, protocol))('$title', async ({ make, status, client, byExtProc }) => {
      const outgoing = make(worldOf(stage().federation.credentials));
      const seen = await stage().exchange(protocol, outgoing);
      if (front === 'ext_proc' && byExtProc !== undefined) expectRefusal(seen, byExtProc);
      else expectRefusedUnasked(seen, status, client);
    });
  });
}

function describeAllowed(
  title: string,
  cases: readonly AllowCase[],
  protocol: Protocol,
  stage: () => Stage,
): void {
  describe(title, () => {
    test.each(of(cases, protocol))('$title', async ({ make, status, arrivesAs }) => {
      const outgoing = make(worldOf(stage().federation.credentials));
      const seen = await stage().exchange(protocol, outgoing);
      expectAllowed(seen, { ...outgoing, path: arrivesAs ?? outgoing.path }, status);
    });
  });
}

function describePassThrough(
  cases: readonly PassThroughCase[],
  protocol: Protocol,
  stage: () => Stage,
): void {
  describe('what passes unchecked', () => {
    test.each(of(cases, protocol))('$title', async ({ make, arrivesAs }) => {
      const { method, path, ...rest } = make(worldOf(stage().federation.credentials));
      const { records, arrivals } = await stage().exchange(protocol, { ...rest, method, path });
      expect(records.map(({ code }) => code)).toEqual(['pass_through']);
      expect(arrivals).toMatchObject([{ method, path: arrivesAs ?? path }]);
    });
  });
}

/** Every table over both protocols, on the stage of the calling file, whose Envoy asks by way of `front`. */
export function describeAllCases(stage: () => Stage, front: Front = 'ext_authz'): void {
  describe.each(PROTOCOLS)('over %s', (protocol) => {
    describeAllowed('what passes', ACCEPTED_CASES, protocol, stage);
    describeAllowed('one reading of a path', NORMALISED_CASES, protocol, stage);
    for (const [title, cases] of REFUSAL_TABLES) describeRefusals(title, cases, protocol, stage);
    describeUnasked(UNASKED_CASES, { protocol, stage, front });
    describeWhatIsLearnt(protocol, stage);
    describePassThrough([...PASS_THROUGH_CASES, HIGH_BYTES], protocol, stage);
  });
  describeRewrittenPaths(stage);
}

/** What a gateway with other answers than ours refuses by itself, or leaves to the verifier: nothing of it arrives. */
function describeKeptOut(protocol: Protocol, stage: () => Stage): void {
  describe('what need not come to the verifier', () => {
    test.each(of(UNASKED_CASES, protocol))('$title', async ({ make }) => {
      const outgoing = make(worldOf(stage().federation.credentials));
      const { answer, arrivals, records } = await stage().exchange(protocol, outgoing);
      const isKeptOut = answer.status === 0 || answer.status >= 400;
      expect({ isKeptOut, arrivals, allows: records.filter(({ code }) => code === 'allow') }).toEqual({
        isKeptOut: true,
        arrivals: [],
        allows: [],
      });
    });
  });
}

/** Of tables that only the verifier decides on. */
const SLICE = 4;

/** The tables that an Envoy of somebody else could spoil: what passes, paths and routes. */
function describeSpoilable(protocol: Protocol, stage: () => Stage): void {
  describeAllowed('what passes', ACCEPTED_CASES.slice(0, SLICE), protocol, stage);
  describeAllowed('one reading of a path', NORMALISED_CASES, protocol, stage);
  for (const [title, cases] of REFUSAL_TABLES) {
    const isWhole = cases === ROUTE_CASES || cases === PATH_CASES;
    describeRefusals(title, isWhole ? cases : cases.slice(0, SLICE), protocol, stage);
  }
}

/** Those, and Envoy's own refusals, which are worded by our fragments. */
export function describeSlice(stage: () => Stage, front: Front = 'ext_authz'): void {
  describe.each(PROTOCOLS)('over %s', (protocol) => {
    describeSpoilable(protocol, stage);
    describeUnasked(UNASKED_CASES, { protocol, stage, front });
  });
}

/** Those, before a gateway that words its own refusals. */
export function describeGateway(stage: () => Stage): void {
  describe.each(PROTOCOLS)('over %s', (protocol) => {
    describeSpoilable(protocol, stage);
    describeKeptOut(protocol, stage);

    test('an answer is signed, and the request is one once', async () => {
      const outgoing = feedback({ by: worldOf(stage().federation.credentials).a });
      expectAllowed(await stage().exchange(protocol, outgoing), outgoing, 200);
      const again = await stage().exchange(protocol, outgoing);
      expect([again.answer.status, again.arrivals]).toEqual([409, []]);
    });
  });
}
