/** CheckRequests: spoiled as bytes, as fields, in their headers, and in their bodies, signed and not. */
import { checkMessage } from '../../support/check-messages.js';
import { fakeService } from '../../support/fake-service.js';
import {
  bundleFields,
  bundleParts,
  CERTIFICATE,
  graphFields,
  GRAPH_PATH,
  HEADER_NAMES,
  headerOf,
  commonFields,
  QUERY_PATH,
  setBody,
  setHeader,
  signedJson,
  signedParts,
  telemetryFields,
  telemetryParts,
  TELEMETRY_PATH,
  unsignedParts,
  type RequestParts,
} from '../../support/signed-request.js';
import { type Chance, DocumentSource } from '../../property/json-documents.js';
import { mutate } from '../mutate.js';
import { wrongAllow } from '../oracle.js';
import { checkEach, type Target } from '../target.js';
import { mutateFields } from '../wire.js';

const CERTIFICATE_TEXT = `certificate:${CERTIFICATE.certificateSha256}:${CERTIFICATE.spkiSha256}`;
const encode = (parts: RequestParts): Buffer => checkMessage(parts, CERTIFICATE_TEXT);

/** One good request of every kind. */
const GOOD: readonly [() => RequestParts, ...(() => RequestParts)[]] = [
  () => telemetryParts(),
  () => signedJson(GRAPH_PATH, graphFields()),
  () => signedJson(QUERY_PATH, { ...commonFields(), payload: {} }),
  () => bundleParts(),
  () => signedParts({ body: Buffer.from([0, 1, 2, 255]) }),
  () => ({ ...unsignedParts('/public/x', Buffer.alloc(0)), method: 'GET' }),
];

const HEADERS: readonly [string, ...string[]] = [
  ...(Object.values<string>({ ...HEADER_NAMES }) as [string, ...string[]]),
  'content-type',
  'content-length',
  'content-encoding',
  'x-envoy-auth-partial-body',
  'upgrade',
  'x-countersign-tenant',
  'x-forwarded-client-cert',
];

/** The promises to every input: an answer that Envoy cannot misread, no defect, and an allow only where it is due. */
function checkTarget(name: string, make: Target['make']): Target {
  const { send, store, time, defects } = fakeService();
  const check = async (message: Buffer): Promise<string | undefined> => {
    store.holders.clear();
    defects.length = 0;
    time.monotonicMs += 60_000;
    const response = await send(message);
    if (defects.length > 0) return `a defect: ${String(defects[0])}`;
    if (response.grpcCode !== 0 || response.metadata['code'] === 'pass_through') return undefined;
    const wrong = wrongAllow(message);
    return wrong === undefined ? undefined : `allowed with ${wrong}`;
  };
  return { name, make, check: (inputs) => checkEach(inputs, check) };
}

/** Bytes and fields of whole messages. */
export function checkRequestTarget(): Target {
  return checkTarget('check-request', (chance, corpus) => {
    const base = corpus.length > 0 && chance.below(3) === 0 ? corpus[chance.below(corpus.length)] : undefined;
    const message = base ?? encode(chance.pick(GOOD)());
    if (chance.below(3) === 0) return mutate(chance, message, corpus);
    const once = mutateFields(chance, message);
    return chance.below(2) === 0 ? once : mutateFields(chance, once);
  });
}

/** Values, number and order of headers. */
export function headersTarget(): Target {
  return checkTarget('headers', (chance) => {
    const parts = chance.pick(GOOD)();
    for (let left = 1 + chance.below(3); left > 0; left--) spoilHeader(chance, parts);
    return encode(parts);
  });
}

function spoilHeader(chance: Chance, parts: RequestParts): void {
  const name = chance.pick(HEADERS);
  const value = Buffer.from(
    parts.headers.some(([present]) => present === name) ? headerOf(parts, name) : '',
    'latin1',
  );
  const spoiled = mutate(chance, value);
  switch (chance.below(5)) {
    case 0:
      setHeader(parts, name);
      return;
    case 1:
      parts.headers.push([name, value]);
      return;
    case 2:
      parts.headers.unshift([name, spoiled]);
      return;
    case 3:
      parts.headers.push([chance.below(2) === 0 ? name.toUpperCase() : `${name} `, value]);
      return;
    default:
      setHeader(parts, name, spoiled);
  }
}

/** Bodies: changed after they were signed, and hostile ones that were signed. */
export function bodiesTarget(): Target {
  return checkTarget('bodies', (chance) => {
    const parts = chance.pick(GOOD)();
    if (chance.below(3) === 0) {
      setBody(parts, mutate(chance, Buffer.from(parts.body)));
      return encode(parts);
    }
    return encode(chance.below(4) === 0 ? bundleParts(spoiledBundle(chance)) : signedHostile(chance));
  });
}

/** Signed by the producer, and yet not what the contract says. */
function signedHostile(chance: Chance): RequestParts {
  const [path, fields] = chance.pick([
    [TELEMETRY_PATH, telemetryFields()],
    [GRAPH_PATH, graphFields()],
    [QUERY_PATH, { ...commonFields(), payload: {} }],
  ]);
  const text = JSON.stringify(fields);
  switch (chance.below(3)) {
    case 0:
      return signedJson(path, '', { body: mutate(chance, Buffer.from(text)) });
    case 1:
      return signedJson(path, withMember(chance, text));
    default:
      return signedJson(path, JSON.stringify({ ...fields, [chance.pick(names(fields))]: json(chance) }));
  }
}

/** One more member at the front or the back, its name perhaps one that is there, perhaps in another spelling. */
function withMember(chance: Chance, text: string): string {
  const name = chance.pick(names(JSON.parse(text) as object));
  const spelt = chance.below(2) === 0 ? name : `\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
  const member = `"${spelt}":${new DocumentSource(chance).document()}`;
  return chance.below(2) === 0 ? `{${member},${text.slice(1)}` : `${text.slice(0, -1)},${member}}`;
}

function spoiledBundle(chance: Chance): string {
  const fields = bundleFields();
  const name = chance.pick(names(fields));
  const changed =
    chance.below(2) === 0 ? { ...fields, [name]: json(chance) } : bundleFields({ [name]: json(chance) });
  const text = JSON.stringify({ bundle: changed });
  return chance.below(2) === 0 ? text : mutate(chance, Buffer.from(text)).toString('latin1');
}

function names(fields: object): [string, ...string[]] {
  return Object.keys(fields) as [string, ...string[]];
}

function json(chance: Chance): unknown {
  return JSON.parse(new DocumentSource(chance).document()) as unknown;
}
