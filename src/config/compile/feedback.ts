/** The `feedback` section: private keys read and judged, domains told apart, and what cannot be signed noted. */
import { type FeedbackSettings, type SigningDomain, activeKeyOf } from '../../feedback/feedback-settings.js';
import type { Identity, Policy } from '../../verify/snapshot.js';
import { quote, type ConfigurationPath } from '../document/findings.js';
import type { FeedbackInput, SigningDomainInput } from '../schema/feedback.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { LoadContext } from './context.js';
import { compileFeedbackKeys, judgeKeySeparation, type PlacedKey } from './feedback-keys.js';

/** What the section is held against. */
interface FeedbackSurroundings {
  readonly input: ConfigurationInput;
  readonly identities: ReadonlyMap<string, Identity>;
  readonly policies: ReadonlyMap<string, Policy>;
}

/** The settings, or undefined when the file has no such section; faults are noted. */
export function compileFeedback(
  surroundings: FeedbackSurroundings,
  context: LoadContext,
): FeedbackSettings | undefined {
  const { feedback } = surroundings.input;
  if (feedback === undefined) return undefined;
  const placed: PlacedKey[] = [];
  const compile = (domain: SigningDomainInput, path: ConfigurationPath): SigningDomain =>
    compileDomain(domain, path, placed, context);
  const defaultDomain = compile(feedback, ['feedback']);
  const tenantDomains = Object.entries(feedback.tenants).map(
    ([tenant, domain]) => [tenant, compile(domain, ['feedback', 'tenants', tenant])] as const,
  );
  judgeKeySeparation(placed, surroundings.identities, context.findings);
  checkTenants(feedback, surroundings.input, context);
  checkUse(feedback, surroundings, context);
  return {
    defaultDomain,
    tenantDomains: new Map(tenantDomains),
    adjustmentSchemaVersions: new Set(feedback.adjustmentSchemaVersions),
    maxAnswerBytes: feedback.maxAnswerBytes,
    executions: feedback.executions,
  };
}

function compileDomain(
  { keys: inputs, activeKid }: SigningDomainInput,
  path: ConfigurationPath,
  placed: PlacedKey[],
  context: LoadContext,
): SigningDomain {
  const keys = compileFeedbackKeys(inputs, [...path, 'keys'], context);
  placed.push(...keys);
  const domain = { keys: keys.map(({ key }) => key), activeKid };
  if (activeKid !== undefined && !inputs.some(({ kid }) => kid === activeKid))
    context.findings.problem(
      [...path, 'activeKid'],
      `${quote(activeKid)} is the id of none of the keys`,
      `name one of them: ${inputs.map(({ kid }) => kid).join(', ')}`,
    );
  else if (keys.length === inputs.length && activeKeyOf(domain, context.nowMs) === undefined)
    context.findings.warn(
      [...path, activeKid === undefined ? 'keys' : 'activeKid'],
      activeKid === undefined
        ? 'no key is valid now: no answer can be signed'
        : `${quote(activeKid)} is not valid now: no answer can be signed`,
    );
  return domain;
}

function checkTenants(
  { tenants }: FeedbackInput,
  { operators }: ConfigurationInput,
  context: LoadContext,
): void {
  const mapped = new Set(Object.values(operators));
  for (const tenant of Object.keys(tenants))
    if (!mapped.has(tenant))
      context.findings.warn(['feedback', 'tenants', tenant], 'no operator is mapped to this tenant');
}

function checkUse(
  { executions }: FeedbackInput,
  { input, policies }: FeedbackSurroundings,
  context: LoadContext,
): void {
  const signed = [...policies.values()].filter((policy) => policy.kind === 'signed');
  if (!signed.some(({ answer }) => answer === 'signed_feedback'))
    context.findings.warn(['feedback'], 'no policy signs its answers');
  if (!executions.required) return;
  if (!signed.some(({ remembersExecution }) => remembersExecution))
    context.findings.problem(
      ['feedback', 'executions', 'required'],
      'is true, and no policy takes execution graphs: every adjustment would be refused',
      'add a policy with profile: federation.execution-graph, or set it to false',
    );
  if (input.nonces.store === 'memory')
    context.findings.warn(
      ['feedback', 'executions', 'required'],
      'executions are kept in memory, so after a restart adjustments are refused until their graphs come again',
    );
}
