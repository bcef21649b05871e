/** Names by which an identity is known instead of a pin: held to their authority, and told of as the weaker proof that they are. */
import type { CertificateAuthority } from '../../crypto/authority.js';
import { quoteText } from '../../json/escape-text.js';
import { trustDomainOf } from '../../protocol/spiffe-id.js';
import type { CertificateName, Identity } from '../../verify/snapshot.js';
import type { CertificateNameInput, IdentityInput } from '../schema/identity.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { ConfigurationNode, LoadContext } from './context.js';

type Names = Required<Pick<Identity, 'certificateNames' | 'meshNames'>>;

/** Compiles the names of identity after identity, and counts what rests on each authority. */
export class NameCompiler {
  readonly #input: ConfigurationInput;
  readonly #authorities: ReadonlyMap<string, CertificateAuthority>;
  readonly #load: LoadContext;
  /** Identities by the authority that they rest on. */
  readonly #resting = new Map<string, number>();
  #meshed = 0;

  constructor(
    input: ConfigurationInput,
    authorities: ReadonlyMap<string, CertificateAuthority>,
    load: LoadContext,
  ) {
    this.#input = input;
    this.#authorities = authorities;
    this.#load = load;
  }

  /** Those of one identity; faults are noted. */
  compile({ name, certificateNames, meshNames }: IdentityInput, identity: ConfigurationNode): Names {
    const believed = this.#input.forwardedClientCert === 'mesh-identity';
    if (meshNames.length > 0) this.#meshed++;
    if (meshNames.length > 0 && !believed)
      identity
        .at('meshNames')
        .problem(
          'count only on the word of a hop, and none is declared',
          'set forwardedClientCert: mesh-identity where a hop of the mesh sets the header afresh (SANITIZE_SET), or remove them',
        );
    for (const authority of new Set(certificateNames.map((entry) => entry.authority)))
      this.#resting.set(authority, (this.#resting.get(authority) ?? 0) + 1);
    warnOfOtherName(name, [...certificateNames, ...meshNames], identity);
    return {
      certificateNames: certificateNames
        .map((entry, index) => this.#compileName(entry, identity.at('certificateNames', index)))
        .filter((entry) => entry !== undefined),
      meshNames: meshNames.map((entry, index) => {
        const node = identity.at('meshNames', index);
        return { name: entry.uri, ...node.validity(entry) };
      }),
    };
  }

  #compileName(entry: CertificateNameInput, node: ConfigurationNode): CertificateName | undefined {
    const { uri, dns, authority, issuedFrom } = entry;
    const name = uri ?? dns;
    if (name === undefined || (uri !== undefined && dns !== undefined)) {
      node.problem('names nothing, or two things', 'give exactly one of uri and dns');
      return undefined;
    }
    this.#judgeAuthority(entry, node);
    const validity = node.validity(entry);
    node.warnOfEnd(validity.notAfterMs, 'this name');
    const issuedFromMs = issuedFrom === undefined ? Number.NEGATIVE_INFINITY : Date.parse(issuedFrom);
    return { kind: uri === undefined ? 'dns' : 'uri', name, authority, issuedFromMs, ...validity };
  }

  /** A SPIFFE ID is worth something under the bundle of its own trust domain alone (SPIFFE Trust Domain and Bundle, section 3). */
  #judgeAuthority({ uri, authority }: CertificateNameInput, node: ConfigurationNode): void {
    const known = this.#authorities.get(authority);
    if (known === undefined) {
      const remedy = 'add it to authorities, with the file of its CA certificates';
      node.at('authority').problem(`${quoteText(authority)} is no authority of this file`, remedy);
      return;
    }
    if (!uri?.toLowerCase().startsWith('spiffe:')) return;
    const trustDomain = trustDomainOf(uri);
    if (trustDomain === undefined)
      node
        .at('uri')
        .problem(
          'is not the SPIFFE ID of a workload',
          'write it as spiffe://TRUST-DOMAIN/PATH, the trust domain in lower case',
        );
    else if (known.trustDomain !== trustDomain)
      node
        .at('authority')
        .problem(
          known.trustDomain === undefined
            ? `${quoteText(authority)} has no trust domain`
            : `${quoteText(authority)} issues for the trust domain ${quoteText(known.trustDomain)}`,
          `name an authority whose trustDomain is ${quoteText(trustDomain)}`,
        );
  }

  /** One warning for all that rests on one thing: a thousand identities are no thousand warnings. */
  warnOfWeak(): void {
    for (const [authority, count] of this.#resting)
      if (this.#authorities.has(authority))
        this.#load
          .at('authorities', authority)
          .warn(
            `proves ${identitiesInWords(count)} by name, which is weaker than a pin: whoever can have it issue a certificate can be one of them, up to the signing key`,
          );
    if (this.#input.forwardedClientCert === 'mesh-identity')
      this.#load
        .at('forwardedClientCert')
        .warn(
          `believes a header for ${identitiesInWords(this.#meshed)}: it is as good as the network between the hop that sets it and Envoy`,
        );
  }
}

function identitiesInWords(count: number): string {
  return count === 1 ? 'one identity' : `${count} identities`;
}

/** A name that is a SPIFFE ID says whose certificates are expected. */
function warnOfOtherName(
  name: string,
  names: readonly { readonly uri?: string | undefined }[],
  node: ConfigurationNode,
): void {
  if (trustDomainOf(name) === undefined) return;
  const other = names.find(({ uri }) => uri !== undefined && uri !== name);
  if (other?.uri !== undefined)
    node.at('name').warn(`is a SPIFFE ID, and ${quoteText(other.uri)} may use it too`);
}
